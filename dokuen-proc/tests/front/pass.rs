//! Requests and responses of every shape, one at a time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::app::{App, hang_up};
use crate::driver::{Driver, eventually};
use crate::nginx::Conn;

/// A front before an app.
pub fn before(app: &App) -> (tempfile::TempDir, Driver) {
    let dir = tempfile::tempdir().unwrap();
    let front = Driver::new(&dir.path().join("web.1"));
    front.open(app.addr);
    (dir, front)
}

#[test]
fn one_connection_each_way_serves_many_requests() {
    let app = App::echo();
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    for i in 0..200 {
        assert_eq!(conn.get(&format!("/{i}")).text(), format!("GET /{i} "));
        assert_eq!(conn.post("/p", &format!("body {i}")).text(), format!("POST /p body {i}"));
    }
    assert_eq!(front.in_flight(), 0);
    // A POST uses no connection before a GET has proved that the app keeps them.
    assert!(app.connections() <= 3, "{}", app.connections());
}

#[test]
fn an_idle_front_has_no_deadline_and_keeps_nginx_connections() {
    let app = App::echo();
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.get("/");
    let pooled = Instant::now();
    assert!(!front.is_idle());
    eventually("the pooled connection is closed", || front.is_idle());
    assert!(pooled.elapsed() > Duration::from_millis(900));
    assert_eq!(front.connections(), 1);
    assert_eq!(conn.get("/again").text(), "GET /again ");
    drop(conn);
    eventually("nginx's close is noticed", || front.connections() == 0);
}

#[test]
fn the_socket_is_for_the_group_and_nothing_is_left_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.1");
    let _first = Driver::new(&path);
    let _second = Driver::new(&path);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn chunked_bodies_pass_whatever_pieces_they_come_in() {
    let app = App::echo();
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    let request = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n";
    assert_eq!(conn.ask(&request.replace(";x=y", "")).text(), "POST /c hello world");
    for byte in request.replace(";x=y", "").as_bytes() {
        conn.send([*byte]);
    }
    assert_eq!(conn.reply().unwrap().text(), "POST /c hello world");
}

#[test]
fn pipelined_requests_are_served_in_order() {
    let app = App::echo();
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    let all: String = (0..50).map(|i| crate::nginx::post(&format!("/{i}"), "x")).collect();
    conn.send(all);
    for i in 0..50 {
        assert_eq!(conn.reply().unwrap().text(), format!("POST /{i} x"));
    }
}

