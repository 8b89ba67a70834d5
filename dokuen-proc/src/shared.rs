//! Memory that outlives a killed process: a small file, mapped. What is stored in it is there for the next wrapper.

#![expect(unsafe_code, reason = "a mapped file is memory that the compiler knows nothing about")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use dokuen_core::fs::{self, FsError};
use memmap2::{MmapMut, MmapOptions, UncheckedAdvice};

/// Where the bytes begin in the file. The words come before, on a page of their own whatever the page size.
pub const START: u64 = 64 * 1024;
/// How many words there are.
pub const WORDS: usize = 32;

/// Some words and a stretch of bytes. Only one process may have it: the holder of the instance's lock.
#[derive(Debug)]
pub struct Shared {
    file: File,
    head: MmapMut,
    bytes: Option<MmapMut>,
    size: usize,
}

impl Shared {
    /// Opens or makes it at `path` with room for `size` bytes, which take no memory before they are used.
    pub fn open(path: &Path, size: usize) -> Result<Self, FsError> {
        let file = fs::open_lock(path)?;
        let mapped = || {
            if file.metadata()?.len() < START {
                // Written, not only made long: on a full disk that is an error, where a store to a hole is a signal.
                file.write_all_at(&[0; size_of::<u64>() * WORDS], 0)?;
                file.set_len(START)?;
            }
            // SAFETY: the file is private to the instance, we hold the instance's lock, and it never gets shorter than
            // its head, so the mapping stays backed by it. Nobody else in this process maps it.
            unsafe { MmapOptions::new().len(size_of::<u64>() * WORDS).map_mut(&file) }
        };
        let head = fs::at("map", path, mapped())?;
        Ok(Self { file, head, bytes: None, size })
    }

    /// A word. Stores are atomic and in order, also for whoever finds them after a kill.
    pub fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < WORDS);
        // SAFETY: in bounds by the assertion, aligned because a mapping starts on a page, alive as long as `self`, and
        // never accessed but as an atomic: by this function, and by the kernel in `fill_from`.
        unsafe { AtomicU64::from_ptr(self.head.as_ptr().cast::<u64>().add(index).cast_mut()) }
    }

    /// The bytes, for reading and writing.
    pub fn bytes(&mut self) -> io::Result<&mut [u8]> {
        if self.bytes.is_none() {
            self.file.set_len(START + self.size as u64)?;
            // SAFETY: as in `open`; the file gets shorter only in `give_back`, which unmaps first.
            self.bytes = Some(unsafe { MmapOptions::new().offset(START).len(self.size).map_mut(&self.file)? });
        }
        Ok(self.bytes.as_deref_mut().unwrap_or_default())
    }

    /// Whether the file holds more than its head: an earlier process may have left memory that is worth giving back.
    pub fn has_bytes(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.len() > START)
    }

    /// Gives the memory of the bytes back, which are zero afterwards, and that of the words, which stay as they are.
    pub fn give_back(&mut self) {
        self.bytes = None;
        // It fails for no file of ours; then the memory is given back with the file.
        let _ = self.file.set_len(START);
        // SAFETY: it is a shared mapping of a file: what is dropped is this process's view of pages that the file keeps,
        // and the next access brings them back as they are.
        let _ = unsafe { self.head.unchecked_advise(UncheckedAdvice::DontNeed) };
    }

    /// Moves what `pipe` holds into the file at the offset that `word(index)` holds, and moves that on: in one system
    /// call, so that a kill finds each byte either in the pipe or counted, never in between.
    #[cfg(all(target_os = "linux", not(dokuen_portable)))]
    pub fn fill_from(&mut self, pipe: &File, index: usize) -> io::Result<usize> {
        let word = self.word(index);
        let at = word.load(Ordering::Relaxed);
        let room = (START + self.size as u64).saturating_sub(at) as usize;
        // Stored once more so that the kernel can write there: were it to fault while a kill is pending, the count
        // would be lost.
        word.store(at, Ordering::Relaxed);
        // SAFETY: the pointer is valid and aligned for the length of the call, as in `word`.
        let offset = unsafe { &mut *word.as_ptr().cast::<i64>() };
        let flags = nix::fcntl::SpliceFFlags::SPLICE_F_NONBLOCK;
        Ok(nix::fcntl::splice(pipe, None, &self.file, Some(offset), room, flags)?)
    }

    /// The same where the kernel does not count: a kill between the two steps loses what was read.
    #[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
    pub fn fill_from(&mut self, mut pipe: &File, index: usize) -> io::Result<usize> {
        use std::io::Read;
        self.bytes()?;
        let at = self.word(index).load(Ordering::Relaxed);
        let mut buffer = [0; 16 * 1024];
        let room = buffer.len().min((START + self.size as u64).saturating_sub(at) as usize);
        let count = pipe.read(&mut buffer[..room])?;
        // Written, not stored: on a full disk that is an error, where a store would be a signal.
        self.file.write_all_at(&buffer[..count], at)?;
        self.word(index).store(at + count as u64, Ordering::Release);
        Ok(count)
    }
}
