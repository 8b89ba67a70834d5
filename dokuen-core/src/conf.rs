//! `dokuen.conf`: one YAML file, each key with a default where one makes sense.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::User;
use serde::Deserialize;

use crate::domain::Domain;
use crate::fs::{self, FsError};
use crate::name::shown;
use crate::port::{PortRange, PortRangeError};

/// A conf that was read and checked. All paths are absolute.
#[derive(Debug, Clone)]
pub struct Conf {
    /// Apps answer at `APP.<this>`.
    pub base_domain: Domain,
    /// The host people push to, as it stands in the printed URL.
    pub git_server: String,
    /// The account that everything runs as.
    pub app_user: String,
    /// Its home directory.
    pub app_user_home: PathBuf,
    /// Directories searched before the system's own for programs of builds and apps.
    pub bin_path: Vec<PathBuf>,
    /// Where all state lives.
    pub dokuen_dir: PathBuf,
    /// Sockets and other things that a reboot may forget; short, since a socket path has at most 107 bytes.
    pub run_dir: PathBuf,
    /// Ports that instances are given.
    pub ports: PortRange,
    /// What an instance is sent first when it is to stop.
    pub stop_signal: Signal,
    /// How long it may take to go before it is killed.
    pub stop_timeout: Duration,
    /// How long requests under way may take before an old instance is stopped.
    pub drain_timeout: Duration,
    /// How long a new instance may take to answer.
    pub boot_timeout: Duration,
    /// A log larger than this many bytes is rotated.
    pub log_bytes: u64,
    /// All logs of an app's processes may take this many bytes together.
    pub app_log_bytes: u64,
    /// The directory of cgroups in which each instance gets one.
    pub cgroup: Option<PathBuf>,
    /// How many releases to keep besides `current` and `previous`.
    pub keep_releases: usize,
    /// A push of more bytes than this is refused by git while it comes in.
    pub push_bytes: u64,
    /// A pushed tree may hold this many bytes at most.
    pub tree_bytes: u64,
    /// A pushed tree may hold this many files at most.
    pub tree_files: u64,
    /// An app that is imported may have this many bytes, all that comes with it.
    pub import_bytes: u64,
    /// An app's build cache may hold this many bytes; what is more goes after the next deploy.
    pub cache_bytes: u64,
    /// Submodules may be fetched from what begins with one of these; each ends with a slash.
    pub submodule_urls: Vec<String>,
    /// Whose nginx it is.
    pub nginx: NginxKind,
    /// Where nginx listens.
    pub listen: SocketAddr,
    /// Whether Gitolite stands in front: it has the keys and the rules then, and the repositories.
    pub gitolite: bool,
    /// Where it listens for https once there is a certificate; `None`: nowhere.
    pub listen_https: Option<SocketAddr>,
}

/// Whose nginx serves the apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NginxKind {
    /// One that Dokuen runs itself, on a port of its own.
    Own,
    /// The machine's, which includes Dokuen's files.
    System,
}

/// A conf that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] FsError),
    /// It is not the YAML it should be; the text names the key and the line.
    #[error("`{path}`: {cause}")]
    Syntax {
        /// The conf.
        path: PathBuf,
        /// The YAML reader's words.
        cause: String,
    },
    /// A key has a value that cannot be right.
    #[error("`{path}`: {key}: {cause}")]
    Value {
        /// The conf.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        cause: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Int(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    base_domain_name: String,
    git_server: Option<String>,
    app_user: Option<String>,
    app_user_home: Option<PathBuf>,
    bin_path: Option<String>,
    dokuen_dir: PathBuf,
    run_dir: Option<PathBuf>,
    min_port: Option<Number>,
    max_port: Option<Number>,
    stop_signal: Option<Number>,
    stop_timeout: Option<Number>,
    drain_timeout: Option<Number>,
    boot_timeout: Option<Number>,
    log_bytes: Option<Number>,
    app_log_bytes: Option<Number>,
    cgroup: Option<PathBuf>,
    keep_releases: Option<Number>,
    push_bytes: Option<Number>,
    tree_bytes: Option<Number>,
    tree_files: Option<Number>,
    import_bytes: Option<Number>,
    cache_bytes: Option<Number>,
    nginx: Option<NginxKind>,
    listen: Option<String>,
    gitolite: Option<bool>,
    submodule_urls: Option<Vec<String>>,
    listen_https: Option<String>,
}

