//! An instance's log: `[YYYY-mm-dd HH:MM:SS][web.1] line`, stamped once per batch, rotated by size, never in the way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};
use jiff::{Timestamp, tz::TimeZone};
use memmap2::MmapMut;

use crate::spool::{Batch, Spool};

/// A line longer than this is split: the rest goes on as a line of its own.
pub const LONGEST_LINE: usize = 64 * 1024;
/// A batch is at most this long: several of the longest lines with their stamps.
const LONGEST_BATCH: usize = 384 * 1024;
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
    spool: Spool,
    /// Memory of its own, not the allocator's, so that all of it goes back when the log is quiet.
    batch: Option<MmapMut>,
    stamp: Stamp,
    dropped: u64,
}

#[derive(Debug)]
struct Stamp {
    second: i64,
    text: String,
}

impl Log {
    /// A log at `path` whose lines carry `name`; opened at the first line. What an earlier wrapper has left in the
    /// spool is finished.
    pub fn open(path: &Path, name: &str, most: u64, spool: &Path) -> Result<Self, FsError> {
        let mut log = Self {
            path: path.to_owned(),
            name: name.to_owned(),
            most,
            file: None,
            spool: Spool::open(spool)?,
            batch: None,
            stamp: Stamp { second: i64::MIN, text: String::new() },
            dropped: 0,
        };
        log.finish_begun();
        Ok(log)
    }

    /// Whether a line without an end is waiting for it.
    pub fn has_partial(&self) -> bool {
        !self.spool.is_empty()
    }

    /// Takes what the child wrote; whole lines are written at once, the rest waits. `true` when there may be more.
    pub fn take_from(&mut self, pipe: &File, now: Timestamp) -> bool {
        match self.spool.fill_from(pipe) {
            Ok(0) => return false,
            Ok(_) => {
                self.restamp(now.as_second());
                self.write_waiting(false);
                return true;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            Err(_) => {}
        }
        self.take_past_the_spool(pipe, now)
    }

    /// There is no room for the spool, on a full disk for one. The app must not wait for that.
    fn take_past_the_spool(&mut self, mut pipe: &File, now: Timestamp) -> bool {
        self.end_partial(now);
        let mut bytes = vec![0; 16 * 1024];
        let count = pipe.read(&mut bytes).unwrap_or(0);
        self.write_own(&bytes[..count], now);
        count > 0
    }

    /// Writes a line that has waited long enough for its end, or whose writer is gone.
    pub fn end_partial(&mut self, now: Timestamp) {
        if self.has_partial() {
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
            let written = self.write(made, |spool, batch| spool.begin(made.used, Batch { cut, ..batch }));
            self.spool.end(made.used);
            self.after(made, written);
        }
    }

    fn write_own(&mut self, mut bytes: &[u8], now: Timestamp) {
        self.restamp(now.as_second());
        while !bytes.is_empty() {
            let Ok(batch) = room(&mut self.batch) else { return };
            let made = Made::of(bytes, self.stamp.text.as_bytes(), true, batch);
            let written = self.write(made, |_, _| {});
            self.after(made, written);
            bytes = &bytes[made.used..];
        }
    }

    /// A disk that is full or read-only must neither block the app nor end the wrapper: what cannot be written is
    /// counted and the count is said as soon as writing works again.
    fn after(&mut self, made: Made, written: Result<u64, FsError>) {
        match written {
            Ok(len) if len >= self.most => self.rotate(),
            Ok(_) => {}
            Err(_) => {
                self.dropped += made.lines;
                self.file = None;
            }
        }
    }

    /// Appends the batch and returns how long the log is by then.
    fn write(&mut self, made: Made, note: impl FnOnce(&mut Spool, Batch)) -> Result<u64, FsError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(fs::open_append(&self.path, fs::PRIVATE_FILE)?),
        };
        if self.dropped > 0 {
            let said =
                format!("{}dokuen: {} lines were lost: the log could not be written\n", self.stamp.text, self.dropped);
            fs::at("write", &self.path, file.write_all(said.as_bytes()))?;
            self.dropped = 0;
        }
        let meta = fs::at("inspect", &self.path, file.metadata())?;
        note(&mut self.spool, Batch { inode: meta.ino(), at: meta.len(), second: self.stamp.second, cut: false });
        let batch = self.batch.as_deref().unwrap_or_default();
        fs::at("write", &self.path, file.write_all(&batch[..made.len]))?;
        Ok(meta.len() + made.len as u64)
    }

    /// The batch that a killed wrapper had begun is made again; what is not in the log of it is added.
    fn finish_begun(&mut self) {
        let Some((used, batch)) = self.spool.begun() else { return };
        self.restamp(batch.second);
        if let (Ok(waiting), Ok(room)) = (self.spool.waiting(), room(&mut self.batch)) {
            let made = Made::of(&waiting[..used], self.stamp.text.as_bytes(), batch.cut, room);
            let there = self.found(batch, made.len);
            let left = made.len - there;
            if left > 0
                && let Some(bytes) = self.batch.as_deref_mut()
            {
                bytes.copy_within(there..made.len, 0);
                let written = self.write(Made { len: left, ..made }, |_, _| {});
                self.after(made, written);
            }
        }
        self.spool.end(used);
        self.spool.rest();
        self.batch = None;
    }

    /// How much of the batch, of `len` bytes, is in the log already.
    fn found(&self, begun: Batch, len: usize) -> usize {
        let batch = &self.batch.as_deref().unwrap_or_default()[..len];
        let is_it = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.ino() == begun.inode);
        // It may have been rotated since, by the killed wrapper or by another of the same name.
        let Some(path) = (0..=KEPT).map(|n| self.numbered(n)).find(is_it) else { return 0 };
        let Ok(file) = fs::open(&path) else { return 0 };
        let mut tail = vec![0; 4 * LONGEST_BATCH];
        let mut have = 0;
        while let Ok(count @ 1..) = file.read_at(&mut tail[have..], begun.at + have as u64) {
            have += count;
        }
        let tail = &tail[..have];
        // Another wrapper's lines may have come before it.
        if memchr::memmem::find(tail, batch).is_some() {
            return len;
        }
        // A kill can end a write in its middle: then what there is of it is the end of the file.
        if batch.starts_with(tail) { have } else { 0 }
    }

    /// Past the size, the files move up by one name. Another wrapper may have done so already: then only follow.
    fn rotate(&mut self) {
        let Some(meta) = self.file.take().and_then(|file| file.metadata().ok()) else { return };
        let still_ours = self.path.symlink_metadata().is_ok_and(|at_path| at_path.ino() == meta.ino());
        for number in (0..KEPT).rev().filter(|_| still_ours) {
            let from = self.numbered(number);
            // What cannot be moved stays, and the log grows on.
            if from.exists() && fs::rename(&from, &self.numbered(number + 1)).is_err() {
                return;
            }
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 { self.path.clone() } else { PathBuf::from(format!("{}.{number}", self.path.display())) }
    }
}

