//! What is not HTTP, what is too much, and many at once.

use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;

use dokuen_proc::front::Front;
use mio::{Events, Poll};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;

use crate::app::App;
use crate::driver::{Driver, eventually};
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
fn thousands_of_connections_cost_nothing_once_they_are_gone() {
    // Each has two ends in this process.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let many = usize::try_from(hard.saturating_sub(1500) / 3).unwrap().min(3000);
    let app = App::echo();
    let (_dir, front) = before(&app);
    let mut conns: Vec<Conn> = (0..many).map(|_| Conn::to(&front.path)).collect();
    for (i, conn) in conns.iter_mut().enumerate().filter(|(i, _)| i % 10 == 0) {
        assert_eq!(conn.get(&format!("/{i}")).text(), format!("GET /{i} "));
    }
    assert_eq!(front.connections(), many);
    assert!(front.call(|front, _| front.is_large()));
    drop(conns);
    eventually("all is over", || front.connections() == 0 && front.is_idle());
    front.call(|front, _| front.rest());
    assert!(!front.call(|front, _| front.is_large()));
    assert_eq!(Conn::to(&front.path).get("/on").text(), "GET /on ", "it works as before");
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

#[test]
fn an_event_of_a_closed_connection_does_not_touch_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.1");
    let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(8));
    let mut front = Front::bind(&path, poll.registry(), 0).unwrap();
    let step = |poll: &mut Poll, front: &mut Front, events: &mut Events| {
        poll.poll(events, Some(Duration::from_secs(10))).unwrap();
        events.iter().for_each(|e| front.event(poll.registry(), e));
    };
    drop(Conn::to(&path));
    while front.connections() == 0 {
        step(&mut poll, &mut front, &mut events);
    }
    let mut stale = Events::with_capacity(8);
    step(&mut poll, &mut front, &mut stale);
    assert_eq!(front.connections(), 0);
    let _successor = Conn::to(&path);
    while front.connections() == 0 {
        step(&mut poll, &mut front, &mut events);
    }
    assert!(stale.iter().count() > 0);
    stale.iter().for_each(|e| front.event(poll.registry(), e));
    assert_eq!(front.connections(), 1);
}

const FRONT_AT: &str = "FRONT_TEST_PATH";
const APP_AT: &str = "FRONT_TEST_APP";

#[test]
#[expect(clippy::disallowed_methods, reason = "the descriptors of a process can be limited only from outside")]
fn without_descriptors_connections_wait_and_nothing_spins() {
    if let (Some(path), Ok(app)) = (std::env::var_os(FRONT_AT), std::env::var(APP_AT)) {
        return few_descriptors(path.as_ref(), &app);
    }
    let app = App::echo();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.1");
    let name = "limits::without_descriptors_connections_wait_and_nothing_spins";
    let limited = format!("ulimit -n 40 && exec \"$0\" --exact {name}");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &limited]).arg(std::env::current_exe().unwrap());
    command.env(FRONT_AT, &path).env(APP_AT, app.addr.to_string()).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    eventually("the front listens", || path.exists());
    let mut conns: Vec<Conn> = (0..60).map(|_| Conn::to(&path)).collect();
    // More than one pause without a descriptor.
    std::thread::sleep(Duration::from_millis(400));
    for mut conn in conns.drain(..) {
        assert_eq!(conn.post("/", "x").text(), "POST / x");
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let spent = (used.user_time() + used.system_time()).num_milliseconds();
    assert!(spent < 300, "{spent} ms of CPU");
}

/// The child's part: a front, until the parent closes the pipe.
fn few_descriptors(path: &std::path::Path, app: &str) {
    let front = Driver::new(path);
    front.open(app.parse().unwrap());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}
