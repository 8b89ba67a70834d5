//! Every line of ours that the compiler cannot prove: what a system call takes that has no safe form anywhere. Each
//! function is safe to call, and says why; what they are for stands where they are called.

#![expect(unsafe_code, reason = "the one file for it")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapMut, MmapOptions, UncheckedAdvice};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// The command's process writes `text` to `file` before it runs its program, which it does whether or not that works.
pub fn write_before_exec(command: &mut Command, file: File, text: &'static [u8]) {
    let write = move || {
        let _ = (&file).write(text);
        Ok(())
    };
    // SAFETY: the closure makes one system call, on a descriptor that is open, and allocates nothing.
    unsafe { command.pre_exec(write) };
}

/// No program that is started from now on gets this descriptor. One that is closed is left alone.
pub fn close_on_exec(fd: i32) {
    if fd >= 0 {
        // SAFETY: the number is only handed to fcntl, which answers EBADF for one that is closed; -1 is excluded.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let _ = fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    }
}

/// Signals that whoever started us had ignored have their usual effect again. Not SIGPIPE, which the standard library
/// ignores in here and in no program that it starts, and not what it catches itself.
pub fn ignore_no_signal() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    const NOT: [Signal; 5] = [Signal::SIGPIPE, Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGKILL, Signal::SIGSTOP];
    for each in Signal::iterator().filter(|each| !NOT.contains(each)) {
        // SAFETY: the usual effect runs no code of ours.
        let _ = unsafe { signal(each, SigHandler::SigDfl) };
    }
}

/// The allocator's free memory goes back to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back_heap() {
    // SAFETY: it takes no pointer, touches only the allocator's own free memory, and locks as `malloc` does.
    unsafe { nix::libc::malloc_trim(0) };
}

/// So does what deeper calls have left below the caller's part of the stack.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back_stack() {
    const PAGE: usize = 4096;
    const DEEPEST: usize = 16 * PAGE;
    let mark = 0_u8;
    let here = std::hint::black_box(std::ptr::from_ref(&mark)).addr();
    // A page of distance is more than the red zone and this function's own calls need.
    let end = (here - PAGE) & !(PAGE - 1);
    // SAFETY: nothing lives below the stack pointer and its red zone; stacks grow down on every Linux that we build for
    // with glibc. A page that is given back is a zero page at its next use. Where less is mapped the call just fails.
    unsafe { nix::libc::madvise((end - DEEPEST) as *mut _, DEEPEST, nix::libc::MADV_DONTNEED) };
}

/// How many words there are.
pub const WORDS: usize = 32;
/// Where the bytes begin in the file. The words come before, on a page of their own whatever the page size.
pub const START: u64 = 64 * 1024;

/// A file in memory: some words, and a stretch of bytes. It must be this process's alone, by a lock; it gets longer and
/// shorter only here, so what is mapped is always backed by it.
#[derive(Debug)]
pub struct Mapped {
    file: File,
    words: MmapMut,
    bytes: Option<MmapMut>,
    size: usize,
}

impl Mapped {
    /// Maps the words; there is room for `size` bytes, which take no memory before they are used.
    pub fn new(file: File, size: usize) -> io::Result<Self> {
        if file.metadata()?.len() < START {
            // Written, not only made long: on a full disk that is an error, where a store to a hole is a signal.
            file.write_all_at(&[0; size_of::<u64>() * WORDS], 0)?;
            file.set_len(START)?;
        }
        // SAFETY: nobody else has the file, and it never gets shorter than its head.
        let words = unsafe { MmapOptions::new().len(size_of::<u64>() * WORDS).map_mut(&file) }?;
        Ok(Self { file, words, bytes: None, size })
    }

    /// The file itself: to be written where nothing is mapped, and never to be made shorter.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// A word. Stores are atomic and in order, also for whoever finds them after a kill.
    pub fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < WORDS);
        // SAFETY: in bounds by the assertion, aligned because a mapping starts on a page, alive as long as `self`, and
        // never accessed but as an atomic: by this function, and by the kernel in `splice`.
        unsafe { AtomicU64::from_ptr(self.words.as_ptr().cast::<u64>().add(index).cast_mut()) }
    }

    /// The bytes, for reading and writing.
    pub fn bytes(&mut self) -> io::Result<&mut [u8]> {
        if self.bytes.is_none() {
            self.file.set_len(START + self.size as u64)?;
            // SAFETY: as in `new`; the file gets shorter only in `give_back`, which unmaps first.
            self.bytes = Some(unsafe { MmapOptions::new().offset(START).len(self.size).map_mut(&self.file)? });
        }
        Ok(self.bytes.as_deref_mut().unwrap_or_default())
    }

    /// Gives the memory of the bytes back, which are zero afterwards, and that of the words, which stay as they are.
    pub fn give_back(&mut self) {
        self.bytes = None;
        // It fails for no file of ours; then the memory is given back with the file.
        let _ = self.file.set_len(START);
        // SAFETY: it is a shared mapping of a file: what is dropped is this process's view of pages that the file keeps,
        // and the next access brings them back as they are.
        let _ = unsafe { self.words.unchecked_advise(UncheckedAdvice::DontNeed) };
    }

    /// Moves up to `room` bytes from `pipe` into the file at the offset that a word holds, which moves on with them: in
    /// one system call.
    #[cfg(all(target_os = "linux", not(dokuen_portable)))]
    pub fn splice(&mut self, pipe: &File, index: usize, room: usize) -> io::Result<usize> {
        // SAFETY: the pointer is valid and aligned for the length of the call, as in `word`; `self` is borrowed alone.
        let offset = unsafe { &mut *self.word(index).as_ptr().cast::<i64>() };
        let flags = nix::fcntl::SpliceFFlags::SPLICE_F_NONBLOCK;
        Ok(nix::fcntl::splice(pipe, None, &self.file, Some(offset), room, flags)?)
    }
}
