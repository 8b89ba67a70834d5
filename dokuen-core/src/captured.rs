//! Runs a child to its end while it is fed and listened to, in one loop: a thread for each pipe could fail to start
//! just when a machine has no process left to give, which is when an error must still be an error.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cmd::Output;

/// How it ended and what it wrote.
pub(crate) type Captured = (ExitStatus, Output);

/// `None`: it did not end within the limit and was killed.
pub(crate) fn run(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Option<Captured>> {
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let ended = to_its_end(&mut child, input, Instant::now() + limit);
    if !matches!(ended, Ok(Some(_))) {
        // It is ours and not waited for; one that has ended needs no killing.
        let _ = child.kill().and_then(|()| child.wait());
    }
    ended
}

fn to_its_end(child: &mut Child, mut input: &[u8], until: Instant) -> io::Result<Option<Captured>> {
    let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for fd in [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)] {
        fd.map_or(Ok(()), never_wait)?;
    }
    while stdin.is_some() || stdout.is_some() || stderr.is_some() {
        let write = stdin.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        let out_pipe = stdout.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        let err_pipe = stderr.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        if !wait_for([write, out_pipe, err_pipe], until)? {
            return Ok(None);
        }
        if let Some(pipe) = &mut stdin
            && (feed(pipe, &mut input)? || input.is_empty())
        {
            stdin = None;
        }
        if stdout.as_mut().map_or(Ok(false), |pipe| drain(pipe, &mut out))? {
            stdout = None;
        }
        if stderr.as_mut().map_or(Ok(false), |pipe| drain(pipe, &mut err))? {
            stderr = None;
        }
    }
    let pid = child.id();
    Ok(wait_until(child, until)?.map(|status| (status, Output { pid, stdout: out, stderr: err })))
}

fn never_wait(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// `false` when the time is over.
fn wait_for(pipes: [Option<PollFd<'_>>; 3], until: Instant) -> io::Result<bool> {
    let mut fds: Vec<_> = pipes.into_iter().flatten().collect();
    let left = until.saturating_duration_since(Instant::now());
    match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
        Ok(0) => Ok(Instant::now() < until),
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(true),
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
fn drain(pipe: &mut impl Read, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut block = [0; 16 * 1024];
    match pipe.read(&mut block) {
        Ok(0) => return Ok(true),
        Ok(count) => into.extend_from_slice(&block[..count]),
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
