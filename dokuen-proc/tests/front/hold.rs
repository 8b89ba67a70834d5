//! An app that is not up: its requests wait.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::driver::{Driver, eventually};
use crate::nginx::{Conn, post};
use crate::pass::before;

fn closed() -> (tempfile::TempDir, Driver) {
    let dir = tempfile::tempdir().unwrap();
    let front = Driver::new(&dir.path().join("web.1"));
    (dir, front)
}

#[test]
fn requests_wait_for_an_app_that_is_not_open_yet() {
    let (_dir, front) = closed();
    let mut conns: Vec<Conn> = (0..30).map(|_| Conn::to(&front.path)).collect();
    for (i, conn) in conns.iter_mut().enumerate() {
        conn.send(post("/", &i.to_string()));
    }
    eventually("all are here", || front.connections() == 30);
    assert_eq!(front.in_flight(), 0);
    let app = App::echo();
    front.open(app.addr);
    for (i, conn) in conns.iter_mut().enumerate() {
        assert_eq!(conn.reply().unwrap().text(), format!("POST / {i}"));
    }
}

#[test]
fn a_port_that_refuses_is_tried_until_it_listens() {
    let (_dir, front) = closed();
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    front.open(addr);
    let mut conns: Vec<Conn> = (0..10).map(|_| Conn::to(&front.path)).collect();
    for conn in &mut conns {
        conn.send(post("/", &"x".repeat(100_000)));
    }
    std::thread::sleep(Duration::from_millis(50));
    let app = App::on(addr, |asked, peer| peer.ok(asked.body.len().to_string()));
    let up = Instant::now();
    for conn in &mut conns {
        assert_eq!(conn.reply().unwrap().text(), "100000");
    }
    assert!(up.elapsed() < Duration::from_secs(1), "{:?}", up.elapsed());
    eventually("no try is planned any more", || front.is_idle());
    drop(app);
}

#[test]
fn a_restart_between_hold_and_open_loses_nothing() {
    let mut app = App::echo();
    let (_dir, front) = before(&app);
    let addr = app.addr;
    let path = front.path.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let load = std::thread::spawn(move || {
        let (mut conn, mut count) = (Conn::to(&path), 0);
        while stopped.try_recv().is_err() {
            assert_eq!(conn.post("/", "x").text(), "POST / x");
            count += 1;
        }
        count
    });
    for _ in 0..20 {
        front.hold();
        eventually("the app has nothing to do", || front.in_flight() == 0);
        drop(app);
        app = App::on(addr, |_, peer| peer.ok("POST / x"));
        front.open(addr);
        std::thread::sleep(Duration::from_millis(5));
    }
    stop.send(()).unwrap();
    assert!(load.join().unwrap() > 20);
}

#[test]
fn who_waited_too_long_is_told_to_come_again() {
    let (_dir, front) = closed();
    let (mut whole, mut half) = (Conn::to(&front.path), Conn::to(&front.path));
    whole.send(post("/", "x"));
    half.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
    eventually("both are here", || !front.is_idle() && front.connections() == 2);
    // As the wrapper would, but without waiting.
    let later = Instant::now() + Duration::from_secs(10);
    front.call(move |front, registry| front.tick(registry, later));
    for (conn, closes) in [(&mut whole, false), (&mut half, true)] {
        let reply = conn.reply().unwrap();
        assert_eq!((reply.status, reply.closes()), (503, closes));
        assert!(reply.head.contains("\r\nRetry-After: 1\r\n"));
    }
    let app = App::echo();
    front.open(app.addr);
    assert_eq!(whole.get("/").text(), "GET / ");
    half.send("the rest");
    assert!(half.ends());
}

#[test]
fn who_leaves_while_waiting_is_forgotten() {
    let (_dir, front) = closed();
    let mut conn = Conn::to(&front.path);
    conn.send(post("/", "x"));
    eventually("it waits", || !front.is_idle());
    drop(conn);
    eventually("it is forgotten", || front.is_idle() && front.connections() == 0);
}

#[test]
fn a_connection_of_the_former_app_is_not_used_for_the_next_one() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let former = App::new(move |_, peer| {
        gate.lock().unwrap().recv().unwrap();
        peer.ok("former")
    });
    let next = App::new(|_, peer| peer.ok("next"));
    let (_dir, front) = before(&former);
    let mut conn = Conn::to(&front.path);
    conn.send("GET / HTTP/1.1\r\n\r\n");
    eventually("it is under way", || front.in_flight() == 1);
    front.hold();
    front.open(next.addr);
    go.send(()).unwrap();
    assert_eq!(conn.reply().unwrap().text(), "former");
    assert_eq!(conn.get("/").text(), "next");
}
