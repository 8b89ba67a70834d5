//! A host of its own for each test: a directory, an nginx, ports; nothing of it outlives the test.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::outcome::{Outcome, run};
use crate::processes;
use crate::snapshot::Snapshot;

/// A host that was set up.
#[derive(Debug, Clone)]
pub struct Host(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    temp: PathBuf,
    dir: PathBuf,
    ports: Ports,
    base: String,
}

/// How a host is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of its directory.
    pub name: &'static str,
    /// Apps answer at `APP.<this>`.
    pub base: &'static str,
    /// Further arguments of `setup`.
    pub setup: Vec<String>,
    /// How many ports its processes have.
    pub ports: u16,
    /// Lines that are added to the conf.
    pub conf: &'static str,
    /// Whether an `nginx` that [`Host::nginx_refuses`] can spoil comes first in the search path.
    pub spoilable_nginx: bool,
    /// An nginx in place of the machine's; `DOKUEN_TEST_NGINX` names one for all tests.
    pub nginx: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let conf = "stop_timeout: 3\ndrain_timeout: 10\nboot_timeout: 20\n";
        Self {
            name: "d",
            base: "dokuen.test",
            setup: Vec::new(),
            ports: PER_HOST - 3,
            conf,
            spoilable_nginx: false,
            nginx: std::env::var_os("DOKUEN_TEST_NGINX").map(PathBuf::from),
        }
    }
}

