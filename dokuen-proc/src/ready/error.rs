//! Why an instance did not become ready, with what it wrote.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use dokuen_core::fs;

/// Log lines shown for an instance that failed.
const TAIL: usize = 20;

/// An instance that did not become ready. `log` is what it wrote in this boot, its last lines.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// Its process ended.
    #[error("{name} {how} before it was ready")]
    Ended {
        /// `web.1`.
        name: String,
        /// `exited with 3`.
        how: String,
        /// Its last lines.
        log: Vec<String>,
    },
    /// The time was over.
    #[error("{name} did not answer on {door} within {} s: {last}", within.as_secs())]
    Silent {
        /// `web.1`.
        name: String,
        /// `port 5001`, or its socket.
        door: String,
        /// How long was waited.
        within: Duration,
        /// What the last look saw.
        last: String,
        /// Its last lines.
        log: Vec<String>,
    },
    /// The time was over before a command had succeeded.
    #[error("{name} did not pass its check within {} s: {last}", within.as_secs())]
    Unfit {
        /// `worker.1`.
        name: String,
        /// How long was waited.
        within: Duration,
        /// What the last try came to.
        last: String,
        /// Its last lines.
        log: Vec<String>,
    },
    /// A wrapper is gone.
    #[error("{name} lost its wrapper before it was ready")]
    Lost {
        /// `web.1`.
        name: String,
    },
    /// It was not to be waited for any more.
    #[error("what was started had not become ready, and was ended")]
    Cancelled,
}

impl ReadyError {
    /// The last lines that the instance wrote.
    pub fn log(&self) -> &[String] {
        match self {
            Self::Ended { log, .. } | Self::Silent { log, .. } | Self::Unfit { log, .. } => log,
            Self::Lost { .. } | Self::Cancelled => &[],
        }
    }
}

/// The last lines of what a log holds beyond `offset`.
pub(super) fn tail(log: &Path, offset: u64) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = fs::open(log).map_err(|e| e.source)?;
        let length = file.metadata()?.len();
        // A log that was rotated in between starts anew; never more than its last 64 KiB are read.
        let from = if length < offset { 0 } else { offset };
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(64 * 1024))))?;
        let mut bytes = Vec::new();
        file.take(64 * 1024).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(TAIL)..].to_vec()
}
