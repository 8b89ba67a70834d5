//! What became of telling: one log for the host, bounded.

use std::io::Write;
use std::path::PathBuf;

use dokuen_core::{Host, Stamp, fs};

/// A log larger than this becomes the older one.
const MOST: u64 = 1024 * 1024;

/// `notify.log`.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
}

impl Log {
    /// The host's.
    pub fn new(host: &Host) -> Self {
        Self { path: host.notify_log() }
    }

    /// One line for each of the text's; nobody is there to hear that it cannot be written.
    pub fn say(&self, who: &str, text: &str) {
        let at = Stamp::now().for_people();
        let plain = |line: &str| line.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
        let lines: String = text.lines().map(|line| format!("[{at}][{who}] {}\n", plain(line))).collect();
        if self.path.metadata().is_ok_and(|meta| meta.len() > MOST) {
            let _ = fs::rename(&self.path, &self.path.with_extension("log.1"));
        }
        if let Ok(mut file) = fs::open_append(&self.path, fs::PRIVATE_FILE) {
            let _ = file.write_all(lines.as_bytes());
        }
    }
}