impl Host {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let host = Self::not_set_up(&options);
        host.setup(&options.setup.iter().map(String::as_str).collect::<Vec<_>>()).ok();
        let conf = host.dir().join("dokuen.conf");
        fs::write(&conf, fs::read_to_string(&conf).unwrap() + options.conf).unwrap();
        host
    }

    /// Only its place and its ports.
    pub fn not_set_up(options: &Options) -> Self {
        programs();
        // Short: socket paths have little room, also on a machine whose TMPDIR is long.
        let temp = tempfile::Builder::new().prefix("dk").tempdir_in("/tmp").unwrap().keep();
        let ports = Ports::take(options.ports);
        let (dir, base) = (temp.join(options.name), options.base.to_owned());
        let host = Self(Arc::new(Inner { temp, dir, ports, base }));
        if options.spoilable_nginx {
            host.plant_nginx();
        } else if let Some(nginx) = &options.nginx {
            fs::create_dir_all(host.bin()).unwrap();
            std::os::unix::fs::symlink(nginx, host.bin().join("nginx")).unwrap();
        }
        host
    }

    /// `dokuen setup`, as a user types it, plus what keeps hosts apart.
    pub fn setup(&self, more: &[&str]) -> Outcome {
        let (listen, ports) = (self.listen().to_string(), &self.0.ports);
        let (min, max) = (ports.min.to_string(), ports.max.to_string());
        let https = self.https().to_string();
        let bin = self.bin().display().to_string();
        let mut command = self.command(env!("CARGO_BIN_EXE_dokuen"));
        command.arg("setup").arg(self.dir()).args(["--yes", "--nginx=own", "--base-domain", &self.0.base]);
        command.args(["--listen", &listen, "--listen-https", &https, "--min-port", &min, "--max-port", &max]);
        if self.bin().is_dir() {
            command.args(["--bin-path", &bin]);
        }
        run(command.args(more), b"", None)
    }

    /// The dokuen directory.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// A directory beside it, for what is not Dokuen's.
    pub fn temp(&self) -> &Path {
        &self.0.temp
    }

    /// Where nginx listens.
    pub fn listen(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.0.ports.listen).into()
    }

    /// Where nginx listens for https.
    pub fn https(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.0.ports.https).into()
    }

    pub fn min_port(&self) -> u16 {
        self.0.ports.min
    }

    pub fn max_port(&self) -> u16 {
        self.0.ports.max
    }

    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// An app made from a fixture and created; nothing is pushed yet.
    pub fn app(&self, name: &str, fixture: &str) -> App {
        let app = App::copied(self, name, fixture);
        self.dokuen(&["create", "--application", name]).ok();
        app
    }

    /// The host's own `dokuen`, from a shell that knows nothing.
    pub fn dokuen(&self, args: &[&str]) -> Outcome {
        run(self.command(self.program()).args(args), b"", None)
    }

    /// As [`Host::dokuen`], with standard input.
    pub fn dokuen_given(&self, args: &[&str], input: &[u8]) -> Outcome {
        run(self.command(self.program()).args(args), input, None)
    }

    pub fn program(&self) -> PathBuf {
        self.dir().join("bin/dokuen")
    }

    /// A command with nothing of the developer's environment in it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.temp());
        for (name, value) in [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "A Founder"),
            ("GIT_AUTHOR_EMAIL", "founder@dokuen.test"),
            ("GIT_COMMITTER_NAME", "A Founder"),
            ("GIT_COMMITTER_EMAIL", "founder@dokuen.test"),
            ("LANG", "C"),
        ] {
            command.env(name, value);
        }
        command.env("HOME", self.temp());
        command
    }

    /// Fixture buildpacks as repositories; the paths are what `install_buildpack` and `BUILDPACK_URL` take.
    pub fn buildpack(&self, name: &str) -> PathBuf {
        let repo = self.temp().join("packs").join(name);
        if !repo.exists() {
            copy_tree(&fixtures().join("buildpacks").join(name), &repo);
            self.git_commit_all(&repo);
        }
        repo
    }

    /// A buildpack of these scripts, `detect`, `compile`, `release`.
    pub fn buildpack_of(&self, name: &str, scripts: &[(&str, &[u8])]) -> PathBuf {
        let repo = self.temp().join("packs").join(name);
        let _ = fs::remove_dir_all(&repo);
        fs::create_dir_all(repo.join("bin")).unwrap();
        for (script, text) in scripts {
            let path = repo.join("bin").join(script);
            fs::write(&path, text).unwrap();
            make_executable(&path);
        }
        self.git_commit_all(&repo);
        repo
    }

    fn git_commit_all(&self, repo: &Path) {
        for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "buildpack"]] {
            run(self.command("git").current_dir(repo).args(args), b"", None).ok();
        }
    }

    /// Path, type, mode and content of everything that is state, once what was told to go has gone.
    #[track_caller]
    pub fn snapshot(&self) -> Snapshot {
        eventually("old instances have gone", || {
            let wrappers = self.processes().iter().filter(|p| p.words.contains("/bin/dokuen-wrapper ")).count();
            let phases = self.phases();
            phases.iter().all(|phase| phase == "up" || phase == "gone")
                && phases.iter().filter(|phase| *phase == "up").count() == wrappers
        });
        Snapshot::of(self.dir())
    }

    /// The phase that each instance of each app reports.
    fn phases(&self) -> Vec<String> {
        let apps = fs::read_dir(self.dir().join("apps")).unwrap().filter_map(Result::ok);
        let instances = apps.filter_map(|app| fs::read_dir(app.path().join("instances")).ok()).flatten();
        let states = instances.filter_map(|i| fs::read_to_string(i.ok()?.path().join("state")).ok());
        states.filter_map(|s| Some(s.lines().find_map(|l| l.strip_prefix("phase="))?.to_owned())).collect()
    }

    /// Processes of this host.
    pub fn processes(&self) -> Vec<processes::Process> {
        processes::of_host(self.dir())
    }

    /// Those of its apps: wrappers and what they run.
    pub fn app_processes(&self) -> Vec<processes::Process> {
        self.processes().into_iter().filter(|p| !p.words.starts_with("nginx: ")).collect()
    }

    /// Reserved ports.
    pub fn reserved(&self) -> Vec<u16> {
        let names =
            fs::read_dir(self.dir().join("ports")).unwrap().filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut ports: Vec<u16> = names.filter_map(|n| n.parse().ok()).collect();
        ports.sort_unstable();
        ports
    }

    /// From now on `nginx -t` says no to everything; `false`: it is itself again.
    pub fn nginx_refuses(&self, refuses: bool) {
        let flag = self.temp().join("refuse");
        if refuses {
            fs::write(flag, "").unwrap();
        } else {
            fs::remove_file(flag).unwrap();
        }
    }

    fn bin(&self) -> PathBuf {
        self.temp().join("bin")
    }

    fn plant_nginx(&self) {
        fs::create_dir_all(self.bin()).unwrap();
        let (path, flag) = (self.bin().join("nginx"), self.temp().join("refuse"));
        let script = format!(
            "#!/bin/sh\n\
             if [ \"$1\" = -t ] && [ -e '{}' ]; then\n\
             echo 'nginx: [emerg] unknown directive \"servr\" in vhost.conf:3' >&2\n\
             exit 1\n\
             fi\n\
             for dir in /usr/sbin /usr/local/sbin /usr/local/bin /usr/bin; do\n\
             [ -x \"$dir/nginx\" ] && exec \"$dir/nginx\" \"$@\"\n\
             done\n",
            flag.display()
        );
        fs::write(&path, script).unwrap();
        make_executable(&path);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let program = self.dir.join("bin/dokuen");
        if program.exists() && !std::thread::panicking() {
            let mut command = Command::new(program);
            let _ = command.arg("shutdown").env_clear().env("PATH", "/usr/bin:/bin").output();
        }
        processes::end_all(&self.dir);
        if std::env::var_os("DOKUEN_KEEP_HOSTS").is_none() {
            // A directory without permissions is what some tests plant.
            let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(&self.temp).output();
            let _ = fs::remove_dir_all(&self.temp);
        }
    }
}

