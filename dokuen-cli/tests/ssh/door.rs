//! A host with an sshd in front of it, and people with keys.

use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::outcome::{Outcome, run};

/// sshd, its host, and everybody's keys.
#[derive(Debug)]
pub struct Door {
    pub host: Host,
    sshd: Child,
    port: u16,
    kept: RefCell<Vec<(String, Child)>>,
}

impl Door {
    /// A host that was set up, and sshd in front of it; nobody has a key yet.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let host = Host::with(options);
        let home = host.temp().join("home");
        fs::create_dir_all(&home).unwrap();
        let conf = host.dir().join("dokuen.conf");
        let text = fs::read_to_string(&conf).unwrap();
        fs::write(&conf, format!("{text}app_user_home: {}\n", home.display())).unwrap();
        let (sshd, port) = start(&host);
        let door = Self { host, sshd, port, kept: RefCell::default() };
        door.write_known_hosts();
        door
    }

    /// A host, and anna, who is its admin.
    pub fn with_anna() -> Self {
        let door = Self::new();
        door.add("anna", &["--admin"]).ok();
        door
    }

    /// `dokuen adduser NAME < NAME.pub` on the host.
    pub fn add(&self, name: &str, more: &[&str]) -> Outcome {
        let key = fs::read(self.key(name).with_extension("pub")).unwrap();
        self.host.dokuen_given(&[&["adduser", name], more].concat(), &key)
    }

    /// Somebody's private key, made when it is first asked for.
    pub fn key(&self, name: &str) -> PathBuf {
        let path = self.host.temp().join("people").join(name);
        if !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", &format!("{name}@laptop"), "-f"]).arg(&path);
            run(&mut keygen, b"", None).ok();
        }
        path
    }

    /// From here on this person's sessions share one connection, each with its own forced command: for long tables.
    pub fn keep(&self, name: &str) {
        let path = self.kept_path(name);
        let words = self.ssh_words(name);
        let mut master = self.host.command(&words[0]);
        master.args(&words[1..]).args(["-M", "-N", "-S"]).arg(&path);
        master.args(["-p", &self.port.to_string(), &self.destination()]);
        let child = master.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.kept.borrow_mut().push((name.to_owned(), child));
        eventually(&format!("{name} is connected"), || path.exists());
    }

    fn kept_path(&self, name: &str) -> PathBuf {
        self.host.temp().join(format!("{name}.mux"))
    }

    /// The words of `ssh` for somebody, up to the host.
    pub fn ssh_words(&self, name: &str) -> Vec<String> {
        let known = self.host.temp().join("known_hosts").display().to_string();
        let words =
            ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"];
        let mut words: Vec<String> = words.iter().map(ToString::to_string).collect();
        words.extend(["-o".into(), format!("UserKnownHostsFile={known}"), "-i".into()]);
        words.push(self.key(name).display().to_string());
        if self.kept.borrow().iter().any(|(kept, _)| kept == name) {
            words.extend(["-S".into(), self.kept_path(name).display().to_string()]);
        }
        words
    }

    /// `ssh`, with options, not yet started.
    pub fn ssh_command(&self, name: &str, options: &[&str], line: &[&str]) -> Command {
        let words = self.ssh_words(name);
        let mut ssh = self.host.command(&words[0]);
        ssh.args(&words[1..]).args(options).args(["-p", &self.port.to_string(), &self.destination()]).args(line);
        ssh
    }

    /// `ssh user@host LINE`.
    pub fn ssh(&self, name: &str, line: &str) -> Outcome {
        self.ssh_given(name, line, b"")
    }

    pub fn ssh_given(&self, name: &str, line: &str, input: &[u8]) -> Outcome {
        run(&mut self.ssh_command(name, &[], &[line]), input, None)
    }

    /// `user@host`.
    pub fn destination(&self) -> String {
        format!("{}@127.0.0.1", whoami())
    }

    /// The URL of an app's repository.
    pub fn url(&self, app: &str) -> String {
        format!("ssh://{}:{}/{app}.git", self.destination(), self.port)
    }

    /// An app that somebody made over ssh, with a checkout whose remote leads there.
    pub fn app(&self, owner: &str, name: &str, fixture: &str) -> App {
        let app = App::copied(&self.host, name, fixture);
        self.ssh(owner, &format!("dokuen create --application={name}")).ok();
        app.git(&["remote", "set-url", "dokuen", &self.url(name)]).ok();
        app
    }

    /// git in a checkout, with somebody's key.
    pub fn git(&self, name: &str, app: &App, args: &[&str]) -> Outcome {
        run(&mut self.git_command(name, app, args), b"", Some(app.clone()))
    }

    pub fn git_command(&self, name: &str, app: &App, args: &[&str]) -> Command {
        let mut git = self.host.command("git");
        git.env("GIT_SSH_COMMAND", self.ssh_words(name).join(" ")).current_dir(&app.checkout).args(args);
        git
    }

    pub fn authorized_keys(&self) -> PathBuf {
        self.host.temp().join("home/.ssh/authorized_keys")
    }

    /// Sessions that are written down: pid and what they do.
    pub fn sessions(&self) -> Vec<(u32, String)> {
        let Ok(files) = fs::read_dir(self.host.dir().join("run/.sessions")) else { return Vec::new() };
        let session = |file: fs::DirEntry| {
            let pid = file.file_name().to_str()?.rsplit('.').next()?.parse().ok()?;
            Some((pid, fs::read_to_string(file.path()).ok()?.lines().nth(2)?.to_owned()))
        };
        files.filter_map(|file| session(file.ok()?)).collect()
    }

    fn write_known_hosts(&self) {
        let key = fs::read_to_string(self.host.temp().join("sshd/host_key.pub")).unwrap();
        fs::write(self.host.temp().join("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }
}

/// A program in the background that ends with the test, also when the test panics.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// It reads nothing, and nobody reads it.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// As [`Running::start`], with an output that is a pipe which nobody empties.
    pub fn unread(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        for (_, master) in self.kept.get_mut() {
            let _ = master.kill();
            let _ = master.wait();
        }
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

fn start(host: &Host) -> (Child, u16) {
    let dir = host.temp().join("sshd");
    fs::create_dir_all(&dir).unwrap();
    let key = dir.join("host_key");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key), b"", None).ok();
    if nix::unistd::geteuid().is_root() {
        // sshd asks for it, and a machine whose sshd never ran has none.
        fs::create_dir_all("/run/sshd").unwrap();
    }
    for _ in 0..20 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = spawn(host, &dir, &key, port);
        let mut answers = None;
        eventually("sshd answers or gives up", || {
            answers = match child.try_wait().unwrap() {
                Some(_) => Some(false),
                None => std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(true),
            };
            answers.is_some()
        });
        if answers == Some(true) {
            return (child, port);
        }
    }
    panic!("sshd did not start: {}", fs::read_to_string(dir.join("log")).unwrap_or_default());
}

fn spawn(host: &Host, dir: &Path, key: &Path, port: u16) -> Child {
    let config = dir.join("config");
    let keys = host.temp().join("home/.ssh/authorized_keys");
    // A careless administrator's sshd: it takes every variable and forwards everything, where the key allows it.
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
         AuthorizedKeysFile {}\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 100\n\
         AcceptEnv *\nPermitUserEnvironment yes\nAllowTcpForwarding yes\nGatewayPorts yes\nPermitTunnel yes\n\
         Subsystem sftp internal-sftp\nSetEnv HOME={}\n",
        key.display(),
        keys.display(),
        host.temp().join("home").display()
    );
    fs::write(&config, text).unwrap();
    let log = fs::File::create(dir.join("log")).unwrap();
    let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    Command::new(sshd).args(["-D", "-e", "-f"]).arg(&config).stdin(Stdio::null()).stderr(log).spawn().unwrap()
}

pub fn whoami() -> String {
    nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name
}
