//! The other side: the same program, started by hand.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::http::Client;

/// A program at a port of its own; ended when dropped.
pub struct Own {
    child: Child,
    at: SocketAddr,
    pub begun: Instant,
}

impl Own {
    /// Starts it in the directory of its checkout, with the search path that the app has: the same python3.
    pub fn start(host: &Host, program: &[&str], dir: &Path) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let begun = Instant::now();
        let mut command = host.command(program[0]);
        command.args(&program[1..]).current_dir(dir).env("PORT", port.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        Self { child, at: (Ipv4Addr::LOCALHOST, port).into(), begun }
    }

    /// Since its start, at its first answer.
    pub fn answers(&self) -> Duration {
        self.answers_asked_every(Duration::from_millis(1))
    }

    /// The same with so long a pause between two questions.
    pub fn answers_asked_every(&self, pause: Duration) -> Duration {
        until_answer_asked_every(pause, self.at, "own", |_| true);
        self.begun.elapsed()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Asks on a kept connection, every millisecond, until there is a 200 with such a body.
pub fn until_answer(at: SocketAddr, host: &str, wanted: impl Fn(&[u8]) -> bool) {
    until_answer_asked_every(Duration::from_millis(1), at, host, wanted);
}

/// The same with so long a pause between two questions.
pub fn until_answer_asked_every(pause: Duration, at: SocketAddr, host: &str, wanted: impl Fn(&[u8]) -> bool) {
    let mut client = None;
    loop {
        if client.as_ref().is_none_or(|client: &Client| client.closing) {
            client = Client::connect(at, host).ok();
        }
        match client.as_mut().map(|client| client.get("/", "")) {
            Some(Ok(answer)) if answer.status == 200 && wanted(&answer.body) => return,
            Some(Ok(_)) => {}
            _ => client = None,
        }
        std::thread::sleep(pause);
    }
}