impl Conf {
    /// Reads and checks the conf at `path`, which must be a plain file that only its owner or root can have written.
    pub fn load(path: &Path) -> Result<Self, ConfError> {
        let bytes = fs::read_foreign(path, 64 * 1024)?;
        check_owner(path)?;
        let syntax = |cause: String| ConfError::Syntax { path: path.to_owned(), cause };
        let text = String::from_utf8(bytes).map_err(|_| syntax("it is not UTF-8 text".to_owned()))?;
        let raw: Raw = serde_yaml::from_str(&text).map_err(|e| syntax(e.to_string()))?;
        let conf = raw.checked().map_err(|(key, cause)| ConfError::Value { path: path.to_owned(), key, cause })?;
        check_account(path, &conf.app_user)?;
        Ok(conf)
    }

    /// The search path for programs: `bin_path`, then the system's directories.
    pub fn search_path(&self) -> String {
        let own = self.bin_path.iter().map(|p| p.display().to_string());
        own.chain(SYSTEM_PATH.iter().map(ToString::to_string)).collect::<Vec<_>>().join(":")
    }
}

const SYSTEM_PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

const MIB: i64 = 1024 * 1024;

type Checked<T> = Result<T, (&'static str, String)>;

impl Raw {
    fn checked(self) -> Checked<Conf> {
        let dokuen_dir = state_dir("dokuen_dir", self.dokuen_dir)?;
        let account = account(self.app_user)?;
        let bytes = 1..=i64::MAX;
        let listen = listen(self.listen)?;
        Ok(Conf {
            base_domain: Domain::parse(&self.base_domain_name).map_err(|e| ("base_domain_name", e.to_string()))?,
            git_server: git_server(self.git_server.unwrap_or_else(|| "localhost".to_owned()))?,
            app_user_home: self.app_user_home.unwrap_or(account.dir),
            app_user: account.name,
            bin_path: bin_path(self.bin_path)?,
            run_dir: run_dir(self.run_dir, &dokuen_dir)?,
            dokuen_dir,
            ports: ports(self.min_port, self.max_port)?,
            stop_signal: stop_signal(self.stop_signal)?,
            stop_timeout: seconds("stop_timeout", self.stop_timeout, 15)?,
            drain_timeout: seconds("drain_timeout", self.drain_timeout, 30)?,
            boot_timeout: seconds("boot_timeout", self.boot_timeout, 60)?,
            log_bytes: whole("log_bytes", self.log_bytes, 10_000_000, 10_000..=10_000_000_000)? as u64,
            app_log_bytes: whole("app_log_bytes", self.app_log_bytes, 1_000_000_000, 1_000_000..=1_000_000_000_000)?
                as u64,
            cgroup: self.cgroup.map(absolute).transpose()?,
            keep_releases: whole("keep_releases", self.keep_releases, 5, 0..=1000)? as usize,
            push_bytes: whole("push_bytes", self.push_bytes, 512 * MIB, bytes.clone())? as u64,
            tree_bytes: whole("tree_bytes", self.tree_bytes, 256 * MIB, bytes.clone())? as u64,
            import_bytes: whole("import_bytes", self.import_bytes, 16384 * MIB, bytes.clone())? as u64,
            cache_bytes: whole("cache_bytes", self.cache_bytes, 4096 * MIB, bytes)? as u64,
            tree_files: whole("tree_files", self.tree_files, 200_000, 1..=100_000_000)? as u64,
            nginx: self.nginx.unwrap_or(NginxKind::System),
            gitolite: self.gitolite.unwrap_or(false),
            submodule_urls: submodule_urls(self.submodule_urls.unwrap_or_default())?,
            listen_https: listen_https(self.listen_https, listen)?,
            listen,
        })
    }
}

fn check_owner(path: &Path) -> Result<(), ConfError> {
    let meta = fs::at("inspect", path, path.metadata())?;
    let mine = meta.uid() == 0 || meta.uid() == nix::unistd::geteuid().as_raw() || nix::unistd::geteuid().is_root();
    if mine && meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    let cause = "it belongs to, or can be written by, another user".to_owned();
    Err(ConfError::Syntax { path: path.to_owned(), cause })
}

/// Root takes on the account that the conf names: nobody else may say which.
fn check_account(path: &Path, account: &str) -> Result<(), ConfError> {
    let owner = fs::at("inspect", path, path.metadata())?.uid();
    let account = User::from_name(account).ok().flatten().map(|user| user.uid.as_raw());
    if owner == 0 || !nix::unistd::geteuid().is_root() || Some(owner) == account {
        return Ok(());
    }
    let cause = "it belongs neither to root nor to its app_user".to_owned();
    Err(ConfError::Syntax { path: path.to_owned(), cause })
}

fn state_dir(key: &'static str, dir: PathBuf) -> Checked<PathBuf> {
    let meta = std::fs::metadata(&dir).map_err(|e| (key, format!("`{}`: {e}", dir.display())))?;
    if !dir.is_absolute() || !meta.is_dir() {
        return Err((key, format!("`{}` is not an absolute path to a directory", dir.display())));
    }
    if meta.mode() & 0o002 != 0 {
        return Err((key, format!("`{}` can be written by everybody", dir.display())));
    }
    Ok(dir)
}

fn absolute(dir: PathBuf) -> Checked<PathBuf> {
    if dir.is_absolute() { Ok(dir) } else { Err(("cgroup", format!("`{}` is not an absolute path", dir.display()))) }
}

fn run_dir(given: Option<PathBuf>, dokuen_dir: &Path) -> Checked<PathBuf> {
    let dir = given.unwrap_or_else(|| dokuen_dir.join("run"));
    let most = crate::layout::LONGEST_RUN_DIR;
    if !dir.is_absolute() || dir.as_os_str().len() > most {
        return Err((
            "run_dir",
            format!("`{}` must be an absolute path of at most {most} bytes: socket paths are short", dir.display()),
        ));
    }
    Ok(dir)
}

fn account(name: Option<String>) -> Checked<User> {
    let found = match &name {
        Some(name) => User::from_name(name),
        None => User::from_uid(nix::unistd::geteuid()),
    };
    let shown = name.as_deref().map_or_else(|| "the calling user".to_owned(), shown);
    found.ok().flatten().ok_or(("app_user", format!("{shown} is no user of this machine")))
}

fn git_server(text: String) -> Checked<String> {
    let ok = Domain::parse(&text).is_ok() || text.parse::<std::net::IpAddr>().is_ok();
    // It is printed in a line that people paste into a shell.
    if ok { Ok(text) } else { Err(("git_server", format!("{} is no host name or address", shown(&text)))) }
}

fn bin_path(text: Option<String>) -> Checked<Vec<PathBuf>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let dirs: Vec<_> = text.split(':').map(PathBuf::from).collect();
    match dirs.iter().find(|d| !d.is_absolute()) {
        Some(bad) => Err(("bin_path", format!("`{}` is not an absolute path", bad.display()))),
        None => Ok(dirs),
    }
}

