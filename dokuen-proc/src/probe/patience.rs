//! Streams that are not waited for longer than they are worth.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long is waited for each read and write, and for all of the body, and what ends it before.
#[derive(Debug, Clone, Copy)]
pub struct Patience<'a> {
    pub most: Duration,
    /// Set: it is not to be waited for any more.
    pub cancel: Option<&'a AtomicBool>,
}

/// How often is looked whether it is to be waited on.
const SLICE: Duration = Duration::from_millis(100);

impl<'a> Patience<'a> {
    pub(super) fn with<S: Timed>(self, stream: S) -> std::io::Result<Patient<'a, S>> {
        stream.limit(self.most.min(SLICE), self.most)?;
        Ok(Patient { stream, patience: self })
    }

    fn is_over(&self, until: Instant) -> bool {
        Instant::now() >= until || self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }
}

/// A stream that is read in slices of its patience.
pub(super) struct Patient<'a, S> {
    stream: S,
    patience: Patience<'a>,
}

impl<S: Read> Read for Patient<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let until = Instant::now() + self.patience.most;
        loop {
            match self.stream.read(into) {
                Err(e) if is_late(&e) && !self.patience.is_over(until) => {}
                done => return done,
            }
        }
    }
}

impl<S: Write> Write for Patient<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A stream whose reads and writes end in time.
pub(super) trait Timed {
    fn limit(&self, read: Duration, write: Duration) -> std::io::Result<()>;
}

impl Timed for TcpStream {
    fn limit(&self, read: Duration, write: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(read)).and_then(|()| self.set_write_timeout(Some(write)))
    }
}

impl Timed for UnixStream {
    fn limit(&self, read: Duration, write: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(read)).and_then(|()| self.set_write_timeout(Some(write)))
    }
}

pub(super) fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
