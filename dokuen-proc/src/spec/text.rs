//! A spec as text: `key=value` lines.
//!
//! No format library: the wrapper should stay small, and every value is one line by construction.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::PortRange;
use dokuen_core::fs;

use super::{Entry, FrontPaths, InstanceId, PROTOCOL, Spec, SpecError};
use crate::cgroup::Bounds;
use crate::log::LogRoom;

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