/// Looks again and again until it is so. The deadline is long: it only ends what hangs, on a machine however busy.
#[track_caller]
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < deadline, "it did not come about that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The repository's fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").canonicalize().unwrap()
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

pub fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// `setup` copies both programs from one directory; cargo builds only this package's for its tests.
fn programs() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let dokuen = Path::new(env!("CARGO_BIN_EXE_dokuen"));
        let profile = dokuen.parent().unwrap();
        let target = profile.parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "dokuen-proc", "--bin", "dokuen-wrapper"]);
        build.args(["--package", "dokuen-acme", "--bin", "dokuen-acme", "--target-dir"]);
        build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().unwrap();
        let there = ["dokuen-wrapper", "dokuen-acme"].iter().all(|name| profile.join(name).exists());
        assert!(built.success() && there, "the other programs could not be built");
    });
}

/// Ports that no other host has, also not in another test process: the first of each lot is bound as long as it lives.
#[derive(Debug)]
struct Ports {
    listen: u16,
    https: u16,
    min: u16,
    max: u16,
    _guards: Vec<TcpListener>,
}

/// Below the range that outgoing connections are given.
const FIRST: u16 = 10_000;
const PER_HOST: u16 = 42;
const HOSTS: u16 = 520;

impl Ports {
    /// Of a host with so many processes; more than a lot has room for take lots that lie side by side.
    fn take(count: u16) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let begin = (std::process::id() % u32::from(HOSTS)) as u16;
        let lots = (count + 3).div_ceil(PER_HOST);
        let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        for _ in 0..HOSTS {
            let number = (begin + NEXT.fetch_add(lots, Ordering::Relaxed)) % HOSTS;
            let first = FIRST + number.min(HOSTS - lots) * PER_HOST;
            let end = first + lots * PER_HOST;
            let Ok(guards) = (0..lots).map(|lot| bind(first + lot * PER_HOST)).collect() else { continue };
            if (first..end).filter(|port| !(port - first).is_multiple_of(PER_HOST)).all(|port| bind(port).is_ok()) {
                return Self {
                    listen: first + 1,
                    https: end - 1,
                    min: first + 2,
                    max: first + 1 + count,
                    _guards: guards,
                };
            }
        }
        panic!("no free ports");
    }
}