#[test]
fn responses_without_a_body_are_known_as_such() {
    let app = App::new(|asked, peer| match asked.path.as_str() {
        "/head" => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        "/204" => peer.send("HTTP/1.1 204 No Content\r\n\r\n"),
        "/304" => peer.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
        _ => peer.ok("body"),
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    for _ in 0..3 {
        conn.send("HEAD /head HTTP/1.1\r\n\r\n");
        assert_eq!(conn.reply_to(true).unwrap().status, 200);
        assert_eq!(conn.get("/204").status, 204);
        assert_eq!(conn.get("/304").status, 304);
        assert_eq!(conn.get("/").text(), "body");
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn interim_responses_stay_here() {
    let app = App::new(|asked, peer| {
        peer.send("HTTP/1.1 100 Continue\r\n\r\n")?;
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")?;
        peer.ok(asked.body)
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send("POST /unread HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(conn.reply().unwrap().status, 200);
    assert_eq!(front.connections(), 1);
}

#[test]
fn a_response_ends_with_the_connection_when_nothing_else_tells() {
    let app = App::new(|asked, peer| {
        let old = if asked.path == "/old" { "HTTP/1.0 200 OK" } else { "HTTP/1.1 200 OK" };
        peer.send(format!("{old}\r\n\r\nhello"))?;
        hang_up()
    });
    let (_dir, front) = before(&app);
    for path in ["/old", "/new"] {
        assert_eq!(Conn::to(&front.path).get(path).text(), "hello");
    }
    eventually("all is over", || front.connections() == 0 && front.in_flight() == 0);
}

#[test]
fn the_apps_close_is_passed_on_and_then_meant() {
    let app = App::new(|_, peer| {
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")?;
        hang_up()
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    let reply = conn.post("/", "x");
    assert!(reply.closes() && conn.ends());
}

#[test]
fn an_app_that_closes_idle_connections_is_not_noticed() {
    // It says nothing of closing, and does it at once: the worst that a server can do.
    let app = App::new(|asked, peer| {
        peer.ok(asked.body)?;
        hang_up()
    });
    let (_dir, front) = before(&app);
    let path = &front.path;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let mut conn = Conn::to(path);
                for i in 0..200 {
                    let sent = i.to_string();
                    assert_eq!(conn.post("/", &sent).text(), sent);
                    assert_eq!(conn.get("/").status, 200);
                }
            });
        }
    });
    assert_eq!(app.connections(), app.requests.load(Ordering::SeqCst));
}

#[test]
fn a_get_on_a_connection_that_dies_is_sent_once_more_and_a_post_is_not() {
    // The first request of a connection is answered, the second is read and its connection ended without an answer.
    let app = App::new(|asked, peer| {
        peer.ok("first")?;
        drop(asked);
        let mut second = [0; 1];
        std::io::Read::read_exact(&mut peer.read, &mut second)?;
        hang_up()
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    for _ in 0..20 {
        assert_eq!(conn.get("/").text(), "first");
    }
    // It never kept a connection, so no POST is risked on a used one.
    assert_eq!(conn.post("/", "x").text(), "first");
    assert!(app.requests.load(Ordering::SeqCst) == 21);
}

#[test]
fn an_app_that_ends_before_any_answer_leaves_the_choice_to_nginx() {
    let app = App::new(|_, _| hang_up());
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send("GET / HTTP/1.1\r\n\r\n");
    assert!(conn.ends());
    assert_eq!(app.requests.load(Ordering::SeqCst), 1, "a fresh connection's request is not sent again");
}

#[test]
fn an_app_that_dies_in_mid_response_is_told_by_a_close() {
    let app = App::new(|asked, peer| {
        let framing = if asked.path == "/length" { "Content-Length: 100" } else { "Transfer-Encoding: chunked" };
        peer.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhello"))?;
        hang_up()
    });
    let (_dir, front) = before(&app);
    for path in ["/length", "/chunked"] {
        let mut conn = Conn::to(&front.path);
        conn.send(format!("GET {path} HTTP/1.1\r\n\r\n"));
        conn.head().unwrap();
        assert_eq!(conn.rest().unwrap(), b"5\r\nhello");
    }
    eventually("all is over", || front.connections() == 0);
}

#[test]
fn an_early_refusal_of_a_large_body_arrives() {
    let app = App::new(|_, peer| {
        peer.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n")?;
        hang_up()
    });
    let (_dir, front) = before(&app);
    for _ in 0..20 {
        let mut conn = Conn::to(&front.path);
        conn.send(format!("POST /unread HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 4 << 20));
        conn.send(vec![0; 4 << 20]);
        assert_eq!(conn.reply().unwrap().status, 413);
        assert!(conn.ends());
    }
    eventually("all is over", || front.connections() == 0 && front.in_flight() == 0);
}

#[test]
fn nginx_leaving_is_told_to_the_app() {
    let (told, heard) = std::sync::mpsc::channel();
    let app = App::new(move |_, peer| {
        let end = std::io::Read::read(&mut peer.read, &mut [0]);
        told.send(matches!(end, Ok(0) | Err(_))).unwrap();
        hang_up()
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send("GET / HTTP/1.1\r\n\r\n");
    eventually("the request is under way", || front.in_flight() == 1);
    drop(conn);
    assert!(heard.recv_timeout(Duration::from_secs(10)).unwrap());
    eventually("all is over", || front.connections() == 0 && front.in_flight() == 0);
}
