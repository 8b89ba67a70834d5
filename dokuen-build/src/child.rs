//! One child: its output pumped to where it belongs, its time bounded, nothing of it left running.
//!
//! A build may leave a daemon behind that holds the pipe (gradle, spring and watchman do). So the end of the pipe is
//! not waited for: once the child has exited and the pipe is quiet, the pump goes on, and what is left of the child's
//! [family](crate::family) is ended.

use std::io::{self, PipeReader, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::family::{Bounds, Excess, Family, MARK, fresh_mark};
use crate::platform;
use crate::sink::Sink;

/// Where a child's two streams go.
pub(crate) enum Wiring<'a> {
    /// Through one pipe, so that the order is the order of writing.
    Together(&'a mut dyn Sink),
    /// Standard output, standard error.
    Apart(&'a mut dyn Sink, &'a mut dyn Sink),
}

/// How long a child may take, and who may stop it before that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch<'a> {
    pub deadline: Instant,
    pub cancel: Option<&'a AtomicBool>,
    /// What the child and its descendants may have; `None` for programs that are trusted to leave nothing behind.
    pub bounds: Option<Bounds>,
}

/// Why the pump stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Exited(ExitStatus),
    Enough,
    TimedOut,
    Cancelled,
    TooMuch(Excess),
}

/// What became of a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub how: How,
    /// Processes of its family outlived it and were ended.
    pub leftovers: bool,
}

const QUIET: Duration = Duration::from_millis(50);
const QUIET_AFTER_EXIT: Duration = Duration::from_millis(10);
/// A daemon that keeps writing is listened to this long after the script's end.
const MOST_AFTER_EXIT: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(5);
const GRACE: Duration = Duration::from_millis(200);

impl<'a> Watch<'a> {
    pub fn new(limit: Duration, cancel: Option<&'a AtomicBool>) -> Self {
        Self { deadline: Instant::now() + limit, cancel, bounds: None }
    }

    /// The same for a script that is not trusted.
    pub fn bounded(self, bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), ..self }
    }

    /// The same, with an end no later than `limit` from now.
    pub fn within(&self, limit: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + limit), ..*self }
    }

    fn over(&self) -> Option<How> {
        if self.cancel.is_some_and(|c| c.load(Ordering::Relaxed)) {
            return Some(How::Cancelled);
        }
        (Instant::now() >= self.deadline).then_some(How::TimedOut)
    }
}

/// Runs `cmd` in a process group of its own, with nothing on standard input, to its end or the watch's.
pub(crate) fn run(cmd: &Cmd, watch: &Watch<'_>, wiring: Wiring<'_>) -> io::Result<Ended> {
    let (mut command, mark) = (cmd.to_std(), fresh_mark());
    command.stdin(Stdio::null()).process_group(0);
    if watch.bounds.is_some() {
        command.env(MARK, &mark);
    }
    let mut pump = Pump { sources: Vec::new(), closed: Vec::new(), buffer: vec![0; 64 * 1024] };
    match wiring {
        Wiring::Together(sink) => {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            pump.sources.push((reader, sink));
        }
        Wiring::Apart(out, err) => {
            let ((out_reader, out_writer), (err_reader, err_writer)) = (io::pipe()?, io::pipe()?);
            command.stdout(out_writer).stderr(err_writer);
            pump.sources.extend([(out_reader, out), (err_reader, err)]);
        }
    }
    let mut group = Group::new(spawn(&mut command)?, watch.bounds, &mark);
    // The command holds our ends of the pipes: with them open there would be no end of file.
    drop(command);
    let how = pump.run(&mut group, watch)?;
    let leftovers = group.end(!matches!(how, How::TooMuch(_)));
    pump.sources.iter_mut().for_each(|(_, sink)| sink.end());
    Ok(Ended { how, leftovers: leftovers && matches!(how, How::Exited(_)) })
}

/// A child that another thread forked holds, until its exec, whatever was open for writing then: a script that was
/// written a moment ago is "busy" for that long.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(2));
            }
            other => return other,
        }
    }
}

struct Pump<'a> {
    sources: Vec<(PipeReader, &'a mut dyn Sink)>,
    /// A child that writes nothing any more may work on for somebody who leaves.
    closed: Vec<&'a mut dyn Sink>,
    buffer: Vec<u8>,
}

/// What one look at the pipes found.
enum Look {
    Wrote,
    Quiet,
    Enough,
}

