//! The conf as its file has it, and how each of its values becomes a checked one.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::User;
use serde::Deserialize;

use super::{Conf, NginxKind};
use crate::domain::Domain;
use crate::name::shown;
use crate::port::{PortRange, PortRangeError};
use crate::signal::parse_signal;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Int(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
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

const MIB: i64 = 1024 * 1024;

pub(super) type Checked<T> = Result<T, (&'static str, String)>;

impl Raw {
    pub(super) fn checked(self) -> Checked<Conf> {
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

pub(super) fn places(dokuen_dir: &Path, run: &Path) -> Checked<()> {
    if dokuen_dir.exists() {
        state_dir("dokuen_dir", dokuen_dir.to_owned())?;
    }
    run_dir(Some(run.to_owned()), dokuen_dir).map(drop)
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
    let text = match value {
        None => return Ok(Signal::SIGTERM),
        Some(Number::Int(number)) => number.to_string(),
        Some(Number::Text(text)) => text,
    };
    let refused = || ("stop_signal", format!("{} is no signal (15, TERM, INT, QUIT, ...)", shown(&text)));
    parse_signal(&text).ok_or_else(refused)
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
