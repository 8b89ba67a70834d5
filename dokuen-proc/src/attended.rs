//! A program run once for nobody who waits: its lines go into a log, and a letter through a FIFO ends it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, setsid};

use crate::log::Log;
use crate::platform;
use crate::signals::Signals;

/// The directory's name in the environment: what it starts is found by it, however far it forks.
const MARK: &str = "DOKUEN_INSTANCE";

/// Where its lines go, and how it can be told something.
#[derive(Debug)]
pub struct Attended<'a> {
    /// Its log.
    pub log: &'a Path,
    /// What its lines carry, `run.7`.
    pub name: &'a str,
    /// A log larger than this is rotated.
    pub log_bytes: u64,
    /// Its directory: with the FIFO through which [`end_attended`] reaches it.
    pub dir: &'a Path,
    /// Between the first signal and KILL.
    pub grace: Duration,
}

const CONTROL: &str = "control";
/// Where lines wait for their end.
const SPOOL: &str = "spool";
/// How often a quiet program is looked after.
const PAUSE: u16 = 500;

/// Runs it to its end, in a session of its own: no terminal and no connection reaches it.
pub fn attend(mut command: Command, attended: &Attended<'_>) -> io::Result<u8> {
    // Whoever leads a group already has a session that is not a terminal's.
    let _ = setsid();
    let mut signals = Signals::new()?;
    let control = fs::open_pipe(&attended.dir.join(CONTROL)).map_err(cause)?;
    let (output, input) = io::pipe()?;
    let output = File::from(OwnedFd::from(output));
    fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut log =
        Log::open(attended.log, attended.name, attended.log_bytes, &attended.dir.join(SPOOL)).map_err(cause)?;
    command.env(MARK, attended.dir);
    let spawned = command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).process_group(0).spawn();
    // The writing ends are the child's alone from here on.
    drop(command);
    let mut child = spawned.inspect_err(|e| log.say(&format!("could not be started: {e}"), Timestamp::now()))?;
    let mut ending: Option<Instant> = None;
    let status = loop {
        wait_for_news(&output, &control, &signals);
        while log.take_from(&output, Timestamp::now()) {}
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let told = took_a_letter(&control) || signals.take().stop;
        if told && ending.is_none() {
            log.say("it was told to end", Timestamp::now());
            signal(&child, Signal::SIGTERM);
            ending = Some(Instant::now() + attended.grace);
        }
        if ending.is_some_and(|at| Instant::now() >= at) {
            signal(&child, Signal::SIGKILL);
            end_leftovers(attended.dir);
        }
    };
    end_leftovers(attended.dir);
    while log.take_from(&output, Timestamp::now()) {}
    log.end_partial(Timestamp::now());
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    log.say(&format!("it ended with {code}"), Timestamp::now());
    drop(log);
    fs::remove(&attended.dir.join(SPOOL)).and_then(|()| fs::remove(&attended.dir.join(CONTROL))).map_err(cause)?;
    Ok(u8::try_from(code).unwrap_or(1))
}

/// Makes what an attendant needs in its directory.
pub fn make_attended(dir: &Path) -> Result<(), FsError> {
    fs::make_fifo(&dir.join(CONTROL))
}

/// Tells it to end. When its attendant was killed, what still runs of it is ended at once.
pub fn end_attended(dir: &Path) -> Result<(), FsError> {
    if !tell(&dir.join(CONTROL))? {
        end_leftovers(dir);
    }
    Ok(())
}

/// Whatever carries the mark and is not this process, is ended.
fn end_leftovers(dir: &Path) {
    let mark = format!("{MARK}={}", dir.display());
    for member in
        platform::members(None, &mark).into_iter().filter(|member| member.pid != nix::unistd::getpid().as_raw())
    {
        platform::signal(member, Signal::SIGKILL);
    }
}

/// `false` when nobody is there any more.
fn tell(control: &Path) -> Result<bool, FsError> {
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits();
    match OpenOptions::new().write(true).custom_flags(flags).open(control) {
        Ok(mut fifo) => fs::at("tell", control, io::Write::write_all(&mut fifo, b"t")).map(|()| true),
        Err(e) if e.raw_os_error() == Some(Errno::ENXIO as i32) || e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => fs::at("open", control, Err(e)),
    }
}

fn wait_for_news(output: &File, control: &File, signals: &Signals) {
    let mut fds = [
        PollFd::new(output.as_fd(), PollFlags::POLLIN),
        PollFd::new(control.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
    ];
    let _ = poll(&mut fds, PollTimeout::from(PAUSE));
    // An output that was closed while the program goes on is always ready: that must not become a busy loop.
    if fds[0].revents().is_some_and(|events| events == PollFlags::POLLHUP) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn took_a_letter(mut control: &File) -> bool {
    let mut letters = [0; 16];
    control.read(&mut letters).is_ok_and(|count| count > 0)
}

/// The group lives as long as its leader was not waited for: the number cannot be another's yet.
fn signal(child: &Child, signal: Signal) {
    let _ = killpg(group(child), signal);
}

fn group(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX))
}

fn cause(error: FsError) -> io::Error {
    io::Error::new(error.source.kind(), error)
}