impl Pump<'_> {
    fn run(&mut self, group: &mut Group, watch: &Watch<'_>) -> io::Result<How> {
        let (mut exit, mut checked): (Option<(ExitStatus, Instant)>, _) = (None, Instant::now());
        while !self.sources.is_empty() {
            if let Some(how) = self.abandoned().or_else(|| watch.over()).or_else(|| group.excess()) {
                return Ok(how);
            }
            let quiet = match self.look(if exit.is_some() { QUIET_AFTER_EXIT } else { QUIET })? {
                Look::Enough => return Ok(How::Enough),
                Look::Quiet => true,
                Look::Wrote => false,
            };
            match exit {
                Some((status, since)) if quiet || since.elapsed() > MOST_AFTER_EXIT => return Ok(How::Exited(status)),
                None if quiet || checked.elapsed() > QUIET => {
                    exit = group.try_wait()?.map(|status| (status, Instant::now()));
                    checked = Instant::now();
                }
                _ => {}
            }
        }
        match exit {
            Some((status, _)) => Ok(How::Exited(status)),
            None => group.wait(|| self.abandoned().or_else(|| watch.over())),
        }
    }

    fn abandoned(&self) -> Option<How> {
        let mut sinks = self.sources.iter().map(|(_, sink)| sink).chain(&self.closed);
        sinks.any(|sink| sink.is_abandoned()).then_some(How::Cancelled)
    }

    fn look(&mut self, patience: Duration) -> io::Result<Look> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
        let mut fds: Vec<_> = self.sources.iter().map(|(fd, _)| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
        let count = match poll(&mut fds, timeout) {
            Err(nix::errno::Errno::EINTR) => return Ok(Look::Wrote),
            other => other?,
        };
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if count == 0 {
            self.sources.iter_mut().for_each(|(_, sink)| sink.idle());
            return Ok(Look::Quiet);
        }
        for index in (0..ready.len()).rev().filter(|i| ready[*i]) {
            if self.read(index)?.is_break() {
                return Ok(Look::Enough);
            }
        }
        Ok(Look::Wrote)
    }

    fn read(&mut self, index: usize) -> io::Result<ControlFlow<()>> {
        let (reader, sink) = &mut self.sources[index];
        match reader.read(&mut self.buffer) {
            Ok(0) => {
                sink.end();
                self.closed.push(self.sources.remove(index).1);
                Ok(ControlFlow::Continue(()))
            }
            Ok(count) => Ok(sink.take(&self.buffer[..count])),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(ControlFlow::Continue(())),
            Err(e) => Err(e),
        }
    }
}

/// The child and all it started; dropped early, they are killed.
struct Group {
    leader: Child,
    reaped: bool,
    family: Option<Family>,
}

impl Group {
    fn new(leader: Child, bounds: Option<Bounds>, mark: &str) -> Self {
        let family = bounds.map(|bounds| Family::new(id(&leader), mark, bounds));
        Self { leader, reaped: false, family }
    }

    fn excess(&mut self) -> Option<How> {
        self.family.as_mut()?.excess().map(How::TooMuch)
    }

    /// How the leader has ended. It is not reaped: as long as it is there as a zombie, the number of its group is nobody
    /// else's.
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        platform::ended(&mut self.leader)
    }

    /// Once it has ended; its zombie would be taken for a member of the group.
    fn reap(&mut self) {
        self.reaped = self.reaped || matches!(self.try_wait(), Ok(Some(_))) && self.leader.wait().is_ok();
    }

    /// The pipes are closed: the exit follows at once, or the child works on in silence.
    fn wait(&mut self, over: impl Fn() -> Option<How>) -> io::Result<How> {
        let mut pause = Duration::from_micros(50);
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(How::Exited(status));
            }
            if let Some(how) = over().or_else(|| self.excess()) {
                return Ok(how);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(QUIET);
        }
    }

    /// TERM and a moment for who deserves it, KILL. Says whether there was anybody. The number of the group is its own while
    /// the leader is not reaped or the group has a member; seen empty once, nothing is sent there any more, and nobody is
    /// known by it.
    fn end(&mut self, gently: bool) -> bool {
        self.reap();
        let first = if gently { Signal::SIGTERM } else { Signal::SIGKILL };
        let anybody = self.signal(Some(first));
        if let Some(family) = &mut self.family {
            family.leave_group(anybody);
        }
        if self.outlasts(anybody, GRACE) {
            self.signal(Some(Signal::SIGKILL));
        }
        if !self.reaped {
            self.reaped = self.leader.wait().is_ok();
        }
        self.family.as_mut().is_some_and(Family::kill) || anybody
    }

    fn outlasts(&mut self, mut anybody: bool, grace: Duration) -> bool {
        let until = Instant::now() + grace;
        while anybody && Instant::now() < until {
            std::thread::sleep(LOOK);
            self.reap();
            anybody = self.signal(None);
        }
        anybody
    }

    fn signal(&self, signal: Option<Signal>) -> bool {
        killpg(Pid::from_raw(id(&self.leader)), signal).is_ok()
    }
}

fn id(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a process id fits pid_t")
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.end(true);
        }
    }
}
