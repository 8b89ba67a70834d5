//! Apps that listen at a unix socket themselves: nginx's way to them has no front in it.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use dokuen_core::Environment;
use dokuen_proc::{Instance, boot, retire};
use nix::sys::signal::Signal;

use crate::place::{Place, eventually, is_alive, signal};

/// Listens as it is told to and says who it is; `/slow` takes a second.
const APP: &str = r#"
import os, socket, sys, threading, time
if "LISTEN_FDS" in os.environ:
    assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "1", dict(os.environ)
    door = socket.socket(fileno=3)
else:
    door = socket.socket(socket.AF_UNIX)
    door.bind(os.environ["SOCKET"])
    door.listen(64)
assert "PORT" not in os.environ
def answer(conn):
    asked = conn.recv(4096)
    if b"/slow" in asked:
        time.sleep(1)
    text = str(os.getpid()).encode()
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text))
    conn.close()
while True:
    conn, _ = door.accept()
    threading.Thread(target=answer, args=(conn,), daemon=True).start()
"#;

struct App {
    place: Place,
}

impl App {
    fn new() -> Self {
        Self { place: Place::new("stop_timeout: 2") }
    }

    fn runs(&self, listen: &str, generation: u32) -> Instance {
        let mut plan = self.place.plan("web", "python3 app.py", generation);
        std::fs::write(plan.tree.join("app.py"), APP).unwrap();
        plan.config = Environment::default().with("DOKUEN_LISTEN", listen);
        let ready = boot(&plan).unwrap().wait_until_ready().unwrap();
        let web = ready.instances()[0].clone();
        ready.switch().unwrap().keep();
        web
    }

    fn route(&self) -> PathBuf {
        self.place.app.live_route().join("1")
    }

    /// The pid of whoever answers.
    fn ask(&self, path: &str) -> i32 {
        let mut conn = UnixStream::connect(self.route()).unwrap();
        conn.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        conn.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        conn.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 "), "{text:?}");
        text.rsplit("\r\n\r\n").next().unwrap().parse().unwrap()
    }

    fn link(&self, web: &Instance) -> Option<PathBuf> {
        std::fs::read_link(self.place.app.sockets_dir().join(web.id.to_string())).ok()
    }

    fn leads_to_the_app(&self, web: &Instance) {
        let own = PathBuf::from(format!("../s/{}", web.id));
        eventually("nginx is led to the app itself", || self.link(web) == Some(own.clone()));
        assert_eq!(std::fs::metadata(self.route()).unwrap().mode() & 0o777, 0o660);
    }

    fn ends(&self, web: &Instance) {
        web.stop().unwrap();
        web.wait_gone(Duration::from_secs(20)).unwrap();
        eventually("no socket is left", || {
            ["i", "s"].iter().all(|dir| std::fs::read_dir(self.place.app.run_dir().join(dir)).unwrap().next().is_none())
        });
    }
}

#[test]
fn an_app_that_binds_its_socket_is_reached_directly_and_missed_by_nobody_while_it_starts_anew() {
    let app = App::new();
    let web = app.runs("path", 1);
    let child = web.report().child.unwrap();
    app.leads_to_the_app(&web);
    assert_eq!((app.ask("/"), web.report().port), (child, None));
    std::thread::sleep(Duration::from_millis(1100));
    signal(child, Signal::SIGKILL);
    eventually("requests wait at the front", || app.link(&web).is_none());
    let next = app.ask("/");
    assert_eq!(web.report().child, Some(next));
    app.leads_to_the_app(&web);
    assert_eq!(app.ask("/"), next);
    web.restart().unwrap();
    eventually("it was started anew", || web.report().child.is_some_and(|pid| pid != next));
    assert_eq!(Some(app.ask("/")), web.report().child);
    app.ends(&web);
}

#[test]
fn a_socket_that_an_app_is_given_outlives_it() {
    let app = App::new();
    let web = app.runs("fds", 1);
    let child = web.report().child.unwrap();
    app.leads_to_the_app(&web);
    assert_eq!(app.ask("/"), child);
    std::thread::sleep(Duration::from_millis(1100));
    signal(child, Signal::SIGKILL);
    eventually("it is dead", || !is_alive(child));
    let next = app.ask("/");
    assert_ne!(next, child);
    eventually("it is the next one", || web.report().child == Some(next));
    app.ends(&web);
}

#[test]
fn a_new_wrapper_adopts_such_an_app_too() {
    for listen in ["path", "fds"] {
        let app = App::new();
        let web = app.runs(listen, 1);
        app.leads_to_the_app(&web);
        let (child, wrapper) = (web.report().child.unwrap(), web.report().wrapper.unwrap());
        signal(wrapper, Signal::SIGKILL);
        eventually("the wrapper is gone", || !web.is_alive().unwrap());
        assert_eq!(app.ask("/"), child, "it is served without a wrapper");
        dokuen_proc::revive(&app.place.host.wrapper(), &web).unwrap();
        assert_eq!(app.ask("/"), child);
        app.leads_to_the_app(&web);
        assert_eq!(web.report().child, Some(child));
        signal(child, Signal::SIGKILL);
        eventually("a new child runs", || web.report().child.is_some_and(|pid| pid != child && is_alive(pid)));
        assert_eq!(Some(app.ask("/")), web.report().child, "{listen}");
        app.ends(&web);
    }
}

#[test]
fn what_such_an_app_is_asked_before_a_switch_it_answers_after_it() {
    for listen in ["path", "fds"] {
        let app = App::new();
        let old = app.runs(listen, 1);
        app.leads_to_the_app(&old);
        let child = old.report().child.unwrap();
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| app.ask("/slow"));
            std::thread::sleep(Duration::from_millis(200));
            let new = app.runs(listen, 2);
            retire([&old]).unwrap();
            assert_eq!(Some(app.ask("/")), new.report().child);
            assert_eq!(slow.join().unwrap(), child, "{listen}");
            old.wait_gone(Duration::from_secs(20)).unwrap();
            app.ends(&new);
        });
    }
}
