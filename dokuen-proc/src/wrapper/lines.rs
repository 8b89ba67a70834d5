//! The child's lines, from the pipe to the log.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mio::Interest;
use mio::unix::SourceFd;

use super::{LOG, QUIET, Wrapper};
use crate::log::{Next, Pauses};
use crate::platform;

/// Between two looks at everything else, a flood of lines is taken in so many batches at most.
const BATCHES: usize = 32;
/// The log pipe holds this much, and that much in a burst: large ones are few for all processes of a user together.
const PIPE: (i32, i32) = (64 * 1024, 1024 * 1024);
/// Where the event cannot be had back, it is tried again after this.
const LATER: Duration = Duration::from_millis(50);

impl Wrapper {
    /// Takes what is worth it now.
    pub(super) fn on_log(&mut self) {
        for _ in 0..BATCHES {
            let count = self.take_lines();
            self.next_lines = self.pauses.took(count, Instant::now());
            if self.next_lines != Next::Now {
                break;
            }
        }
        self.lines_taken();
        self.watch_log();
    }

    /// Takes everything: whoever wrote it has ended.
    pub(super) fn take_all_lines(&mut self) {
        let _ = (0..BATCHES).all(|_| self.take_lines() > 0);
        self.lines_taken();
        self.next_lines = Next::Now;
    }

    fn take_lines(&mut self) -> usize {
        let count = self.log.take_from(&self.pipe, Timestamp::now());
        if count > 0 && self.quiet_at.is_some() {
            self.quiet_at = Some(Instant::now() + QUIET);
        }
        count
    }

    fn lines_taken(&mut self) {
        // Counted from the last bytes: a flood is always in the middle of some line when it is looked at.
        self.partial_since = self.log.has_partial().then(Instant::now);
        if self.log.is_large() && !self.flooded {
            self.flooded = true;
            if !platform::resize_pipe(&self.pipe, PIPE.1) {
                self.pauses.never();
            }
        }
    }

    /// In a pause nobody tells that something has come: each write of the app would wake us for it.
    fn watch_log(&mut self) {
        let wanted = match self.next_lines {
            Next::Now => return,
            Next::News => true,
            Next::At(_) => false,
        };
        if wanted == self.log_watched {
            return;
        }
        let (registry, fd) = (self.poll.registry(), self.pipe.as_raw_fd());
        if !wanted {
            // It fails only for what is not registered.
            let _ = registry.deregister(&mut SourceFd(&fd));
        } else if registry.register(&mut SourceFd(&fd), LOG, Interest::READABLE).is_err() {
            // What has come meanwhile is told at once; but the system may have no memory for it now.
            self.next_lines = Next::At(Instant::now() + LATER);
            return;
        }
        self.log_watched = wanted;
    }

    /// When lines are taken if nobody tells that some have come.
    pub(super) fn lines_due(&self, now: Instant) -> Option<Instant> {
        match self.next_lines {
            Next::Now => Some(now),
            Next::News => None,
            Next::At(at) => Some(at),
        }
    }

    /// Nothing has come for a while.
    pub(super) fn rest_lines(&mut self) {
        self.log.rest();
        self.pauses = Pauses::default();
        if std::mem::take(&mut self.flooded) {
            platform::resize_pipe(&self.pipe, PIPE.0);
        }
    }
}
