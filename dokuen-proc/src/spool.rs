//! What was taken from the child's pipe and is not in its log yet: kept so that a kill at any moment loses nothing and
//! doubles nothing.
//!
//! The bytes move from the pipe into a file that is mapped (see [`Shared`]); the kernel counts them as it moves them.
//! Before a batch goes to the log it is noted which bytes it is made of, where in which file it begins, and with which
//! stamp. So the next wrapper can make the very same batch again, see how much of it is there, and add the rest.
//! The notes are stores to memory: all this costs no system call.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use dokuen_core::fs::FsError;

use crate::shared::{START, Shared};

/// How much may wait. At least twice the longest line, so that what is left of a batch can be moved to the front.
const SIZE: usize = 256 * 1024;
/// The words' meaning; a file of another version is begun anew.
const VERSION: u64 = 1;
/// Word 0 holds the version, word 1 which of two places holds the notes; a place's first word is the kernel's count.
const PLACES: [usize; 2] = [8, 16];
/// Past this much the memory is worth giving back. Less than the smallest pipe holds, which is 8 KiB: who fills one is seen.
const WORTHWHILE: u64 = 6 * 1024;

/// A batch on its way to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Batch {
    /// The log's inode.
    pub inode: u64,
    /// Where in it the batch begins.
    pub at: u64,
    /// Its stamp's second.
    pub second: i64,
    /// Its last line has no end of its own.
    pub cut: bool,
}

/// The notes: all of them change in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Notes {
    filled: u64,
    from: u64,
    /// Until where the batch under way goes; `from`, when there is none.
    to: u64,
    batch: Batch,
}

/// Bytes between the pipe and the log.
#[derive(Debug)]
pub struct Spool {
    shared: Shared,
    notes: Notes,
    most: u64,
}

impl Spool {
    /// Opens what is at `path`, with what an earlier wrapper left there.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let empty = Notes { filled: START, from: START, to: START, batch: Batch::default() };
        let mut spool = Self { shared: Shared::open(path, SIZE)?, notes: empty, most: 0 };
        spool.most = if spool.shared.has_bytes() { SIZE as u64 } else { 0 };
        let found = spool.read();
        if spool.shared.word(0).load(Ordering::Relaxed) == VERSION && found.is_sound() {
            spool.notes = found;
        } else {
            spool.note(empty);
            spool.shared.word(0).store(VERSION, Ordering::Release);
        }
        Ok(spool)
    }

    fn place(&self) -> usize {
        PLACES[(self.shared.word(1).load(Ordering::Relaxed) & 1) as usize]
    }

    fn read(&self) -> Notes {
        let place = self.place();
        let word = |i: usize| self.shared.word(place + i).load(Ordering::Relaxed);
        let batch = Batch { inode: word(3), at: word(4), second: word(5) as i64, cut: word(6) != 0 };
        Notes { filled: word(0), from: word(1), to: word(2), batch }
    }

    /// Written to the place that is not in force, which then is: a kill leaves the old notes or the new ones.
    fn note(&mut self, notes: Notes) {
        let other = (self.shared.word(1).load(Ordering::Relaxed) & 1) ^ 1;
        let Batch { inode, at, second, cut } = notes.batch;
        let words = [notes.filled, notes.from, notes.to, inode, at, second as u64, u64::from(cut)];
        for (i, word) in words.into_iter().enumerate() {
            self.shared.word(PLACES[other as usize] + i).store(word, Ordering::Relaxed);
        }
        self.shared.word(1).store(other, Ordering::Release);
        self.notes = notes;
    }

    /// Takes what the pipe has and there is room for; an empty pipe is `WouldBlock`.
    pub fn fill_from(&mut self, pipe: &File) -> io::Result<usize> {
        let place = self.place();
        let count = self.shared.fill_from(pipe, place)?;
        self.notes.filled += count as u64;
        self.most = self.most.max(self.notes.filled - START);
        Ok(count)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.notes.from == self.notes.filled
    }

    /// What waits.
    pub fn waiting(&mut self) -> io::Result<&[u8]> {
        let Notes { from, filled, .. } = self.notes;
        Ok(&self.shared.bytes()?[(from - START) as usize..(filled - START) as usize])
    }

    /// The first `used` bytes go to the log now, as `batch`.
    pub fn begin(&mut self, used: usize, batch: Batch) {
        self.note(Notes { to: self.notes.from + used as u64, batch, ..self.notes });
    }

    /// The batch that was begun and not ended, by an earlier wrapper: how many bytes it is made of, and how.
    pub fn begun(&self) -> Option<(usize, Batch)> {
        let used = (self.notes.to - self.notes.from) as usize;
        (used > 0).then_some((used, self.notes.batch))
    }

    /// The first `used` bytes are in the log, or given up: what waits behind them moves to the front when it can.
    pub fn end(&mut self, used: usize) {
        let Notes { filled, batch, .. } = self.notes;
        let from = self.notes.from + used as u64;
        let rest = filled - from;
        if rest > 0 && (from - START < rest || self.move_to_front(from, rest).is_err()) {
            self.note(Notes { from, to: from, filled, batch });
        } else {
            self.note(Notes { from: START, to: START, filled: START + rest, batch });
        }
    }

    fn move_to_front(&mut self, from: u64, rest: u64) -> io::Result<()> {
        let from = (from - START) as usize;
        // A kill before the next note leaves these bytes in both places, and the notes name the old one.
        self.shared.bytes()?.copy_within(from..from + rest as usize, 0);
        Ok(())
    }

    /// Whether giving memory back is worth a look when nothing has come for a while.
    pub fn is_large(&self) -> bool {
        self.most > WORTHWHILE
    }

    /// Gives the memory back, if nothing waits in it.
    pub fn rest(&mut self) {
        if self.is_empty() && self.most > 0 {
            self.shared.give_back();
            self.most = 0;
        }
    }
}

