//! One nginx of its own for a test; it goes with the test, also when that fails.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Domain, fs};
use dokuen_nginx::{Account, ConfPath, Listen, Nginx, Own, Places, Site, find_program};
use tempfile::TempDir;

use crate::http::{Answer, get};
use crate::instance::Instance;

pub struct Stage {
    _dir: TempDir,
    pub root: PathBuf,
    pub own: Own,
    pub nginx: Nginx,
    pub port: u16,
}

impl Stage {
    /// With nginx running.
    pub fn new() -> Self {
        let stage = Self::at("root", "127.0.0.1");
        stage.own.start().unwrap();
        stage
    }

    /// Everything below a directory of this name; nginx not started.
    pub fn at(name: &str, ip: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("dn").tempdir().unwrap();
        let (root, port, https) = (dir.path().join(name), free_port(), free_port());
        let ip: IpAddr = ip.parse().unwrap();
        fs::make_dir(&root, fs::PUBLIC_DIR).unwrap();
        let own = own(places(&root, SocketAddr::new(ip, port), SocketAddr::new(ip, https)));
        Self { _dir: dir, root, nginx: Nginx::Own(own.clone()), own, port }
    }

    /// The same nginx for a caller who does not wait long, or wants it to listen elsewhere.
    pub fn hasty(&self, listen: Listen) -> Nginx {
        Nginx::Own(own(Places { listen, patience: Duration::from_millis(300), ..self.places().clone() }))
    }

    pub fn places(&self) -> &Places {
        self.nginx.places()
    }

    pub fn site(&self, app: &str) -> Site {
        let app = AppName::parse(app).unwrap();
        let domain = Domain::parse(&format!("{app}.test")).unwrap();
        let live = ConfPath::new(&self.run_dir(app.as_str()).join("live")).unwrap();
        Site::new(app, domain, live)
    }

    pub fn vhost(&self, app: &str) -> PathBuf {
        self.places().vhost(&AppName::parse(app).unwrap())
    }

    /// A started instance behind all slots of a new route table, not yet live.
    pub fn instance(&self, app: &str, name: &str) -> Instance {
        let dir = self.run_dir(app);
        fs::make_dirs(&dir.join(name), fs::PUBLIC_DIR).unwrap();
        let instance = Instance::start(&dir.join(format!("{name}.sock")), name);
        for slot in 1..=12 {
            fs::relink_report(&instance.socket, &dir.join(name).join(slot.to_string())).unwrap();
        }
        instance
    }

    /// The switch of a release: one rename.
    pub fn switch(&self, app: &str, name: &str) {
        fs::relink_report(Path::new(name), &self.run_dir(app).join("live")).unwrap();
    }

    /// An app that answers with its name.
    pub fn serve(&self, app: &str) -> Instance {
        let instance = self.instance(app, app);
        self.switch(app, app);
        dokuen_nginx::route(&self.nginx, &self.site(app)).unwrap().keep();
        instance
    }

    pub fn get(&self, host: &str) -> Answer {
        get(self.port, host, "/", &[])
    }

    /// `None` once the note about unproven changes is gone.
    pub fn pending(&self) -> Option<Vec<u8>> {
        fs::read_if_there(&self.places().dir.join(".pending")).unwrap()
    }

    pub fn master(&self) -> u32 {
        fs::read_text(&self.places().own.join("nginx.pid")).unwrap().trim().parse().unwrap()
    }

    /// Pids of the workers that accept connections: a reload replaces all of them.
    pub fn workers(&self) -> Vec<String> {
        let ps = Cmd::new("ps", Path::new("/"))
            .env("PATH", "/usr/bin:/bin")
            .args(["-A", "-o", "pid=,ppid=,command="])
            .run()
            .unwrap();
        let (text, master) = (String::from_utf8(ps.stdout).unwrap(), self.master().to_string());
        let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row[1] == master && row[2..] == ["nginx:", "worker", "process"])
            .map(|row| row[0].to_owned())
            .collect()
    }

    fn run_dir(&self, app: &str) -> PathBuf {
        self.root.join("run").join(app)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let stopped = self.own.stop(Duration::ZERO);
        assert!(std::thread::panicking() || stopped.is_ok(), "{stopped:?}");
    }
}

pub fn eventually(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The whole chain, as main prints it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The machine's, or the one that `DOKUEN_TEST_NGINX` names.
pub fn nginx_program() -> PathBuf {
    let named = std::env::var_os("DOKUEN_TEST_NGINX").map(PathBuf::from);
    named.unwrap_or_else(|| find_program("").expect("these tests need nginx"))
}

fn places(root: &Path, addr: SocketAddr, https: SocketAddr) -> Places {
    Places {
        dir: root.join("nginx"),
        own: root.join("nginx/own"),
        tmp: root.join("tmp"),
        lock: root.join("nginx/.lock"),
        challenges: Some(root.join("acme")),
        logs: Some(root.join("logs")),
        cache: root.join("nginx/cache"),
        base_domain: Domain::parse("test").unwrap(),
        listen: Listen::on(addr).and_https(Some(https)),
        patience: Duration::from_secs(5),
    }
}

/// As root the workers stay root too: the temporary directory is closed to others.
fn own(places: Places) -> Own {
    Own::new(places, nginx_program(), Account::for_workers("root").unwrap()).unwrap()
}

/// Below the ports that the system gives to clients, so that nobody takes it meanwhile by chance.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id() as u16 % 400;
    loop {
        let port = 20_000 + (start * 20 + NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