fn room(batch: &mut Option<MmapMut>) -> io::Result<&mut [u8]> {
    if batch.is_none() {
        *batch = Some(MmapMut::map_anon(LONGEST_BATCH)?);
    }
    Ok(batch.as_deref_mut().unwrap_or_default())
}

/// A batch that was made: how many bytes of what waits are in it, its own length, and its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Made {
    used: usize,
    len: usize,
    lines: u64,
}

impl Made {
    /// Puts `stamp` before each whole line of `bytes`, as far as `batch` has room; with `cut`, the rest is a line too.
    /// It depends on nothing else, so that it can be done again.
    fn of(bytes: &[u8], stamp: &[u8], cut: bool, batch: &mut [u8]) -> Self {
        let mut made = Self::default();
        while made.used < bytes.len() {
            let rest = &bytes[made.used..];
            let near = &rest[..rest.len().min(LONGEST_LINE + 1)];
            let (line, end) = match memchr::memchr(b'\n', near) {
                Some(at) => (&near[..at], at + 1),
                None if near.len() > LONGEST_LINE => (&near[..LONGEST_LINE], LONGEST_LINE),
                None if cut => (near, near.len()),
                None => break,
            };
            let len = stamp.len() + line.len() + 1;
            let Some(place) = batch.get_mut(made.len..made.len + len) else { break };
            place[..stamp.len()].copy_from_slice(stamp);
            place[stamp.len()..len - 1].copy_from_slice(line);
            place[len - 1] = b'\n';
            made = Self { used: made.used + end, len: made.len + len, lines: made.lines + 1 };
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-01-02T03:04:05Z";

    fn open(dir: &tempfile::TempDir, most: u64) -> Log {
        Log::open(&dir.path().join("l"), "web.1", most, &dir.path().join("spool")).unwrap()
    }

    /// As the child would write it, through a pipe.
    fn take(log: &mut Log, bytes: &[u8]) {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
        let (read, mut write) = (File::from(read), File::from(write));
        for chunk in bytes.chunks(30_000) {
            write.write_all(chunk).unwrap();
            while log.take_from(&read, AT.parse().unwrap()) {}
        }
    }

    fn write(pieces: &[&[u8]], most: u64) -> (tempfile::TempDir, Log) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(&dir, most);
        for piece in pieces {
            take(&mut log, piece);
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
        assert!(log.batch.unwrap().len() <= 8 * LONGEST_LINE);
    }

    #[test]
    fn rotation_keeps_a_bounded_number_of_files_and_every_line_in_order() {
        let line = [b'y'; 99];
        let (dir, mut log) = write(&[], 1000);
        for _ in 0..30 {
            take(&mut log, &[&line[..], b"\n"].concat());
        }
        let mut names = fs::names(dir.path()).unwrap();
        assert_eq!(names.pop().as_deref(), Some("spool"));
        assert_eq!(names, ["l", "l.1", "l.2", "l.3"]);
        let count: usize = names.iter().map(|n| fs::read_text(&dir.path().join(n)).unwrap().lines().count()).sum();
        assert_eq!(count, 30);
    }

    #[test]
    fn a_symlink_is_never_followed_and_the_loss_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join("l"), dir.path().join("elsewhere"));
        fs::link(&elsewhere, &path).unwrap();
        let mut log = open(&dir, 1000);
        take(&mut log, b"a\nb\n");
        assert!(!elsewhere.exists());
        fs::remove(&path).unwrap();
        take(&mut log, b"c\n");
        assert!(text(&dir).starts_with("[2026-01-02 03:04:05][web.1] dokuen: 2 lines were lost"), "{}", text(&dir));
    }

