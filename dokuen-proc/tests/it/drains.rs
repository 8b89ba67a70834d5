//! What is under way with an old release when traffic has moved: it finishes, or is ended when its time is over.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use dokuen_proc::retire;

use crate::web::App;

fn begin(app: &App, path: &str, head: &str) -> UnixStream {
    let mut conn = UnixStream::connect(app.route()).unwrap();
    conn.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    conn.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n").as_bytes()).unwrap();
    conn
}

fn until(conn: &mut UnixStream, mark: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(mark) && conn.read(&mut byte).unwrap() > 0 {
        text.push(byte[0] as char);
    }
    text
}

/// Without the kernel's word on who is connected to an app's own socket, the app must finish it itself.
const LISTENS: &[&str] = if cfg!(dokuen_portable) { &["port"] } else { &["port", "path", "fds"] };
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: talk\r\n";

#[test]
fn a_stream_over_a_switch_arrives_whole_and_a_tunnel_lives_until_the_drain_time_is_over() {
    for listen in LISTENS {
        let app = App::new("drain_timeout: 4\nstop_timeout: 2");
        let old = app.runs(listen, 1);
        let mut stream = begin(&app, "/stream", "");
        let mut talk = begin(&app, "/talk", UPGRADE);
        until(&mut stream, "\r\n\r\n");
        until(&mut talk, "\r\n\r\n");
        let new = app.runs(listen, 2);
        let told = Instant::now();
        retire([&old]).unwrap();
        assert_eq!(Some(app.ask("/")), new.report().child);
        talk.write_all(b"still there?\n").unwrap();
        assert_eq!(until(&mut talk, "\n"), "still there?\n");
        let rest = until(&mut stream, "0\r\n\r\n");
        assert!(rest.contains("19\r\n0\r\n\r\n"), "{listen}: {rest:?}");
        // Nobody ends the tunnel: its time does.
        assert_eq!(talk.read(&mut [0; 16]).unwrap_or(0), 0);
        let lived = told.elapsed();
        assert!((Duration::from_millis(3900)..Duration::from_secs(12)).contains(&lived), "{listen}: {lived:?}");
        old.wait_gone(Duration::from_secs(20)).unwrap();
        app.ends(&new);
    }
}

#[test]
fn a_restart_lets_requests_finish_and_the_next_ones_wait() {
    // Who shares the socket of `fds` may still take the next one itself.
    for listen in LISTENS.iter().filter(|listen| **listen != "fds") {
        let app = App::new("stop_timeout: 2");
        let web = app.runs(listen, 1);
        let child = web.report().child.unwrap();
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| app.ask("/slow"));
            std::thread::sleep(Duration::from_millis(200));
            web.restart().unwrap();
            std::thread::sleep(Duration::from_millis(100));
            let next = app.ask("/");
            assert_eq!(slow.join().unwrap(), child, "{listen}");
            assert_ne!(next, child, "{listen}");
        });
        app.ends(&web);
    }
}
