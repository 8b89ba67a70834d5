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

use crate::cgroup::{self, Bounds, Group};
use crate::child::with_group;
use crate::log::{Files, Log, LogRoom};
use crate::platform::{self, Marked};
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
/// Where lines wait for their end.
const SPOOL: &str = "spool";
/// How often a quiet program is looked after.
const PAUSE: u16 = 500;

/// Runs it to its end, in a session of its own: no terminal and no connection reaches it.
pub fn attend(mut command: Command, attended: &Attended<'_>) -> io::Result<Ended> {
    // Whoever leads a group already has a session that is not a terminal's.
    let _ = setsid();
    let mut signals = Signals::new()?;
    let control = fs::open_pipe(&attended.dir.join(CONTROL)).map_err(cause)?;
    let (output, input) = io::pipe()?;
    let output = File::from(OwnedFd::from(output));
    fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let files = Files::new(attended.log, attended.log_bytes, Some(attended.log_room.clone()));
    let mut log = Log::open(files, attended.name, &attended.dir.join(SPOOL)).map_err(cause)?;
    let group = attended.cgroup.map(|(dir, bounds)| Group::open(dir, bounds, attended.search_path));
    if let Some(Ok(group)) = &group {
        group.join(&mut command);
    }
    command.env(MARK, attended.dir);
    let spawned = command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).process_group(0).spawn();
    // The writing ends are the child's alone from here on.
    drop(command);
    let mut child = spawned.inspect_err(|e| log.say(&format!("could not be started: {e}"), Timestamp::now()))?;
    if let Some(trouble) = without_limits(attended, group, &child) {
        log.say(&format!("the limits are not in force: {trouble}"), Timestamp::now());
    }
    let cgroup = attended.cgroup.map(|(dir, _)| dir);
    let mut ending: Option<Instant> = None;
    let (begun, mut timed_out) = (Instant::now(), false);
    let status = loop {
        wait_for_news(&output, &control, &signals);
        while log.take_from(&output, Timestamp::now()) > 0 {}
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let told = took_a_letter(&control) || signals.take().stop;
        let over = attended.limit.filter(|limit| begun.elapsed() >= *limit);
        if (told || over.is_some()) && ending.is_none() {
            timed_out = !told;
            let why = over
                .filter(|_| timed_out)
                .map(|limit| format!("it has run for {} s and may not longer", limit.as_secs()));
            log.say(why.as_deref().unwrap_or("it was told to end"), Timestamp::now());
            signal(&child, Signal::SIGTERM);
            ending = Some(Instant::now() + attended.grace);
        }
        if ending.is_some_and(|at| Instant::now() >= at) {
            signal(&child, Signal::SIGKILL);
            end_leftovers(attended.dir, cgroup);
        }
    };
    end_leftovers(attended.dir, cgroup);
    end_cgroup(cgroup);
    while log.take_from(&output, Timestamp::now()) > 0 {}
    log.end_partial(Timestamp::now());
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    log.say(&format!("it ended with {code}"), Timestamp::now());
    drop(log);
    fs::remove(&attended.dir.join(SPOOL)).and_then(|()| fs::remove(&attended.dir.join(CONTROL))).map_err(cause)?;
    Ok(Ended { code: u8::try_from(code).unwrap_or(1), timed_out })
}

/// Why it has no limits, where it was to have some.
fn without_limits(attended: &Attended<'_>, group: Option<io::Result<Group>>, child: &Child) -> Option<io::Error> {
    attended.cgroup.filter(|(_, bounds)| *bounds != Bounds::default())?;
    group?.and_then(|group| group.add(child.id() as i32)).err()
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

/// Every living process whose mark names something below this directory, where marks can be read (Linux).
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
