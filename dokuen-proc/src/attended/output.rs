//! What it writes, from a pipe to its log.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::cause;
use crate::log::{Files, Log, Next, Pauses};
use crate::platform;

/// The pipe holds this much in a flood.
const LARGE_PIPE: i32 = 1024 * 1024;
/// Its last lines are taken in so many batches at most: somebody else may have its pipe and go on.
const LAST_BATCHES: usize = 64;

/// Its lines.
pub struct Output {
    pipe: File,
    log: Log,
    pauses: Pauses,
    next: Next,
    flooded: bool,
}

impl Output {
    /// The command gets the writing ends; they are its child's alone once it is dropped.
    pub fn of(command: &mut Command, files: Files, name: &str, spool: &Path) -> io::Result<Self> {
        let (output, input) = io::pipe()?;
        let pipe = File::from(OwnedFd::from(output));
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        let log = Log::open(files, name, spool).map_err(cause)?;
        Ok(Self { pipe, log, pauses: Pauses::default(), next: Next::News, flooded: false })
    }

    /// Where news of it come from; nobody is to be woken by each line in a pause.
    pub fn news(&self) -> Option<BorrowedFd<'_>> {
        (self.next == Next::News).then(|| self.pipe.as_fd())
    }

    /// How long to wait for news, at most so long.
    pub fn patience(&self, most: Duration) -> Duration {
        match self.next {
            Next::Now => Duration::ZERO,
            Next::News => most,
            Next::At(at) => at.saturating_duration_since(Instant::now()).min(most),
        }
    }

    /// Takes one batch if it is time for it: who floods the log must not keep us from everything else.
    pub fn take_some(&mut self) {
        if matches!(self.next, Next::At(at) if at > Instant::now()) {
            return;
        }
        let count = self.log.take_from(&self.pipe, Timestamp::now());
        self.next = self.pauses.took(count, Instant::now());
        if self.log.is_large() && !self.flooded {
            self.flooded = true;
            if !platform::resize_pipe(&self.pipe, LARGE_PIPE) {
                self.pauses.never();
            }
        }
    }

    /// Takes what is left: it has ended.
    pub fn take_all(&mut self) {
        let _ = (0..LAST_BATCHES).all(|_| self.log.take_from(&self.pipe, Timestamp::now()) > 0);
        self.log.end_partial(Timestamp::now());
    }

    /// A line of ours.
    pub fn say(&mut self, text: &str) {
        self.log.say(text, Timestamp::now());
    }
}
