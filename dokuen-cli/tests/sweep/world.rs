//! A host at work: an app that the commands are about, a neighbour that must not notice, keys of three kinds, and
//! requests to both apps all the time.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::app::App;
use crate::host::Host;
use crate::http::Client;
use crate::outcome::Outcome;

/// Never in a transcript, a log of a command or an error.
pub const SECRET: &str = "SECRET_b3f1";
/// A name that the neighbour has whatever it is called.
pub const ALWAYS: &str = "always.example.org";
/// A line of `authorized_keys` that is nobody's business.
pub const FOREIGN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFOREIGNFOREIGNFOREIGNFOREIGNFOREIGNFORE somebody@else";

pub struct World {
    pub host: Host,
    pub app: App,
    pub other: App,
    pub home: PathBuf,
    watch: Option<Watch>,
    number: AtomicU64,
}

impl World {
    pub fn new() -> Self {
        let host = Host::new();
        let home = host.temp().join("home");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        fs::write(home.join(".ssh/authorized_keys"), format!("{FOREIGN}\n")).unwrap();
        let conf = host.dir().join("dokuen.conf");
        let text = fs::read_to_string(&conf).unwrap();
        let without: String =
            text.lines().filter(|l| !l.starts_with("app_user_home:")).map(|l| format!("{l}\n")).collect();
        fs::write(&conf, without + &format!("app_user_home: {}\nkeep_releases: 3\n", home.display())).unwrap();
        host.dokuen_given(&["adduser", "keeper"], key(host.temp(), "keeper").as_bytes()).ok();
        let (app, other) = (host.app("hello", "python"), host.app("other", "static-page"));
        app.dokuen("config_set", &[&format!("TOKEN={SECRET}")]).ok();
        app.greeting("release 0").push().ok();
        other.push().ok();
        other.dokuen("domains:add", &[ALWAYS]).ok();
        let mut world = Self { host, app, other, home, watch: None, number: AtomicU64::new(1) };
        world.watch = Some(Watch::on(&world));
        world
    }

    /// A greeting that no release had yet.
    pub fn next_greeting(&self) -> String {
        format!("release {}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// The host's `dokuen`, to be run behind other words.
    pub fn dokuen(&self, args: &[&str]) -> (PathBuf, Vec<String>) {
        (self.host.program(), args.iter().map(|a| (*a).to_owned()).collect())
    }

    /// Requests that failed since the last time this was asked.
    pub fn failed_requests(&self) -> Vec<String> {
        self.watch.as_ref().map_or_else(Vec::new, |watch| std::mem::take(&mut *watch.shared.failed.lock().unwrap()))
    }

    /// Requests that were answered since the last time this was asked.
    pub fn answered(&self) -> u64 {
        self.watch.as_ref().map_or(0, |watch| watch.shared.sent.swap(0, Ordering::Relaxed))
    }

    /// A command of a person who knows nothing, behind `words`.
    pub fn behind(&self, words: &[String], program: &std::path::Path, args: &[String]) -> Command {
        let mut all = words.iter().map(String::as_str);
        let Some(first) = all.next() else {
            let mut command = self.host.command(program);
            command.args(args);
            return command;
        };
        let mut command = self.host.command(first);
        command.args(all).arg(program).args(args);
        command
    }
}

/// A public key of its own for each name.
pub fn key(dir: &std::path::Path, name: &str) -> String {
    let file = dir.join(format!("key-{name}"));
    if !file.exists() {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&file).output();
        assert!(made.unwrap().status.success());
    }
    fs::read_to_string(file.with_extension("pub")).unwrap()
}

/// Clients that ask both apps without a pause worth the name: one keeps its connection, one makes new ones.
struct Watch {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    sent: AtomicU64,
    failed: Mutex<Vec<String>>,
}

impl Watch {
    fn on(world: &World) -> Self {
        let shared = Arc::new(Shared::default());
        let asked = [(world.app.domain(), true), (world.app.domain(), false), (ALWAYS.to_owned(), false)];
        let clients = asked.map(|(domain, keep)| {
            let (shared, at) = (Arc::clone(&shared), world.host.listen());
            thread::spawn(move || {
                let mut client: Option<Client> = None;
                while !shared.over.load(Ordering::Relaxed) {
                    // A connection that waited may be closed in the moment of the next request: who asks again asks on
                    // a new one, as RFC 9112 (9.3.1) has it. `tests/it/loss.rs` looks at those more strictly.
                    let waited = client.is_some();
                    let asked = one(&mut client, at, &domain, keep).or_else(|e| {
                        client = None;
                        if waited { one(&mut client, at, &domain, keep) } else { Err(e) }
                    });
                    if let Err(e) = asked {
                        shared.failed.lock().unwrap().push(format!("a request to {domain} failed: {e}"));
                        client = None;
                    }
                    shared.sent.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                }
            })
        });
        Self { shared, clients: clients.into() }
    }
}

fn one(client: &mut Option<Client>, at: std::net::SocketAddr, domain: &str, keep: bool) -> Result<(), String> {
    if !keep || client.as_ref().is_some_and(|c| c.closing) {
        *client = None;
    }
    let client = match client {
        Some(client) => client,
        None => client.insert(Client::connect(at, domain).map_err(|e| format!("connect: {e}"))?),
    };
    let header = if keep { "" } else { "Connection: close\r\n" };
    match client.get("/", header) {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(format!("{} {:?}", answer.status, String::from_utf8_lossy(&answer.body))),
        Err(e) => Err(e.to_string()),
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.watch = None;
    }
}

/// Whether an outcome is that of a process that was killed.
pub fn was_killed(outcome: &Outcome) -> bool {
    outcome.code == 137
}
