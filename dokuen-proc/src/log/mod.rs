//! An instance's log: `[YYYY-mm-dd HH:MM:SS][web.1] line`, stamped once per batch, rotated by size, never in the way.

mod after_kill;
mod batch;
mod files;
mod pauses;

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use dokuen_core::fs::{self, FsError};
use jiff::{Timestamp, tz::TimeZone};
use memmap2::MmapMut;

pub use self::files::{Files, LogRoom};
pub use self::pauses::{Next, Pauses};

use self::batch::{LONGEST_LINE, Made, room};
use crate::spool::{Batch, Spool};

/// Where an instance's lines go. Two wrappers may write to one log while a release takes over: each batch is one
/// append, so lines stay whole.
#[derive(Debug)]
pub struct Log {
    files: Files,
    name: String,
    file: Option<File>,
    spool: Spool,
    batch: Option<MmapMut>,
    stamp: Stamp,
    dropped: u64,
    /// The begin of a line that came while there was no room for the spool.
    begun: Vec<u8>,
}

#[derive(Debug)]
struct Stamp {
    second: i64,
    text: String,
}

impl Log {
    /// A log of these files whose lines carry `name`; opened at the first line. What an earlier wrapper has left in the
    /// spool is finished.
    pub fn open(files: Files, name: &str, spool: &Path) -> Result<Self, FsError> {
        let mut log = Self {
            files,
            name: name.to_owned(),
            file: None,
            spool: Spool::open(spool)?,
            batch: None,
            stamp: Stamp { second: i64::MIN, text: String::new() },
            dropped: 0,
            begun: Vec::new(),
        };
        log.finish_begun();
        Ok(log)
    }

    /// Whether a line without an end is waiting for it.
    pub fn has_partial(&self) -> bool {
        !self.spool.is_empty() || !self.begun.is_empty()
    }

