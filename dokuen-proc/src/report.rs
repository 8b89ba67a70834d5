//! What a wrapper says about its instance, in the instance's directory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dokuen_core::Port;

use crate::platform::Member;

/// What a wrapper reports about itself. For people and for waiting; never used to decide whom to signal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What its wrapper understands: see [`crate::PROTOCOL`].
    pub protocol: u32,
    /// The wrapper's process id.
    pub wrapper: Option<i32>,
    /// The child's process id, while there is one.
    pub child: Option<i32>,
    /// When the child was started, in the kernel's own count: with the pid it names one process for ever.
    pub child_started: Option<u64>,
    /// Its port.
    pub port: Option<Port>,
    /// The unix socket at which the app listens itself.
    pub socket: Option<PathBuf>,
    /// `up`, `waiting`, `draining`, `ending`, `gone`.
    pub phase: String,
    /// Since when, `YYYY-mm-dd HH:MM:SS` in UTC.
    pub since: String,
    /// How often the child was started again.
    pub restarts: u32,
    /// How the last child ended, `exited with 3`.
    pub last_end: String,
}

impl Report {
    /// The child, as one process for ever.
    pub(crate) fn member(&self) -> Option<Member> {
        Some(Member { pid: self.child?, started: self.child_started? })
    }

    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                out.push_str(&format!("{key}={value}\n"));
            }
        };
        put("protocol", Some(self.protocol.to_string()));
        put("wrapper", self.wrapper.map(|v| v.to_string()));
        put("child", self.child.map(|v| v.to_string()));
        put("child_started", self.child_started.map(|v| v.to_string()));
        put("port", self.port.map(|v| v.to_string()));
        put("socket", self.socket.as_ref().map(|v| v.display().to_string()));
        put("phase", Some(self.phase.clone()));
        put("since", Some(self.since.clone()));
        put("restarts", Some(self.restarts.to_string()));
        put("last_end", Some(self.last_end.clone()));
        out
    }

    pub(crate) fn parse(text: &str) -> Self {
        let all: BTreeMap<_, _> = text.lines().filter_map(|l| l.split_once('=')).collect();
        let text = |key: &str| all.get(key).copied().unwrap_or_default().to_owned();
        Self {
            protocol: text("protocol").parse().unwrap_or(1),
            wrapper: text("wrapper").parse().ok(),
            child: text("child").parse().ok(),
            child_started: text("child_started").parse().ok(),
            port: text("port").parse().ok().and_then(Port::new),
            socket: all.get("socket").map(PathBuf::from),
            phase: text("phase"),
            since: text("since"),
            restarts: text("restarts").parse().unwrap_or(0),
            last_end: text("last_end"),
        }
    }
}