/// Without the slash at its end `https://git.example` would allow `https://git.example.evil.org`.
fn submodule_urls(all: Vec<String>) -> Checked<Vec<String>> {
    let known = ["https://", "ssh://", "file://"];
    let whole =
        |url: &&String| known.iter().any(|s| url.len() > s.len() + 1 && url.starts_with(s)) && url.ends_with('/');
    match all.iter().find(|url| !whole(url)) {
        Some(bad) => {
            Err(("submodule_urls", format!("{} is no https, ssh or file URL that ends with a slash", shown(bad))))
        }
        None => Ok(all),
    }
}

fn ports(min: Option<Number>, max: Option<Number>) -> Checked<PortRange> {
    let any = i64::MIN..=i64::MAX;
    let (min, max) = (whole("min_port", min, 5000, any.clone())?, whole("max_port", max, 5999, any)?);
    PortRange::new(min, max).map_err(|e| match e {
        PortRangeError::Empty { .. } => ("min_port", e.to_string()),
        PortRangeError::OutOfBounds { .. } if min < 1024 => ("min_port", e.to_string()),
        PortRangeError::OutOfBounds { .. } => ("max_port", e.to_string()),
    })
}

fn stop_signal(value: Option<Number>) -> Checked<Signal> {
    let refused = |text: &str| ("stop_signal", format!("{} is no signal (15, TERM, INT, QUIT, ...)", shown(text)));
    match value {
        None => Ok(Signal::SIGTERM),
        Some(Number::Int(n)) => {
            i32::try_from(n).ok().and_then(|n| Signal::try_from(n).ok()).ok_or_else(|| refused(&n.to_string()))
        }
        Some(Number::Text(text)) => match text.parse::<i32>() {
            Ok(n) => Signal::try_from(n).map_err(|_| refused(&text)),
            Err(_) => {
                let name = text.to_ascii_uppercase();
                let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
                Signal::from_str(&name).map_err(|_| refused(&text))
            }
        },
    }
}

fn seconds(key: &'static str, value: Option<Number>, default: i64) -> Checked<Duration> {
    Ok(Duration::from_secs(whole(key, value, default, 1..=86_400)? as u64))
}

/// The Ruby original wrote numbers that people had typed as quoted text: both forms are read.
fn whole(
    key: &'static str,
    value: Option<Number>,
    default: i64,
    allowed: std::ops::RangeInclusive<i64>,
) -> Checked<i64> {
    let number = match value {
        None => default,
        Some(Number::Int(n)) => n,
        Some(Number::Text(text)) => {
            text.trim().parse().map_err(|_| (key, format!("{} is no whole number", shown(&text))))?
        }
    };
    if allowed.contains(&number) {
        return Ok(number);
    }
    Err((key, format!("{number} is not between {} and {}", allowed.start(), allowed.end())))
}

