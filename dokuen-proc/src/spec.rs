//! What a wrapper is told: one instance, as `key=value` lines in a file of its own.
//!
//! No format library: the wrapper should stay small, and every value is one line by construction.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::fs::{self, FsError};
use dokuen_core::{PortRange, ProcessType};
use nix::sys::signal::Signal;

use crate::cgroup::Bounds;
use crate::log::LogRoom;

/// What a `dokuen` and a wrapper of different versions understand of each other: the keys of `spec` and `state`, the letters
/// of `control`. Keys and letters are only ever added, and unknown ones are passed over, so a wrapper that was started
/// before an upgrade goes on to work. This number goes up when a wrapper that knows less would do harm: such a one
/// refuses the spec.
///
/// 1: before there was a number. 2: `own_path`, `own_fds`, `cgroup`, `memory`, `pids`; `socket` in the state.
pub const PROTOCOL: u32 = 2;

/// Which instance, and of which generation: `g7.web.1`. A generation is one boot of an app's formation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId {
    /// Counts up per app; two generations may run at once while one takes over from the other.
    pub generation: u32,
    /// The process type.
    pub kind: ProcessType,
    /// From 1.
    pub index: u16,
}

/// Everything a wrapper needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The app's name.
    pub app: String,
    /// Which instance this is.
    pub id: InstanceId,
    /// The release number, `v3`.
    pub version: String,
    /// The tree it runs in; also its working directory and `HOME`.
    pub tree: PathBuf,
    /// The Procfile's command line.
    pub command: String,
    /// The commit, for `GIT_REV` and `SOURCE_VERSION`.
    pub commit: String,
    /// `PATH` below everything the user may set.
    pub search_path: String,
    /// The machine's config vars, read anew on USR2.
    pub global_env: PathBuf,
    /// The app's config vars, read anew on USR2.
    pub app_env: PathBuf,
    /// Its log file.
    pub log: PathBuf,
    /// A log larger than this is rotated.
    pub log_bytes: u64,
    /// What it shares with the app's other logs; nothing, if an older version has written the spec.
    pub log_room: Option<LogRoom>,
    /// The report in the release.
    pub pid_file: PathBuf,
    /// The directory of reserved ports, and which may be taken. Only `web` gets one.
    pub ports_dir: PathBuf,
    /// The range.
    pub ports: PortRange,
    /// The front's socket and the route that leads to whoever is live; `web` only.
    pub front: Option<FrontPaths>,
    /// The first signal when it is to stop.
    pub stop_signal: Signal,
    /// How long after it before KILL.
    pub stop_timeout: Duration,
    /// How long requests under way may take before that.
    pub drain_timeout: Duration,
    /// A cgroup of its own, and what it may use there.
    pub cgroup: Option<(PathBuf, Bounds)>,
}

/// The two paths of a front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontPaths {
    /// Where this instance listens for nginx.
    pub socket: PathBuf,
    /// Where requests go that reach this instance after it was switched away from.
    pub onward: PathBuf,
    /// How the app listens, and where when it does so at a unix socket.
    pub entry: Entry,
}

/// Where an app takes its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// At its port.
    Port,
    /// At this socket, which it binds itself.
    Path(PathBuf),
    /// At this socket, which it is given open.
    Fds(PathBuf),
}

impl Entry {
    /// The app's own socket, at which nginx finds it without a front in between.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Port => None,
            Self::Path(socket) | Self::Fds(socket) => Some(socket),
        }
    }
}

/// A spec that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] FsError),
    /// A later version has written it.
    #[error("the spec `{path}` is of a newer dokuen (protocol {found}, known are those up to {PROTOCOL})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it asks for.
        found: u32,
    },
    /// A key is missing or its value makes no sense.
    #[error("the spec `{path}` has no usable `{key}`")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}.{}.{}", self.generation, self.kind, self.index)
    }
}

impl InstanceId {
    /// Reads `g7.web.1` back.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('g')?.split('.');
        let (generation, kind, index) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = parts.next().is_none() && [generation, index].iter().all(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let kind = ProcessType::parse(kind).ok().filter(|_| plain)?;
        Some(Self { generation: generation.parse().ok()?, kind, index: index.parse().ok()? })
    }

