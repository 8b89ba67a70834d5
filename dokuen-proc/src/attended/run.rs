//! The program while it runs: what it writes, what it is told, how it ends.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use dokuen_core::fs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::output::Output;
use super::{Attended, CONTROL, Ended, cause, end_cgroup, end_leftovers};
use crate::cgroup::{Bounds, Group};
use crate::environment::MARK;
use crate::log::Files;
use crate::signals::Signals;

/// Where lines wait for their end.
const SPOOL: &str = "spool";
/// How often a quiet program is looked after.
const PAUSE: Duration = Duration::from_millis(500);
/// How often one is that has closed its output and goes on: that it is closed is always news.
const CLOSED: Duration = Duration::from_millis(20);

pub struct Run<'a> {
    attended: &'a Attended<'a>,
    signals: Signals,
    control: File,
    output: Output,
    child: Child,
    begun: Instant,
    /// It was told to end; from then on it is killed.
    killed_at: Option<Instant>,
    timed_out: bool,
}

impl<'a> Run<'a> {
    /// Starts it, in its cgroup.
    pub fn start(mut command: Command, attended: &'a Attended<'a>) -> io::Result<Self> {
        let signals = Signals::new()?;
        let control = fs::open_pipe(&attended.dir.join(CONTROL)).map_err(cause)?;
        let files = Files::new(attended.log, attended.log_bytes, Some(attended.log_room.clone()));
        let mut output = Output::of(&mut command, files, attended.name, &attended.dir.join(SPOOL))?;
        let group = attended.cgroup.map(|(dir, bounds)| Group::open(dir, bounds, attended.search_path));
        if let Some(Ok(group)) = &group {
            group.join(&mut command);
        }
        let spawned = command.env(MARK, attended.dir).process_group(0).spawn();
        // With the writing ends of its output.
        drop(command);
        let child = spawned.inspect_err(|e| output.say(&format!("could not be started: {e}")))?;
        if let Some(trouble) = without_limits(attended, group, &child) {
            output.say(&format!("the limits are not in force: {trouble}"));
        }
        Ok(Self { attended, signals, control, output, child, begun: Instant::now(), killed_at: None, timed_out: false })
    }

    /// Until it has ended, by itself or because it was told to or had its time.
    pub fn until_it_ends(&mut self) -> io::Result<ExitStatus> {
        loop {
            self.wait_for_news();
            self.output.take_some();
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if let Some(why) = self.why_to_end().filter(|_| self.killed_at.is_none()) {
                self.output.say(&why);
                self.signal(Signal::SIGTERM);
                self.killed_at = Some(Instant::now() + self.attended.grace);
            }
            if self.killed_at.is_some_and(|at| Instant::now() >= at) {
                self.signal(Signal::SIGKILL);
                end_leftovers(self.attended.dir, self.cgroup());
            }
        }
    }

    /// Nothing of it is left, its last lines are in the log, and its files are gone.
    pub fn finish(mut self, status: ExitStatus) -> io::Result<Ended> {
        let dir = self.attended.dir;
        end_leftovers(dir, self.cgroup());
        end_cgroup(self.cgroup());
        self.output.take_all();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        self.output.say(&format!("it ended with {code}"));
        drop(self.output);
        fs::remove(&dir.join(SPOOL)).and_then(|()| fs::remove(&dir.join(CONTROL))).map_err(cause)?;
        Ok(Ended { code: u8::try_from(code).unwrap_or(1), timed_out: self.timed_out })
    }

    fn cgroup(&self) -> Option<&'a Path> {
        self.attended.cgroup.map(|(dir, _)| dir)
    }

    /// Somebody said so, or it has run too long.
    fn why_to_end(&mut self) -> Option<String> {
        let letter = took_a_letter(&self.control);
        if self.signals.take().stop || letter {
            return Some("it was told to end".to_owned());
        }
        let limit = self.attended.limit.filter(|limit| self.begun.elapsed() >= *limit)?;
        self.timed_out |= self.killed_at.is_none();
        Some(format!("it has run for {} s and may not longer", limit.as_secs()))
    }

    fn wait_for_news(&self) {
        let news = [self.control.as_fd(), self.signals.as_fd()].into_iter().chain(self.output.news());
        let mut fds: Vec<PollFd<'_>> = news.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let patience = self.output.patience(PAUSE).as_micros().div_ceil(1000);
        let _ = poll(&mut fds, PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX));
        if fds.get(2).and_then(PollFd::revents).is_some_and(|events| events == PollFlags::POLLHUP) {
            thread::sleep(CLOSED);
        }
    }

    /// The group lives as long as its leader was not waited for: the number cannot be another's yet.
    fn signal(&self, signal: Signal) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX));
        let _ = killpg(group, signal);
    }
}

/// Why it has no limits, where it was to have some.
fn without_limits(attended: &Attended<'_>, group: Option<io::Result<Group>>, child: &Child) -> Option<io::Error> {
    attended.cgroup.filter(|(_, bounds)| *bounds != Bounds::default())?;
    group?.and_then(|group| group.add(child.id() as i32)).err()
}

fn took_a_letter(mut control: &File) -> bool {
    let mut letters = [0; 16];
    control.read(&mut letters).is_ok_and(|count| count > 0)
}