    /// Takes what the child wrote; whole lines are written at once, the rest waits. Says how many bytes came: where any
    /// did, there may be more.
    pub fn take_from(&mut self, pipe: &File, now: Timestamp) -> usize {
        match self.spool.fill_from(pipe) {
            Ok(0) => return 0,
            Ok(count) => {
                self.restamp(now.as_second());
                self.write_begun(now);
                self.write_waiting(false);
                return count;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return 0,
            Err(_) => {}
        }
        self.take_past_the_spool(pipe, now)
    }

    /// There is no room for the spool, on a full disk for one. The app must not wait for that.
    fn take_past_the_spool(&mut self, mut pipe: &File, now: Timestamp) -> usize {
        self.continue_begun(usize::MAX);
        let before = self.begun.len();
        self.begun.resize(before + 16 * 1024, 0);
        let count = pipe.read(&mut self.begun[before..]).unwrap_or(0);
        self.begun.truncate(before + count);
        let whole = memchr::memrchr(b'\n', &self.begun).map(|end| end + 1);
        let rest = self.begun.split_off(whole.unwrap_or(if before > LONGEST_LINE { before + count } else { 0 }));
        let lines = std::mem::replace(&mut self.begun, rest);
        self.write_own(&lines, now);
        count
    }

    /// The line that has begun past the spool, once its end is there, or more of it than a line has.
    fn write_begun(&mut self, now: Timestamp) {
        let waiting = self.spool.waiting().unwrap_or_default();
        let end = memchr::memchr(b'\n', waiting).map(|end| end + 1);
        match end.or((waiting.len() > LONGEST_LINE).then_some(LONGEST_LINE)) {
            Some(count) if !self.begun.is_empty() => self.end_begun(count, now),
            _ => {}
        }
    }

    fn end_begun(&mut self, count: usize, now: Timestamp) {
        self.continue_begun(count);
        let line = std::mem::take(&mut self.begun);
        self.write_own(&line, now);
    }

    /// So many bytes at most of what the spool has.
    fn continue_begun(&mut self, most: usize) {
        if let Ok(waiting) = self.spool.waiting() {
            let part = &waiting[..waiting.len().min(most)];
            self.begun.extend_from_slice(part);
            let count = part.len();
            self.spool.end(count);
        }
    }

    /// Writes a line that has waited long enough for its end, or whose writer is gone.
    pub fn end_partial(&mut self, now: Timestamp) {
        if !self.begun.is_empty() {
            self.end_begun(usize::MAX, now);
        } else if self.has_partial() {
            self.restamp(now.as_second());
            self.write_waiting(true);
        }
    }

    /// A line of the wrapper's own; a line of the child that waits for its end is not cut for it.
    pub fn say(&mut self, text: &str, now: Timestamp) {
        self.write_own(format!("dokuen: {text}\n").as_bytes(), now);
    }

    /// Whether [`Log::rest`] would give memory back.
    pub fn is_large(&self) -> bool {
        self.spool.is_large()
    }

    /// Nothing has come for a while.
    pub fn rest(&mut self) {
        self.spool.rest();
        self.batch = None;
    }

    fn restamp(&mut self, second: i64) {
        if second == self.stamp.second {
            return;
        }
        let civil = TimeZone::UTC.to_datetime(Timestamp::from_second(second).unwrap_or_default());
        let text = format!("[{}][{}] ", civil.strftime("%Y-%m-%d %H:%M:%S"), self.name);
        self.stamp = Stamp { second, text };
    }

    /// Whole lines of the spool go to the log, batch by batch, and what is `cut` off too.
    fn write_waiting(&mut self, cut: bool) {
        loop {
            let Ok(waiting) = self.spool.waiting() else { return };
            let Ok(batch) = room(&mut self.batch) else { return };
            let made = Made::of(waiting, self.stamp.text.as_bytes(), cut, batch);
            if made.used == 0 {
                return;
            }
            self.write(made, |spool, batch| spool.begin(made.used, Batch { cut, ..batch }));
            self.spool.end(made.used);
        }
    }

    fn write_own(&mut self, mut bytes: &[u8], now: Timestamp) {
        self.restamp(now.as_second());
        while !bytes.is_empty() {
            let Ok(batch) = room(&mut self.batch) else { return };
            let made = Made::of(bytes, self.stamp.text.as_bytes(), true, batch);
            self.write(made, |_, _| {});
            bytes = &bytes[made.used..];
        }
    }

    /// Writes the batch. A disk that is full or read-only must neither block the app nor end the wrapper: what cannot be
    /// written is counted, and the count is said as soon as writing works again.
    fn write(&mut self, made: Made, note: impl FnOnce(&mut Spool, Batch)) {
        let mut arrived = 0;
        if self.try_write(made, note, &mut arrived).is_err() {
            self.dropped += made.lines - arrived;
            self.file = None;
        }
    }

    fn try_write(
        &mut self,
        made: Made,
        note: impl FnOnce(&mut Spool, Batch),
        arrived: &mut u64,
    ) -> Result<(), FsError> {
        let (file, mut meta) = self.current()?;
        if self.dropped > 0 {
            let said =
                format!("{}dokuen: {} lines were lost: the log could not be written\n", self.stamp.text, self.dropped);
            fs::at("write", self.files.path(), append(&file, said.as_bytes(), &mut 0))?;
            self.dropped = 0;
            meta = fs::at("inspect", self.files.path(), file.metadata())?;
        }
        note(&mut self.spool, Batch { inode: meta.ino(), at: meta.len(), second: self.stamp.second, cut: false });
        let batch = self.batch.as_deref().unwrap_or_default();
        fs::at("write", self.files.path(), append(&file, &batch[..made.len], arrived))?;
        let len = made.len as u64;
        if self.files.grew(&file, len, meta.len() + len) {
            self.file = Some(file);
        }
        Ok(())
    }

    /// The file that is open, unless it was removed meanwhile; else the one that is there, or a new one.
    fn current(&mut self) -> Result<(File, Metadata), FsError> {
        if let Some(file) = self.file.take()
            && let Ok(meta) = file.metadata()
            && meta.nlink() > 0
        {
            return Ok((file, meta));
        }
        let path = self.files.path();
        let file = fs::with_its_directory(path, || fs::open_append(path, fs::PRIVATE_FILE))?;
        let meta = fs::at("inspect", self.files.path(), file.metadata())?;
        Ok((file, meta))
    }
}

/// Appends whole lines, and counts those that have `arrived`. Where there was room for half a line only, that half is
/// taken back: the next line would be glued to it.
fn append(mut file: &File, bytes: &[u8], arrived: &mut u64) -> io::Result<()> {
    let mut done = 0;
    let written = loop {
        match file.write(&bytes[done..]) {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => break Err(e),
        }
        if done == bytes.len() {
            break Ok(());
        }
    };
    let whole = memchr::memrchr(b'\n', &bytes[..done]).map_or(0, |at| at + 1);
    if written.is_err() {
        *arrived = memchr::memchr_iter(b'\n', &bytes[..whole]).count() as u64;
        let len = file.metadata()?.len();
        file.set_len(len.saturating_sub((done - whole) as u64))?;
    }
    written
}

#[cfg(test)]
mod tests;