    /// `web.1`, as people call it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.kind, self.index)
    }
}

impl Spec {
    /// The text of the file.
    pub fn render(&self) -> String {
        let path = |p: &Path| p.display().to_string();
        let mut lines = vec![
            ("protocol", PROTOCOL.to_string()),
            ("app", self.app.clone()),
            ("instance", self.id.to_string()),
            ("version", self.version.clone()),
            ("tree", path(&self.tree)),
            ("command", self.command.clone()),
            ("commit", self.commit.clone()),
            ("search_path", self.search_path.clone()),
            ("global_env", path(&self.global_env)),
            ("app_env", path(&self.app_env)),
            ("log", path(&self.log)),
            ("log_bytes", self.log_bytes.to_string()),
            ("pid_file", path(&self.pid_file)),
            ("ports_dir", path(&self.ports_dir)),
            ("min_port", self.ports.min().to_string()),
            ("max_port", self.ports.max().to_string()),
            ("stop_signal", self.stop_signal.to_string()),
            ("stop_timeout", self.stop_timeout.as_secs().to_string()),
            ("drain_timeout", self.drain_timeout.as_secs().to_string()),
        ];
        if let Some(front) = &self.front {
            lines.push(("socket", path(&front.socket)));
            lines.push(("onward", path(&front.onward)));
            match &front.entry {
                Entry::Port => {}
                Entry::Path(socket) => lines.push(("own_path", path(socket))),
                Entry::Fds(socket) => lines.push(("own_fds", path(socket))),
            }
        }
        if let Some(room) = &self.log_room {
            lines.push(("app_log_bytes", room.most.to_string()));
            lines.push(("instances", path(&room.instances)));
            lines.push(("runs", path(&room.runs)));
        }
        if let Some((dir, bounds)) = &self.cgroup {
            lines.push(("cgroup", path(dir)));
            let some = [("memory", bounds.memory), ("pids", bounds.pids)];
            lines.extend(some.into_iter().filter_map(|(key, bound)| Some((key, bound?.to_string()))));
        }
        lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }

    /// Reads the file back.
    pub fn load(path: &Path) -> Result<Self, SpecError> {
        let text = fs::read_text(path)?;
        let fields = Fields { path, all: text.lines().filter_map(|l| l.split_once('=')).collect() };
        let found = fields.all.get("protocol").map_or(Some(1), |v| v.parse().ok()).unwrap_or(u32::MAX);
        if found > PROTOCOL {
            return Err(SpecError::Newer { path: path.to_owned(), found });
        }
        Ok(Self {
            app: fields.text("app")?,
            id: fields.read("instance", InstanceId::parse)?,
            version: fields.text("version")?,
            tree: fields.text("tree")?.into(),
            command: fields.text("command")?,
            commit: fields.text("commit")?,
            search_path: fields.text("search_path")?,
            global_env: fields.text("global_env")?.into(),
            app_env: fields.text("app_env")?.into(),
            log: fields.text("log")?.into(),
            log_bytes: fields.read("log_bytes", |v| v.parse().ok())?,
            log_room: fields.log_room(),
            pid_file: fields.text("pid_file")?.into(),
            ports_dir: fields.text("ports_dir")?.into(),
            ports: fields.ports()?,
            front: fields.front()?,
            stop_signal: fields.read("stop_signal", |v| v.parse().ok())?,
            stop_timeout: fields.seconds("stop_timeout")?,
            drain_timeout: fields.seconds("drain_timeout")?,
            cgroup: fields.cgroup(),
        })
    }
}

struct Fields<'a> {
    path: &'a Path,
    all: BTreeMap<&'a str, &'a str>,
}

