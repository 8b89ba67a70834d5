//! Connections that stop being HTTP.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::app::{App, hang_up};
use crate::driver::eventually;
use crate::nginx::Conn;
use crate::pass::before;

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Echoes until its peer ends, then says goodbye.
fn echo_app() -> App {
    App::new(|asked, peer| {
        if asked.path == "/plain" {
            return peer.ok("no upgrade");
        }
        peer.send(SWITCHING)?;
        std::io::copy(&mut peer.read, &mut peer.write)?;
        peer.send("bye")?;
        hang_up()
    })
}

#[test]
fn bytes_go_both_ways_and_each_side_ends_for_itself() {
    let app = echo_app();
    let (dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    // The first frame may come right behind the request.
    conn.send(format!("{UPGRADE}early"));
    assert!(conn.head().unwrap().starts_with("HTTP/1.1 101"));
    assert_eq!(conn.exactly(5).unwrap(), b"early");
    front.retire(&dir.path().join("nowhere"));
    for i in 0..100_u8 {
        conn.send([i; 1000]);
        assert_eq!(conn.exactly(1000).unwrap(), [i; 1000]);
    }
    assert_eq!(front.in_flight(), 1);
    conn.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(conn.rest().unwrap(), b"bye");
    eventually("the tunnel is over", || front.connections() == 0 && front.in_flight() == 0);
}

#[test]
fn the_app_may_end_first() {
    let (told, heard) = std::sync::mpsc::channel();
    let app = App::new(move |_, peer| {
        peer.send(SWITCHING)?;
        peer.write.shutdown(Shutdown::Write)?;
        let mut rest = String::new();
        peer.read.read_to_string(&mut rest)?;
        told.send(rest).unwrap();
        Ok(())
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send(UPGRADE);
    conn.head().unwrap();
    assert!(conn.ends());
    conn.send("last words");
    drop(conn);
    assert_eq!(heard.recv().unwrap(), "last words");
    eventually("the tunnel is over", || front.connections() == 0 && front.in_flight() == 0);
}

#[test]
fn nginx_leaving_ends_the_tunnel() {
    let app = App::new(|_, peer| {
        peer.send(SWITCHING)?;
        loop {
            peer.write.write_all(b"tick")?;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send(UPGRADE);
    conn.head().unwrap();
    conn.exactly(4).unwrap();
    drop(conn);
    eventually("the tunnel is over", || front.connections() == 0 && front.in_flight() == 0);
}

#[test]
fn a_refused_upgrade_is_a_request_like_any_other() {
    let app = echo_app();
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    for _ in 0..3 {
        assert_eq!(conn.ask(&UPGRADE.replace("/ws", "/plain")).text(), "no upgrade");
    }
    assert_eq!(app.connections(), 1);
}
