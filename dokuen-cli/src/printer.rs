//! The transcript on a terminal or through git: it never panics and never stops a deploy when its reader has gone.

use std::io::{Error, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};

use dokuen_core::{Line, Transcript};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::exit::{Exit, Failure};
use crate::pusher::Pusher;
use crate::show::Look;

/// A reader that takes nothing for so long has gone, as far as the work is concerned.
const PATIENCE_MS: u16 = 5_000;

/// Prints steps and facts to standard output and problems to standard error.
#[derive(Debug)]
pub struct Printer {
    /// What its reader is like.
    pub look: Look,
    gone: bool,
    /// Why standard output has not taken everything, though somebody reads it.
    lost: Option<Error>,
    pusher: Option<Pusher>,
}

impl Default for Printer {
    fn default() -> Self {
        Self { look: Look::of_stdout(), gone: false, lost: None, pusher: None }
    }
}

impl Transcript for Printer {
    fn line(&mut self, line: Line<'_>) {
        match line {
            Line::Problem(_) => self.err(&format!("{line}\n")),
            _ if self.look.quiet => {}
            _ => self.out(format!("{line}\n").as_bytes()),
        }
    }

    fn is_abandoned(&self) -> bool {
        self.pusher.as_ref().is_some_and(|pusher| self.reader_has_gone() || pusher.has_gone())
    }
}

/// Whether nobody reads standard output any more; known also while there is nothing to write.
fn hung_up() -> bool {
    let stdout = std::io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

impl Printer {
    /// Data for whoever reads standard output.
    pub fn out(&mut self, bytes: &[u8]) {
        if self.lost.is_none() {
            self.lost = self.write(&mut std::io::stdout(), bytes).err();
        }
    }

    /// Whether nobody reads any more; known also while there is nothing to write, so that following a quiet log ends
    /// with its connection.
    pub fn reader_has_gone(&self) -> bool {
        self.gone || self.lost.is_some() || hung_up()
    }

    /// What follows is wanted by nobody once this one has gone.
    pub fn is_for(&mut self, pusher: Option<Pusher>) {
        self.pusher = pusher;
    }

    /// Text for standard error.
    pub fn err(&mut self, text: &str) {
        // Where this fails there is nowhere left to say it.
        let _ = self.write(&mut std::io::stderr(), text.as_bytes());
    }

    /// A failure: its causes, what shows it, and what to do next.
    pub fn failure(&mut self, failure: &Failure) {
        for line in failure.lines() {
            self.problem(&line);
        }
        for line in &failure.details {
            self.err(&format!("    {line}\n"));
        }
        if let Some(hint) = &failure.hint {
            self.hint(hint);
        }
    }

    /// What to do next.
    pub fn hint(&mut self, hint: &str) {
        self.err(&format!("hint: {hint}\n"));
    }

    /// The exit status of a command that has done its work: who was to read of it and could not is told.
    pub fn end(&mut self, exit: u8) -> u8 {
        let is_lost = self.lost.is_some();
        self.excuse_what_is_unwritten();
        if is_lost && exit == 0 { Exit::Failed as u8 } else { exit }
    }

    /// What was done is done: words about it that could not be written are said to be missing, and fail nothing.
    pub fn excuse_what_is_unwritten(&mut self) {
        if let Some(source) = self.lost.take() {
            self.failure(&Failure::new(Exit::Failed, Unwritten { source }));
        }
    }

    fn write(&mut self, to: &mut (impl Write + AsFd), bytes: &[u8]) -> Result<(), Error> {
        // In pieces that a pipe which polls writable takes without waiting.
        for piece in bytes.chunks(4096) {
            self.gone = self.gone || !writable(to.as_fd());
            if self.gone {
                return Ok(());
            }
            let written = to.write_all(piece).and_then(|()| to.flush());
            self.gone = written.as_ref().is_err_and(|e| has_left(e.kind()));
            written.or_else(|e| if self.gone { Ok(()) } else { Err(e) })?;
        }
        Ok(())
    }
}

/// A full disk, for one.
#[derive(Debug, thiserror::Error)]
#[error("failed to write standard output")]
struct Unwritten {
    source: Error,
}

/// Whoever reads no more has chosen so; everything else is a failure.
fn has_left(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

fn writable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLOUT)];
    poll(&mut fds, PollTimeout::from(PATIENCE_MS)).is_ok_and(|ready| ready > 0)
}