fn listen(text: Option<String>) -> Checked<SocketAddr> {
    let text = text.unwrap_or_else(|| "0.0.0.0:80".to_owned());
    text.parse().map_err(|_| ("listen", format!("{} is no address:port such as 127.0.0.1:8080", shown(&text))))
}

/// Beside port 80 there is 443; an nginx on another port has https only where it is told to.
fn listen_https(text: Option<String>, listen: SocketAddr) -> Checked<Option<SocketAddr>> {
    match text.as_deref() {
        None => Ok((listen.port() == 80).then(|| SocketAddr::new(listen.ip(), 443))),
        Some("off") => Ok(None),
        Some(text) => {
            let refused = || ("listen_https", format!("{} is neither off nor an address:port", shown(text)));
            let address: SocketAddr = text.parse().map_err(|_| refused())?;
            if address == listen {
                return Err(("listen_https", format!("{address} is where nginx listens for http")));
            }
            Ok(Some(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Conf, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dokuen.conf");
        fs::replace(&path, text.replace("DIR", dir.path().to_str().unwrap()).as_bytes(), fs::PRIVATE_FILE).unwrap();
        let loaded = Conf::load(&path);
        loaded.map_err(|e| e.to_string().replace(dir.path().to_str().unwrap(), "DIR"))
    }

    fn with(line: &str) -> Result<Conf, String> {
        load(&format!("base_domain_name: example.com\ndokuen_dir: DIR\n{line}\n"))
    }

    #[test]
    fn an_old_conf_loads_with_defaults_for_the_new_keys() {
        let conf = load("---\nbase_domain_name: dokuen.example\ngit_server: git.example\napp_user: root\napp_user_home: /root\nbin_path: '/opt/my tools/bin'\ndokuen_dir: DIR\nmin_port: '5000'\nmax_port: 6000\nstop_signal: 15\n").unwrap();
        assert_eq!((conf.ports.min().get(), conf.ports.max().get()), (5000, 6000));
        assert_eq!(conf.stop_signal, Signal::SIGTERM);
        assert_eq!(
            conf.search_path(),
            "/opt/my tools/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        );
        assert_eq!(conf.boot_timeout, Duration::from_secs(60));
        assert_eq!(conf.nginx, NginxKind::System);
    }

    #[test]
    fn https_is_beside_port_80_and_elsewhere_where_it_is_told_to() {
        for (lines, https) in [
            ("", Some("0.0.0.0:443")),
            ("listen: 127.0.0.1:8080", None),
            ("listen: 127.0.0.1:8080\nlisten_https: 127.0.0.1:8443", Some("127.0.0.1:8443")),
            ("listen_https: 'off'", None),
        ] {
            assert_eq!(with(lines).unwrap().listen_https, https.map(|a| a.parse().unwrap()), "{lines}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = with("min_prot: 1").unwrap_err();
        assert!(text.contains("unknown field `min_prot`") && text.contains("line 3"), "{text}");
    }

    #[test]
    fn values_that_cannot_be_right_are_refused_by_key() {
        for (line, key) in [
            ("min_port: 6000\nmax_port: 5000", "min_port"),
            ("min_port: 1\nmax_port: 1024", "min_port"),
            ("min_port: -5\nmax_port: 10", "min_port"),
            ("max_port: 65536", "max_port"),
            ("git_server: 'h;id'", "git_server"),
            ("app_user: nosuchuser", "app_user"),
            ("bin_path: ''", "bin_path"),
            ("stop_signal: 99", "stop_signal"),
            ("stop_signal: FOO", "stop_signal"),
            ("listen: here", "listen"),
            ("listen_https: here", "listen_https"),
            ("listen: 127.0.0.1:80\nlisten_https: 127.0.0.1:80", "listen_https"),
            ("boot_timeout: 0", "boot_timeout"),
            ("submodule_urls: ['https://git.example']", "submodule_urls"),
            ("submodule_urls: ['ext::sh -c id/']", "submodule_urls"),
        ] {
            let text = with(line).unwrap_err();
            assert!(text.starts_with(&format!("`DIR/dokuen.conf`: {key}: ")), "{line}: {text}");
        }
        for bad in [
            "",
            "- a\n- b\n",
            "base_domain_name: ''\ndokuen_dir: DIR",
            "base_domain_name: a\ndokuen_dir: /tmp",
            "base_domain_name: a\ndokuen_dir: /nonexistent",
            "\tmin_port: 1",
        ] {
            assert!(load(bad).is_err(), "{bad:?}");
        }
        assert!(with("min_port: 5000.5").is_err());
    }
}