impl Notes {
    fn is_sound(&self) -> bool {
        START <= self.from && self.from <= self.to && self.to <= self.filled && self.filled <= START + SIZE as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn spool(dir: &tempfile::TempDir) -> Spool {
        Spool::open(&dir.path().join("s")).unwrap()
    }

    fn pipe() -> (File, File) {
        let (read, write) = nix::unistd::pipe().unwrap();
        (read.into(), write.into())
    }

    #[test]
    fn what_waits_and_what_was_begun_is_there_for_the_next_one() {
        let (dir, (read, mut write)) = (tempfile::tempdir().unwrap(), pipe());
        let batch = Batch { inode: 7, at: 9, second: -3, cut: true };
        let mut first = spool(&dir);
        write.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(first.fill_from(&read).unwrap(), 11);
        first.end(4);
        first.begin(4, batch);
        // It was killed: nothing more was done with it.
        std::mem::forget(first);
        let mut next = spool(&dir);
        assert_eq!(next.begun(), Some((4, batch)));
        assert_eq!(next.waiting().unwrap(), b"two\nthr");
        next.end(4);
        assert_eq!(next.begun(), None);
        write.write_all(b"ee\n").unwrap();
        next.fill_from(&read).unwrap();
        assert_eq!(next.waiting().unwrap(), b"three\n");
        next.end(6);
        assert!(next.is_empty());
    }

    #[test]
    fn bytes_are_counted_by_the_kernel() {
        let (dir, (read, mut write)) = (tempfile::tempdir().unwrap(), pipe());
        let mut first = spool(&dir);
        write.write_all(b"abc").unwrap();
        // As if killed at the moment of its return: only the kernel has counted.
        let place = first.place();
        first.shared.fill_from(&read, place).unwrap();
        drop(first);
        assert_eq!(spool(&dir).waiting().unwrap(), b"abc");
    }

    #[test]
    fn memory_is_given_back_and_garbage_begun_anew() {
        let (dir, (read, mut write)) = (tempfile::tempdir().unwrap(), pipe());
        let mut it = spool(&dir);
        write.write_all(&[b'x'; 20_000]).unwrap();
        // The portable way takes less at once.
        let taken: usize = (0..2).map(|_| it.fill_from(&read).unwrap_or(0)).sum();
        it.rest();
        assert_eq!((taken, it.waiting().unwrap().len()), (20_000, 20_000), "what waits is kept");
        it.end(20_000);
        it.rest();
        assert!(!it.is_large());
        assert_eq!(std::fs::metadata(dir.path().join("s")).unwrap().len(), START);
        it.shared.word(PLACES[0]).store(1, Ordering::Relaxed);
        it.shared.word(PLACES[1]).store(1, Ordering::Relaxed);
        drop(it);
        assert!(spool(&dir).is_empty());
    }
}
