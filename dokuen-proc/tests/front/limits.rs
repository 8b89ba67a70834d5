//! What is not HTTP, what is too much, and many at once.

use std::sync::Barrier;
use std::time::Duration;

use crate::app::App;
use crate::driver::eventually;
use crate::nginx::Conn;
use crate::pass::before;

#[test]
fn garbage_is_answered_and_ended() {
    let app = App::echo();
    let (_dir, front) = before(&app);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    for (bytes, status) in [
        ("\x16\x03\x01", 400),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (long.as_str(), 431),
    ] {
        let mut conn = Conn::to(&front.path);
        let reply = conn.ask(bytes);
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(reply.closes() && conn.ends());
    }
    eventually("all is over", || front.connections() == 0 && front.in_flight() == 0);
    assert_eq!(Conn::to(&front.path).get("/").status, 200);
}

#[test]
fn an_app_that_does_not_speak_http_is_a_bad_gateway() {
    let app = App::new(|_, peer| peer.send("SSH-2.0-OpenSSH\r\n"));
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    let reply = conn.get("/");
    assert!(reply.status == 502 && reply.closes() && conn.ends());
}

#[test]
fn three_hundred_connections_at_once() {
    const COUNT: usize = 300;
    let all_here = Barrier::new(COUNT);
    let app = App::new(|asked, peer| {
        std::thread::sleep(Duration::from_millis(20));
        peer.ok(asked.path)
    });
    let (_dir, front) = before(&app);
    let path = &front.path;
    std::thread::scope(|scope| {
        for i in 0..COUNT {
            let all_here = &all_here;
            scope.spawn(move || {
                let mut conn = Conn::to(path);
                for round in 0..3 {
                    assert_eq!(conn.get(&format!("/{i}/{round}")).text(), format!("/{i}/{round}"));
                    all_here.wait();
                }
            });
        }
    });
    eventually("all is over", || front.connections() == 0);
}

#[test]
fn connections_that_come_and_go_never_get_each_others_answers() {
    // Half of them leave without their answer, so that numbers are reused while events of the former owner are due.
    let app = App::echo();
    let (_dir, front) = before(&app);
    let path = &front.path;
    std::thread::scope(|scope| {
        for thread in 0..6 {
            scope.spawn(move || {
                for i in 0..300 {
                    let mut conn = Conn::to(path);
                    conn.send(format!("GET /left/{thread}/{i} HTTP/1.1\r\n\r\n"));
                    drop(conn);
                    assert_eq!(Conn::to(path).get(&format!("/{thread}/{i}")).text(), format!("GET /{thread}/{i} "));
                }
            });
        }
    });
    eventually("all is over", || front.connections() == 0 && front.in_flight() == 0);
}
