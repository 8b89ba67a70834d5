//! What a wrapper is told: one instance, in a file of its own.

mod id;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::PortRange;
use dokuen_core::fs::FsError;
use nix::sys::signal::Signal;

pub use self::id::InstanceId;

use crate::cgroup::Bounds;
use crate::log::LogRoom;

/// What a `dokuen` and a wrapper of different versions understand of each other: the keys of `spec` and `state`, the letters
/// of `control`. Keys and letters are only ever added, and unknown ones are passed over, so a wrapper that was started
/// before an upgrade goes on to work. This number goes up when a wrapper that knows less would do harm: such a one
/// refuses the spec.
///
/// 1: before there was a number. 2: `own_path`, `own_fds`, `cgroup`, `memory`, `pids`; `socket` in the state.
pub const PROTOCOL: u32 = 2;

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

#[cfg(test)]
mod tests;
