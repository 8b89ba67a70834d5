//! A directory with an app in it, whose tree is a Procfile; what still runs at the end is ended by its pid.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dokuen_core::{App, AppName, Conf, Environment, Host, ProcessType, Procfile};
use dokuen_proc::{Booted, Checks, Instance, Plan, boot};

pub struct Place {
    pub dir: tempfile::TempDir,
    pub host: Host,
    pub app: App,
}

impl Place {
    /// With these lines added to the conf.
    pub fn new(conf: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("dp").tempdir_in("/tmp").unwrap();
        let path = dir.path().join("dokuen.conf");
        // Ports far from other tests': the process id spreads them, and a wrapper takes only a port it can bind.
        let min = 26_000 + std::process::id() % 5000;
        let text = format!(
            "base_domain_name: p.test\ndokuen_dir: {}\nmin_port: {min}\nmax_port: {}\n{conf}\n",
            dir.path().display(),
            min + 500
        );
        dokuen_core::fs::replace(&path, text.as_bytes(), 0o600).unwrap();
        let host = Host::new(Conf::load(&path).unwrap());
        for (dir, mode) in host.directories() {
            dokuen_core::fs::make_dirs(&dir, mode).unwrap();
        }
        dokuen_core::fs::install(env!("CARGO_BIN_EXE_dokuen-wrapper").as_ref(), &host.wrapper(), 0o755).unwrap();
        let app = host.app_at(AppName::parse("a").unwrap());
        for dir in app.subdirectories() {
            fs::create_dir_all(dir).unwrap();
        }
        Self { dir, host, app }
    }

    /// One instance of `kind` that runs `command`.
    pub fn plan(&self, kind: &str, command: &str, generation: u32) -> Plan {
        let tree = self.app.releases_dir().join("20260101T000000");
        fs::create_dir_all(tree.join(".dokuen")).unwrap();
        let procfile = Procfile::parse(&format!("{kind}: {command}\n")).unwrap();
        Plan {
            host: self.host.clone(),
            app: self.app.clone(),
            tree,
            version: "v1".into(),
            commit: String::new(),
            generation,
            procfile,
            instances: vec![(ProcessType::parse(kind).unwrap(), 1)],
            config: Environment::default(),
            checks: Checks {
                protocol: dokuen_core::Protocol::Http,
                requests: vec![dokuen_proc::CheckRequest::to("/")],
                commands: BTreeMap::new(),
                host: "a.p.test".into(),
                timeout: Duration::from_secs(20),
                request: Duration::from_secs(5),
                alive: Duration::from_millis(30),
                alive_by_kind: BTreeMap::new(),
            },
        }
    }

    /// Boots it, waits until it is ready, and keeps it.
    pub fn runs(&self, kind: &str, command: &str) -> Instance {
        let ready = boot(&self.plan(kind, command, 1)).unwrap().wait_until_ready().unwrap();
        let instance = ready.instances()[0].clone();
        ready.switch().unwrap().keep();
        instance
    }

    /// Boots it without waiting.
    pub fn boots(&self, command: &str) -> Booted {
        boot(&self.plan("worker", command, 1)).unwrap()
    }

    pub fn log(&self, name: &str) -> String {
        let path = self.app.logs_dir().join(format!("dokuen.a.{name}"));
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for instance in dokuen_proc::instances(&self.app).unwrap_or_default() {
            let report = instance.report();
            for pid in [report.wrapper, report.child].into_iter().flatten() {
                if belongs(pid, &instance) {
                    signal(pid, nix::sys::signal::Signal::SIGKILL);
                }
            }
        }
    }
}

/// Whether a pid still is what the report said: its argv or environment names the instance's directory.
fn belongs(pid: i32, instance: &Instance) -> bool {
    let dir = instance.dir().display().to_string();
    let of =
        |file: &str| String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()).into_owned();
    of("cmdline").contains(&dir) || of("environ").contains(&dir)
}

pub fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
}

pub fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().next().map(str::to_owned));
    state.is_some_and(|state| state != "Z" && state != "X")
}

/// Looks again and again until it is so.
#[track_caller]
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < deadline, "it did not come about that {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}
