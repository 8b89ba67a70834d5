//! Signals as a readable descriptor and flags: handlers do nothing but set and write.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR2};

pub struct Signals {
    read: UnixStream,
    stop: Arc<AtomicBool>,
    restart: Arc<AtomicBool>,
    child: Arc<AtomicBool>,
}

/// Which kinds came since the last look.
pub struct Seen {
    pub stop: bool,
    pub restart: bool,
    pub child: bool,
}

impl Signals {
    pub fn new() -> std::io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        let signals = Self { read, stop: Arc::default(), restart: Arc::default(), child: Arc::default() };
        let kinds =
            [(SIGTERM, &signals.stop), (SIGINT, &signals.stop), (SIGUSR2, &signals.restart), (SIGCHLD, &signals.child)];
        for (signal, flag) in kinds {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
            signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
        }
        // A terminal that goes away is nothing to a wrapper: it has let go of it already.
        signal_hook::flag::register(SIGHUP, Arc::default())?;
        Ok(signals)
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    pub fn fd(&self) -> RawFd {
        self.read.as_raw_fd()
    }

    pub fn take(&mut self) -> Seen {
        let mut sink = [0; 64];
        while let Ok(1..) = self.read.read(&mut sink) {}
        let seen = |flag: &AtomicBool| flag.swap(false, Ordering::SeqCst);
        Seen { stop: seen(&self.stop), restart: seen(&self.restart), child: seen(&self.child) }
    }
}
