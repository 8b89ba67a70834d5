//! `dokuen.conf`: one YAML file, each key with a default where one makes sense.

mod raw;

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::User;
use serde::Deserialize;

use crate::domain::Domain;
use crate::fs::{self, FsError};
use crate::port::PortRange;
use raw::Raw;

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

    /// Whether a host can be at `dokuen_dir`, which need not be there yet, with its sockets in `run_dir`; else why not.
    pub fn check_places(dokuen_dir: &Path, run_dir: &Path) -> Result<(), String> {
        raw::places(dokuen_dir, run_dir).map_err(|(_, cause)| cause)
    }

    /// The search path for programs: `bin_path`, then the system's directories.
    pub fn search_path(&self) -> String {
        let own = self.bin_path.iter().map(|p| p.display().to_string());
        own.chain(SYSTEM_PATH.iter().map(ToString::to_string)).collect::<Vec<_>>().join(":")
    }
}

const SYSTEM_PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

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
