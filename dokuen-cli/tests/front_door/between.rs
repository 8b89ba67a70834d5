//! Somebody between an authority and its customers, who gives the answers that pebble does not have: too many questions,
//! and when to renew.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::authority::{Authority, free};
use crate::host::{Host, eventually};

/// Ended with the test.
pub struct Between {
    child: Child,
    dir: PathBuf,
    port: u16,
    root: PathBuf,
}

impl Between {
    pub fn new(host: &Host, authority: &Authority) -> Self {
        let (dir, port) = (host.temp().join("between"), free(1)[0].port());
        fs::create_dir_all(&dir).unwrap();
        let own = crate::pem::Pem::of(host, "between/own", &["localhost"]);
        let mut python = host.command("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/py/between.py"));
        python.arg(&dir).args([port.to_string(), authority.port().to_string()]).args(own.paths());
        let child = python.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let between = Self { child, dir, port, root: own.cert };
        eventually("it listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        between
    }

    /// `--directory` and `--root`, as they are typed.
    pub fn flags(&self) -> Vec<String> {
        let directory = format!("--directory=https://localhost:{}/dir", self.port);
        vec![directory, format!("--root={}", self.root.display())]
    }

    /// From now on everything below this path is refused.
    pub fn refuse(&self, path: &str, status: u16, head: Value, body: Value) {
        self.tell("refuse", &json!({"path": path, "status": status, "head": head, "body": body}));
    }

    /// From now on nothing is refused.
    pub fn relent(&self) {
        fs::remove_file(self.dir.join("refuse")).unwrap();
    }

    /// From now on this is when certificates are to be renewed.
    pub fn suggest(&self, begins: &str, ends: &str) {
        let window = json!({"start": begins, "end": ends});
        self.tell("renewal", &json!({"suggestedWindow": window, "explanationURL": "https://authority.example/why"}));
    }

    /// From now on an order that says what it replaces is refused, with this problem.
    pub fn refuse_replacing(&self, kind: &str) {
        self.tell("replaces", &json!({"refuse": kind}));
    }

    /// From now on what an order replaces is not said back.
    pub fn forget_replacing(&self) {
        self.tell("replaces", &json!({"forget": true}));
    }

    /// Everything that was asked for since the last time, `METHOD PATH` each.
    pub fn asked(&self) -> Vec<String> {
        self.since("asked")
    }

    /// What each order since the last time was to replace; `-` for nothing.
    pub fn orders(&self) -> Vec<String> {
        self.since("orders")
    }

    fn since(&self, name: &str) -> Vec<String> {
        let path = self.dir.join(name);
        let lines = fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
        let _ = fs::remove_file(path);
        lines
    }

    /// Written beside and renamed: it is read at any moment.
    fn tell(&self, name: &str, value: &Value) {
        fs::write(self.dir.join("beside"), value.to_string()).unwrap();
        fs::rename(self.dir.join("beside"), self.dir.join(name)).unwrap();
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
