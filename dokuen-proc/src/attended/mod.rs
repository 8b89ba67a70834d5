//! A program run once for nobody who waits: its lines go into a log, and a letter through a FIFO ends it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::setsid;

use crate::cgroup::{self, Bounds, Group};
use crate::child::with_group;
use crate::environment::MARK;
use crate::log::LogRoom;
use crate::platform::{self, Marked};

mod output;
mod run;

use run::Run;

/// Where its lines go, and how it can be told something.
#[derive(Debug)]
pub struct Attended<'a> {
    /// Its log.
    pub log: &'a Path,
    /// What its lines carry, `run.7`.
    pub name: &'a str,
    /// A log larger than this is rotated.
    pub log_bytes: u64,
    /// What it shares with the app's other logs.
    pub log_room: LogRoom,
    /// The cgroup that it is to be in, and what it may use.
    pub cgroup: Option<(&'a Path, Bounds)>,
    /// Where programs are searched for.
    pub search_path: &'a str,
    /// Its directory: with the FIFO through which [`end_attended`] reaches it.
    pub dir: &'a Path,
    /// Between the first signal and KILL.
    pub grace: Duration,
    /// It may run so long; none where it may run for ever.
    pub limit: Option<Duration>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status, 128+n for a signal.
    pub code: u8,
    /// It had run longer than it may, and was ended.
    pub timed_out: bool,
}

const CONTROL: &str = "control";

/// Runs it to its end, in a session of its own: no terminal and no connection reaches it.
pub fn attend(command: Command, attended: &Attended<'_>) -> io::Result<Ended> {
    // Whoever leads a group already has a session that is not a terminal's.
    let _ = setsid();
    let mut run = Run::start(command, attended)?;
    let status = run.until_it_ends()?;
    run.finish(status)
}

/// Makes what an attendant needs in its directory.
pub fn make_attended(dir: &Path) -> Result<(), FsError> {
    fs::make_fifo(&dir.join(CONTROL))
}

/// Whether somebody attends to it, or was killed over it.
pub(crate) fn can_be_told(dir: &Path) -> bool {
    dir.join(CONTROL).exists()
}

/// Tells it to end. When its attendant was killed, what still runs of it is ended at once, in its cgroup too.
pub fn end_attended(dir: &Path, cgroup: Option<&Path>) -> Result<(), FsError> {
    if !tell(&dir.join(CONTROL))? {
        end_leftovers(dir, cgroup);
        end_cgroup(cgroup);
    }
    Ok(())
}

/// Ends a process (its number, and when it began), what it has started, whatever carries this directory as its mark, and
/// what is in its cgroup: told first as a closed terminal tells it, then killed.
pub fn end_process(dir: &Path, cgroup: Option<&Path>, (pid, started): (i32, u64), grace: Duration) {
    let root = platform::Member { pid, started };
    let runs = || platform::start_time(pid) == Some(started);
    let all = || {
        let below = platform::members(runs().then_some(pid), &mark(dir)).into_iter();
        with_group(below.chain(runs().then_some(root)).collect(), cgroup.map(cgroup::members).unwrap_or_default())
    };
    let until = Instant::now() + grace;
    for member in all() {
        platform::signal(member, Signal::SIGTERM);
        // A shell at a terminal takes no notice of the other.
        platform::signal(member, Signal::SIGHUP);
    }
    while !all().is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    all().into_iter().for_each(|member| platform::signal(member, Signal::SIGKILL));
    end_cgroup(cgroup);
}

/// Every living process whose mark names something below this directory, as far as environments can be read.
pub fn marked_below(dir: &Path) -> Vec<Marked> {
    platform::marked_below(&format!("{MARK}="), dir)
}

/// Whatever carries the mark and is not this process, is ended; and whatever is in its cgroup.
pub(crate) fn end_leftovers(dir: &Path, cgroup: Option<&Path>) {
    if let Some(dir) = cgroup {
        Group::at(dir).kill();
    }
    for member in with_group(marked(dir), cgroup.map(cgroup::members).unwrap_or_default()) {
        platform::signal(member, Signal::SIGKILL);
    }
}

/// It is empty by now, or nearly so.
fn end_cgroup(cgroup: Option<&Path>) {
    if let Some(dir) = cgroup {
        Group::at(dir).end();
    }
}

fn mark(dir: &Path) -> String {
    format!("{MARK}={}", dir.display())
}

fn marked(dir: &Path) -> Vec<platform::Member> {
    let own = nix::unistd::getpid().as_raw();
    platform::members(None, &mark(dir)).into_iter().filter(|member| member.pid != own).collect()
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

fn cause(error: FsError) -> io::Error {
    io::Error::new(error.source.kind(), error)
}