impl Fields<'_> {
    fn read<T>(&self, key: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, SpecError> {
        let value = self.all.get(key).copied().and_then(parse);
        value.ok_or_else(|| SpecError::Value { path: self.path.to_owned(), key })
    }

    fn text(&self, key: &'static str) -> Result<String, SpecError> {
        self.read(key, |value| Some(value.to_owned()))
    }

    fn seconds(&self, key: &'static str) -> Result<Duration, SpecError> {
        self.read(key, |value| value.parse().ok().map(Duration::from_secs))
    }

    fn ports(&self) -> Result<PortRange, SpecError> {
        let (min, max) = (self.read("min_port", |v| v.parse().ok())?, self.read("max_port", |v| v.parse().ok())?);
        PortRange::new(min, max).map_err(|_| SpecError::Value { path: self.path.to_owned(), key: "max_port" })
    }

    fn log_room(&self) -> Option<LogRoom> {
        let path = |key| self.all.get(key).map(PathBuf::from);
        let most = self.all.get("app_log_bytes")?.parse().ok()?;
        Some(LogRoom { most, instances: path("instances")?, runs: path("runs")? })
    }

    fn cgroup(&self) -> Option<(PathBuf, Bounds)> {
        let number = |key| self.all.get(key).and_then(|v| v.parse().ok());
        Some((self.all.get("cgroup")?.into(), Bounds { memory: number("memory"), pids: number("pids") }))
    }

    fn front(&self) -> Result<Option<FrontPaths>, SpecError> {
        if !self.all.contains_key("socket") {
            return Ok(None);
        }
        let entry = match (self.all.get("own_path"), self.all.get("own_fds")) {
            (Some(path), _) => Entry::Path(path.into()),
            (None, Some(path)) => Entry::Fds(path.into()),
            (None, None) => Entry::Port,
        };
        Ok(Some(FrontPaths { socket: self.text("socket")?.into(), onward: self.text("onward")?.into(), entry }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn sample() -> Spec {
        Spec {
            app: "hello".into(),
            id: InstanceId::parse("g7.web.1").unwrap(),
            version: "v3".into(),
            tree: "/a b/releases/20260101T000000".into(),
            command: "./serve --x=1 # not ours".into(),
            commit: String::new(),
            search_path: "/bin".into(),
            global_env: "/d/env".into(),
            app_env: "/d/apps/hello/env".into(),
            log: "/d/log".into(),
            log_bytes: 1000,
            log_room: Some(LogRoom { most: 9000, instances: "/d/instances".into(), runs: "/d/runs".into() }),
            pid_file: "/d/pid".into(),
            ports_dir: "/d/ports".into(),
            ports: PortRange::new(5000, 5010).unwrap(),
            front: Some(FrontPaths { socket: "/r/i/g7.web.1".into(), onward: "/r/live/1".into(), entry: Entry::Port }),
            stop_signal: Signal::SIGINT,
            stop_timeout: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(30),
            cgroup: Some(("/c/hello.g7.web.1".into(), Bounds { memory: Some(1 << 30), pids: None })),
        }
    }

    #[test]
    fn reads_back_what_it_writes_and_names_a_missing_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spec");
        let at = |entry| Some(FrontPaths { entry, ..sample().front.unwrap() });
        let entries = [Entry::Path("/r/s/g7.web.1".into()), Entry::Fds("/r/s/g7.web.1".into())];
        let direct = entries.map(|entry| Spec { front: at(entry), ..sample() });
        for spec in [sample(), Spec { front: None, cgroup: None, log_room: None, ..sample() }].into_iter().chain(direct)
        {
            fs::replace(&path, spec.render().as_bytes(), fs::PRIVATE_FILE).unwrap();
            assert_eq!(Spec::load(&path).unwrap(), spec);
        }
        fs::replace(&path, sample().render().replace("tree=", "tee=").as_bytes(), fs::PRIVATE_FILE).unwrap();
        assert!(Spec::load(&path).unwrap_err().to_string().ends_with("has no usable `tree`"));
    }

    #[test]
    fn ids_parse_or_do_not() {
        assert_eq!(InstanceId::parse("g12.urgent-worker.3").unwrap().to_string(), "g12.urgent-worker.3");
        for bad in ["", "g.web.1", "7.web.1", "g7.web", "g7.web.1.2", "g7.w/b.1", "g+7.web.1", "g7.web.-1"] {
            assert_eq!(InstanceId::parse(bad), None, "{bad}");
        }
    }
}
