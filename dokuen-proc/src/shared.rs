//! Memory that outlives a killed process: a small file, mapped. What is stored in it is there for the next wrapper.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use dokuen_core::fs::{self, FsError};

use crate::sys::Mapped;
pub use crate::sys::START;

/// Some words and a stretch of bytes. Only one process may have it: the holder of the instance's lock.
#[derive(Debug)]
pub struct Shared {
    mapped: Mapped,
    size: usize,
}

impl Shared {
    /// Opens or makes it at `path` with room for `size` bytes, which take no memory before they are used.
    pub fn open(path: &Path, size: usize) -> Result<Self, FsError> {
        let mapped = fs::at("map", path, Mapped::new(fs::open_lock(path)?, size))?;
        Ok(Self { mapped, size })
    }

    /// A word. Stores are atomic and in order, also for whoever finds them after a kill.
    pub fn word(&self, index: usize) -> &AtomicU64 {
        self.mapped.word(index)
    }

    /// The bytes, for reading and writing.
    pub fn bytes(&mut self) -> io::Result<&mut [u8]> {
        self.mapped.bytes()
    }

    /// Whether the file holds more than its head: an earlier process may have left memory that is worth giving back.
    pub fn has_bytes(&self) -> bool {
        self.mapped.file().metadata().is_ok_and(|meta| meta.len() > START)
    }

    /// Gives the memory of the bytes back, which are zero afterwards, and that of the words, which stay as they are.
    pub fn give_back(&mut self) {
        self.mapped.give_back();
    }

    /// How many bytes may still come at the offset `at`.
    fn room(&self, at: u64) -> usize {
        (START + self.size as u64).saturating_sub(at) as usize
    }

    /// Moves what `pipe` holds into the file at the offset that `word(index)` holds, and moves that on: in one system
    /// call, so that a kill finds each byte either in the pipe or counted, never in between.
    #[cfg(all(target_os = "linux", not(dokuen_portable)))]
    pub fn fill_from(&mut self, pipe: &File, index: usize) -> io::Result<usize> {
        let at = self.word(index).load(Ordering::Relaxed);
        // Stored once more so that the kernel can write there: were it to fault while a kill is pending, the count
        // would be lost.
        self.word(index).store(at, Ordering::Relaxed);
        let room = self.room(at);
        self.mapped.splice(pipe, index, room)
    }

    /// The same where the kernel does not count: a kill between the two steps loses what was read.
    #[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
    pub fn fill_from(&mut self, mut pipe: &File, index: usize) -> io::Result<usize> {
        use std::io::Read;
        use std::os::unix::fs::FileExt;
        self.bytes()?;
        let at = self.word(index).load(Ordering::Relaxed);
        let mut buffer = [0; 16 * 1024];
        let room = buffer.len().min(self.room(at));
        // Written, not stored: on a full disk that is an error, where a store would be a signal. And first once for
        // nothing: what was read and then has no room would be lost and not counted.
        self.mapped.file().write_all_at(&buffer[..room], at)?;
        let count = pipe.read(&mut buffer[..room])?;
        self.mapped.file().write_all_at(&buffer[..count], at)?;
        self.word(index).store(at + count as u64, Ordering::Release);
        Ok(count)
    }
}
