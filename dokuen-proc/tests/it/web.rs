//! A web app for tests, of a few lines of Python, and how it is asked by its route.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use dokuen_core::Environment;
use dokuen_proc::{Instance, boot};

use crate::place::{Place, eventually};

/// Listens as it is told to and says who it is; `/slow` takes a second, `/stream` sends a piece each tenth of one for
/// two seconds, and `/talk` becomes a tunnel that says back what it hears.
const APP: &str = r#"
import os, socket, sys, threading, time
if "LISTEN_FDS" in os.environ:
    assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "1", dict(os.environ)
    door = socket.socket(fileno=3)
elif "SOCKET" in os.environ:
    door = socket.socket(socket.AF_UNIX)
    door.bind(os.environ["SOCKET"])
    door.listen(64)
else:
    door = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
def answer(conn):
    asked = conn.recv(4096)
    if b"/slow" in asked:
        time.sleep(1)
    if b"/stream" in asked:
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in range(20):
            conn.sendall(b"2\r\n%02d\r\n" % piece)
            time.sleep(0.1)
        conn.sendall(b"0\r\n\r\n")
        return conn.close()
    if b"/talk" in asked:
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n")
        while (heard := conn.recv(4096)):
            conn.sendall(heard)
        return conn.close()
    text = str(os.getpid()).encode()
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text))
    conn.close()
while True:
    conn, _ = door.accept()
    threading.Thread(target=answer, args=(conn,), daemon=True).start()
"#;

pub struct App {
    pub place: Place,
}

impl App {
    pub fn new(conf: &str) -> Self {
        Self { place: Place::new(conf) }
    }

    pub fn runs(&self, listen: &str, generation: u32) -> Instance {
        let mut plan = self.place.plan("web", "python3 app.py", generation);
        std::fs::write(plan.tree.join("app.py"), APP).unwrap();
        plan.config = Environment::default().with("DOKUEN_LISTEN", listen);
        let ready = boot(&plan).unwrap().wait_until_ready().unwrap();
        let web = ready.instances()[0].clone();
        ready.switch().unwrap().keep();
        web
    }

    pub fn route(&self) -> PathBuf {
        self.place.app.live_route().join("1")
    }

    /// The pid of whoever answers.
    pub fn ask(&self, path: &str) -> i32 {
        let mut conn = UnixStream::connect(self.route()).unwrap();
        conn.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        conn.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        conn.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 "), "{text:?}");
        text.rsplit("\r\n\r\n").next().unwrap().parse().unwrap()
    }

    pub fn ends(&self, web: &Instance) {
        web.stop().unwrap();
        web.wait_gone(Duration::from_secs(20)).unwrap();
        eventually("no socket is left", || {
            let names = |dir| dokuen_core::fs::names(&self.place.app.run_dir().join(dir)).unwrap();
            names("i").is_empty() && names("s").is_empty()
        });
    }
}
