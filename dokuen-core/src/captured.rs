//! Runs a child to its end while it is fed and listened to, in one loop: a thread for each pipe could fail to start
//! just when a machine has no process left to give, which is when an error must still be an error.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cmd::Output;
use crate::kept::{Keep, Kept};

/// Between two looks whether the child has ended: one that it has left behind may hold the pipes.
const LOOK: Duration = Duration::from_millis(50);

/// How it ended and what it wrote.
pub(crate) enum Ended {
    Itself(ExitStatus, Output),
    /// It did not end within the limit and was killed.
    TooLate,
    /// It wrote more than can be used and was killed.
    TooMuch,
}

/// Feeds it, and listens until it has ended. Of its errors the ends are kept, for they are for people.
pub(crate) fn run(mut command: Command, input: &[u8], keep: Keep, limit: Duration) -> io::Result<Ended> {
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let ended = to_its_end(&mut child, input, keep, Instant::now() + limit);
    if !matches!(ended, Ok(Ended::Itself(..))) {
        // It is ours and not waited for; one that has ended needs no killing.
        let _ = child.kill().and_then(|()| child.wait());
    }
    ended
}

fn to_its_end(child: &mut Child, input: &[u8], keep: Keep, until: Instant) -> io::Result<Ended> {
    let mut pipes = Pipes::of(child, input, keep)?;
    let mut ended = None;
    while pipes.are_open() && ended.is_none() && Instant::now() < until {
        pipes.pass(LOOK.min(until.saturating_duration_since(Instant::now())))?;
        if pipes.out.is_too_much() {
            return Ok(Ended::TooMuch);
        }
        ended = child.try_wait()?;
    }
    let Some(status) = ended.map_or_else(|| wait_until(child, until), |status| Ok(Some(status)))? else {
        return Ok(Ended::TooLate);
    };
    pipes.empty()?;
    let output = Output { pid: child.id(), stdout: pipes.out.bytes(), stderr: pipes.err.bytes() };
    Ok(Ended::Itself(status, output))
}

/// The three pipes to a child, as long as they are open.
struct Pipes<'a> {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    input: &'a [u8],
    out: Kept,
    err: Kept,
}

impl<'a> Pipes<'a> {
    fn of(child: &mut Child, input: &'a [u8], keep: Keep) -> io::Result<Self> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let fds = [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
        fds.into_iter().flatten().try_for_each(never_wait)?;
        Ok(Self { stdin, stdout, stderr, input, out: Kept::new(keep), err: Kept::new(Keep::Ends) })
    }

    fn are_open(&self) -> bool {
        self.stdin.is_some() || self.stdout.is_some() || self.stderr.is_some()
    }

    /// Passes on what there is, for which it waits so long; whether there was anything.
    fn pass(&mut self, wait: Duration) -> io::Result<bool> {
        let write = self.stdin.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        let out = self.stdout.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        let err = self.stderr.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        if !is_ready([write, out, err], wait)? {
            return Ok(false);
        }
        if let Some(pipe) = &mut self.stdin
            && (feed(pipe, &mut self.input)? || self.input.is_empty())
        {
            self.stdin = None;
        }
        if self.stdout.as_mut().map_or(Ok(false), |pipe| drain(pipe, &mut self.out))? {
            self.stdout = None;
        }
        if self.stderr.as_mut().map_or(Ok(false), |pipe| drain(pipe, &mut self.err))? {
            self.stderr = None;
        }
        Ok(true)
    }

    /// All that an ended child wrote is there already; what it has left running may write for ever.
    fn empty(&mut self) -> io::Result<()> {
        self.stdin = None;
        let until = Instant::now() + 2 * LOOK;
        while self.are_open() && Instant::now() < until && self.pass(Duration::ZERO)? {}
        Ok(())
    }
}

fn never_wait(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// `false` when nothing can be passed on within that time.
fn is_ready(pipes: [Option<PollFd<'_>>; 3], wait: Duration) -> io::Result<bool> {
    let mut fds: Vec<_> = pipes.into_iter().flatten().collect();
    match poll(&mut fds, PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)) {
        Ok(ready) => Ok(ready > 0),
        Err(nix::errno::Errno::EINTR) => Ok(true),
        Err(e) => Err(e.into()),
    }
}

/// Whether the reader is gone: what it did not read it did not want.
fn feed(pipe: &mut impl Write, input: &mut &[u8]) -> io::Result<bool> {
    match pipe.write(input) {
        Ok(count) => *input = &input[count..],
        Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(true),
        Err(e) if is_for_later(&e) => {}
        Err(e) => return Err(e),
    }
    Ok(false)
}

/// Whether the other end is closed.
fn drain(pipe: &mut impl Read, into: &mut Kept) -> io::Result<bool> {
    let mut block = [0; 16 * 1024];
    match pipe.read(&mut block) {
        Ok(0) => return Ok(true),
        Ok(count) => into.add(&block[..count]),
        Err(e) if is_for_later(&e) => {}
        Err(e) => return Err(e),
    }
    Ok(false)
}

fn is_for_later(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// One that has closed its outputs usually ends in the same moment.
fn wait_until(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
