//! An instance's log: `[YYYY-mm-dd HH:MM:SS][web.1] line`, stamped once per read, rotated by size, never in the way.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dokuen_core::fs;
use jiff::{Timestamp, tz::TimeZone};

/// A line longer than this is split: the rest goes on as a line of its own.
pub const LONGEST_LINE: usize = 64 * 1024;
/// Rotated files kept besides the one being written: `.1` is the newest.
const KEPT: u32 = 4;

/// Where an instance's lines go. Two wrappers may write to one log while a release takes over: each batch is one
/// append, so lines stay whole.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    name: String,
    most: u64,
    file: Option<File>,
    partial: Vec<u8>,
    batch: Vec<u8>,
    second: i64,
    stamp: String,
    dropped: u64,
}

impl Log {
    /// A log at `path` whose lines carry `name`; opened at the first line.
    pub fn new(path: &Path, name: &str, most: u64) -> Self {
        Self {
            path: path.to_owned(),
            name: name.to_owned(),
            most,
            file: None,
            partial: vec![],
            batch: vec![],
            second: i64::MIN,
            stamp: String::new(),
            dropped: 0,
        }
    }

    /// Whether a line without an end is waiting for it.
    pub fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Takes bytes as the child wrote them; whole lines are written at once, the rest waits.
    pub fn take(&mut self, mut bytes: &[u8], now: Timestamp) {
        self.restamp(now);
        while let Some(at) = bytes.iter().position(|b| *b == b'\n') {
            self.extend_partial(&bytes[..at]);
            self.end_line();
            bytes = &bytes[at + 1..];
        }
        self.extend_partial(bytes);
        self.flush();
    }

    /// Writes a line that has waited long enough for its end, or whose writer is gone.
    pub fn end_partial(&mut self, now: Timestamp) {
        if self.has_partial() {
            self.restamp(now);
            self.end_line();
            self.flush();
        }
    }

    /// A line of the wrapper's own.
    pub fn say(&mut self, text: &str, now: Timestamp) {
        self.end_partial(now);
        self.take(format!("dokuen: {text}\n").as_bytes(), now);
    }

    fn extend_partial(&mut self, mut bytes: &[u8]) {
        while self.partial.len() + bytes.len() > LONGEST_LINE {
            let (head, rest) = bytes.split_at(LONGEST_LINE - self.partial.len());
            self.partial.extend_from_slice(head);
            self.end_line();
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
    }

    fn end_line(&mut self) {
        self.batch.extend_from_slice(self.stamp.as_bytes());
        self.batch.append(&mut self.partial);
        self.batch.push(b'\n');
    }

    fn restamp(&mut self, now: Timestamp) {
        if now.as_second() != self.second {
            self.second = now.as_second();
            let civil = TimeZone::UTC.to_datetime(now);
            self.stamp = format!("[{}][{}] ", civil.strftime("%Y-%m-%d %H:%M:%S"), self.name);
        }
    }

    /// A disk that is full or read-only must neither block the app nor end the wrapper: what cannot be written is
    /// counted and the count is said as soon as writing works again.
    fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let lines = self.batch.iter().filter(|b| **b == b'\n').count() as u64;
        match self.append() {
            Ok(()) => {}
            Err(_) => {
                self.dropped += lines;
                self.file = None;
            }
        }
        self.batch.clear();
        self.batch.shrink_to(LONGEST_LINE);
        self.partial.shrink_to(LONGEST_LINE);
    }

    fn append(&mut self) -> Result<(), fs::FsError> {
        if self.dropped > 0 {
            let note =
                format!("{}dokuen: {} lines were lost: the log could not be written\n", self.stamp, self.dropped);
            self.batch.splice(0..0, note.into_bytes());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => fs::open_append(&self.path, fs::PRIVATE_FILE)?,
        };
        fs::at("write", &self.path, file.write_all(&self.batch))?;
        self.dropped = 0;
        self.file = self.rotated(file)?;
        Ok(())
    }

    /// Past the size, the files move up by one name. Another wrapper may have done so already: then only follow.
    fn rotated(&self, file: File) -> Result<Option<File>, fs::FsError> {
        let meta = fs::at("inspect", &self.path, file.metadata())?;
        if meta.len() < self.most {
            return Ok(Some(file));
        }
        let still_ours = self.path.symlink_metadata().is_ok_and(|at_path| at_path.ino() == meta.ino());
        if still_ours {
            for number in (0..KEPT).rev() {
                let from = self.numbered(number);
                if from.exists() {
                    fs::rename(&from, &self.numbered(number + 1))?;
                }
            }
        }
        Ok(None)
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 { self.path.clone() } else { PathBuf::from(format!("{}.{number}", self.path.display())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-01-02T03:04:05Z";

    fn write(pieces: &[&[u8]], most: u64) -> (tempfile::TempDir, Log) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::new(&dir.path().join("l"), "web.1", most);
        for piece in pieces {
            log.take(piece, AT.parse().unwrap());
        }
        (dir, log)
    }

    fn text(dir: &tempfile::TempDir) -> String {
        String::from_utf8(fs::read(&dir.path().join("l")).unwrap()).unwrap()
    }

    #[test]
    fn every_line_is_stamped_once_wherever_the_reads_fall() {
        let (dir, mut log) = write(&[b"on", b"e\ntw", b"o\n", b"\nlast"], 1_000_000);
        assert!(log.has_partial());
        log.end_partial(AT.parse().unwrap());
        let stamp = "[2026-01-02 03:04:05][web.1] ";
        assert_eq!(text(&dir), format!("{stamp}one\n{stamp}two\n{stamp}\n{stamp}last\n"));
    }

    #[test]
    fn a_long_line_is_split_and_memory_stays_small() {
        let (dir, log) = write(&[&vec![b'x'; 3 * LONGEST_LINE + 5], b"\n"], u64::MAX);
        assert_eq!(
            text(&dir).lines().map(|l| l.len() - 29).collect::<Vec<_>>(),
            [LONGEST_LINE, LONGEST_LINE, LONGEST_LINE, 5]
        );
        assert!(log.batch.capacity() + log.partial.capacity() <= 4 * LONGEST_LINE);
    }

    #[test]
    fn rotation_keeps_a_bounded_number_of_files_and_every_line_in_order() {
        let line = [b'y'; 99];
        let (dir, mut log) = write(&[], 1000);
        for _ in 0..30 {
            log.take(&[&line[..], b"\n"].concat(), AT.parse().unwrap());
        }
        let names = fs::names(dir.path()).unwrap();
        assert_eq!(names, ["l", "l.1", "l.2", "l.3"]);
        let count: usize = names.iter().map(|n| fs::read_text(&dir.path().join(n)).unwrap().lines().count()).sum();
        assert_eq!(count, 30);
    }

    #[test]
    fn a_symlink_is_never_followed_and_the_loss_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join("l"), dir.path().join("elsewhere"));
        fs::link(&elsewhere, &path).unwrap();
        let mut log = Log::new(&path, "web.1", 1000);
        log.take(b"a\nb\n", AT.parse().unwrap());
        assert!(!elsewhere.exists());
        fs::remove(&path).unwrap();
        log.take(b"c\n", AT.parse().unwrap());
        assert!(text(&dir).starts_with("[2026-01-02 03:04:05][web.1] dokuen: 2 lines were lost"), "{}", text(&dir));
    }
}