    /// Two lines and a half, of which the two are noted as begun, as a killed wrapper leaves them.
    fn killed(written: impl Fn(&str) -> String) -> (tempfile::TempDir, Log) {
        let (dir, mut log) = write(&[b"before\n"], 1_000_000);
        let (read, write) = nix::unistd::pipe().unwrap();
        File::from(write).write_all(b"one\ntwo\nthr").unwrap();
        log.spool.fill_from(&File::from(read)).unwrap();
        let path = dir.path().join("l");
        let meta = path.metadata().unwrap();
        let second = AT.parse::<Timestamp>().unwrap().as_second();
        log.spool.begin(8, Batch { inode: meta.ino(), at: meta.len(), second, cut: false });
        let stamp = "[2026-01-02 03:04:05][web.1] ";
        let text = written(&format!("{stamp}one\n{stamp}two\n"));
        fs::open_append(&path, fs::PRIVATE_FILE).unwrap().write_all(text.as_bytes()).unwrap();
        std::mem::forget(log);
        let log = open(&dir, 1_000_000);
        (dir, log)
    }

    #[test]
    fn what_a_killed_wrapper_had_begun_is_finished_exactly_once() {
        let stamp = "[2026-01-02 03:04:05][web.1] ";
        let both = format!("{stamp}before\n{stamp}one\n{stamp}two\n");
        for there in 0..=66 {
            let (dir, mut log) = killed(|batch| batch[..there].to_owned());
            assert_eq!(text(&dir), both, "{there}");
            take(&mut log, b"ee\n");
            assert_eq!(text(&dir), format!("{both}{stamp}three\n"));
        }
    }

    #[test]
    fn another_wrapper_may_write_before_or_after_and_the_file_be_rotated() {
        let (dir, _log) = killed(|batch| format!("other\n{batch}"));
        assert_eq!(text(&dir).matches("one").count(), 1);
        let (dir, _log) = killed(|batch| format!("{batch}other\n"));
        assert_eq!(text(&dir).matches("one").count(), 1);
        let (dir, _log) = killed(|_| "other\n".to_owned());
        assert_eq!(text(&dir).matches("one").count(), 1);
    }

    #[test]
    fn without_room_for_the_spool_lines_are_logged_past_it() {
        let (dir, mut log) = write(&[b"half"], 1_000_000);
        // What cannot be spliced fails as a full disk would.
        fs::replace(&dir.path().join("f"), b"one\ntwo\n", fs::PRIVATE_FILE).unwrap();
        let odd = fs::open(&dir.path().join("f")).unwrap();
        assert!(log.take_from(&odd, AT.parse().unwrap()) || !text(&dir).is_empty());
        let stamp = "[2026-01-02 03:04:05][web.1] ";
        assert_eq!(text(&dir), format!("{stamp}half\n{stamp}one\n{stamp}two\n"));
    }

    #[test]
    fn a_line_of_the_wrappers_own_does_not_cut_one_that_waits() {
        let (dir, mut log) = write(&[b"ha"], 1_000_000);
        log.say("taken over", AT.parse().unwrap());
        take(&mut log, b"lf\n");
        let stamp = "[2026-01-02 03:04:05][web.1] ";
        assert_eq!(text(&dir), format!("{stamp}dokuen: taken over\n{stamp}half\n"));
    }

    #[test]
    fn memory_goes_back_when_it_is_quiet() {
        let (_dir, mut log) = write(&[&b"line\n".repeat(20_000)], u64::MAX);
        assert!(log.is_large());
        log.rest();
        assert!(!log.is_large() && log.batch.is_none());
    }
}
