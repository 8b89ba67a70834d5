//! Releases switch under load: the reason for all the rest.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::app::{App, Asked, Peer};
use crate::driver::{Driver, eventually};
use crate::nginx::{Conn, Upstream, post};
use crate::pass::before;

const HANDOVERS: usize = 50;
const CLIENTS: usize = 8;

#[test]
fn a_request_under_way_ends_on_its_app_and_the_next_one_goes_onward() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let old_app = App::new(move |_, peer| {
        gate.lock().unwrap().recv().unwrap();
        peer.ok("old")
    });
    let new_app = App::new(|_, peer| peer.ok("new"));
    let ((_dir, old), (_other, new)) = (before(&old_app), before(&new_app));
    let (mut busy, mut idle) = (Conn::to(&old.path), Conn::to(&old.path));
    go.send(()).unwrap();
    assert!(!idle.get("/").closes());
    busy.send("GET / HTTP/1.1\r\n\r\n");
    eventually("it is under way", || old.in_flight() == 1);
    old.retire(&new.path);
    let mut late = Conn::to(&old.path);
    for conn in [&mut idle, &mut late] {
        let reply = conn.post("/", "x");
        assert_eq!((reply.text(), reply.closes()), ("new", true));
        assert!(conn.ends());
    }
    assert_eq!(old.in_flight(), 1);
    go.send(()).unwrap();
    let reply = busy.reply().unwrap();
    assert_eq!((reply.text(), reply.closes()), ("old", true));
    assert!(busy.ends());
    eventually("all is over", || old.in_flight() == 0 && old.connections() == 0);
}

#[test]
fn requests_that_waited_go_onward() {
    let dir = tempfile::tempdir().unwrap();
    let old = Driver::new(&dir.path().join("web.1"));
    let mut conn = Conn::to(&old.path);
    conn.send(post("/", "x"));
    eventually("it waits", || !old.is_idle());
    let app = App::echo();
    let (_dir, new) = before(&app);
    old.retire(&new.path);
    assert_eq!(conn.reply().unwrap().text(), "POST / x");
}

#[test]
fn a_way_onward_that_leads_nowhere_or_back_falls_back_to_our_own_app() {
    let app = App::echo();
    let (dir, front) = before(&app);
    for onward in [dir.path().join("nowhere"), front.path.clone()] {
        front.retire(&onward);
        let mut conn = Conn::to(&front.path);
        let reply = conn.get("/");
        assert_eq!((reply.text(), reply.closes()), ("GET / ", true));
    }
    front.call(|front, registry| front.revive(registry));
    assert!(!Conn::to(&front.path).get("/").closes());
}

#[test]
fn a_front_that_stops_listening_serves_the_connections_it_has() {
    let app = App::echo();
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.get("/");
    front.call(|front, registry| front.stop_listening(registry));
    assert_eq!(conn.get("/").text(), "GET / ");
    assert!(Conn::try_to(&front.path).is_err());
}

/// Answers late, in pieces, or at once, and always with what was sent.
fn release() -> App {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    App::new(|asked: Asked, peer: &mut Peer| match COUNT.fetch_add(1, Ordering::Relaxed) % 5 {
        0 => {
            std::thread::sleep(Duration::from_millis(3));
            peer.ok(asked.body)
        }
        1 => {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let body = String::from_utf8(asked.body).unwrap();
            peer.send(format!("{:x}\r\n{body}\r\n", body.len()))?;
            std::thread::sleep(Duration::from_millis(1));
            peer.send("0\r\n\r\n")
        }
        _ => peer.ok(asked.body),
    })
}

#[test]
fn fifty_handovers_under_load_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let mut current = deploy(dir.path(), &live, 0);
    let (upstream, stop) = (Upstream::new(&live), AtomicBool::new(false));
    let counts = std::thread::scope(|scope| {
        let (upstream, stopped) = (&upstream, &stop);
        let clients: Vec<_> = (0..CLIENTS).map(|i| scope.spawn(move || load(upstream, i, stopped))).collect();
        let mut retired = Vec::new();
        for number in 1..=HANDOVERS {
            let (app, old) = std::mem::replace(&mut current, deploy(dir.path(), &live, number));
            old.retire(&live);
            eventually("the old app has nothing to do", || old.in_flight() == 0);
            drop(app);
            retired.push(old);
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|c| c.join().unwrap()).collect::<Vec<_>>()
    });
    let failed: Vec<&String> = counts.iter().flat_map(|(_, failures)| failures).collect();
    let total: usize = counts.iter().map(|(count, _)| count).sum();
    assert!(failed.is_empty(), "{} of {total} failed: {:?}", failed.len(), &failed[..failed.len().min(5)]);
    assert!(total > HANDOVERS * CLIENTS, "{total}");
}

fn deploy(dir: &Path, live: &Path, number: usize) -> (App, Driver) {
    let app = release();
    let front = Driver::new(&dir.join(format!("web.1.v{number}")));
    front.open(app.addr);
    dokuen_core::fs::relink_report(&front.path, live).unwrap();
    (app, front)
}

fn load(upstream: &Upstream, client: usize, stop: &AtomicBool) -> (usize, Vec<String>) {
    let (mut count, mut failures) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let body = format!("{client} {count}");
        let request = if count % 2 == 0 { post("/", &body) } else { post("/", &body).replace("POST", "PUT") };
        let sent = Instant::now();
        if let Err(e) = checked(upstream.ask(&request), &body) {
            failures.push(format!("{body}: {e} after {:?}", sent.elapsed()));
        }
        count += 1;
        if count % 16 == 0 {
            // Pauses let connections rest in the pool over a switch.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    (count, failures)
}

fn checked(reply: io::Result<crate::nginx::Reply>, body: &str) -> io::Result<()> {
    let reply = reply?;
    if reply.status == 200 && reply.text() == body { Ok(()) } else { Err(io::Error::other(format!("{reply:?}"))) }
}
