//! A script and all that it started: how many they are, how much memory they hold, and their end.
//!
//! Its process group is not enough: a daemon makes itself a session of its own. So a process belongs to the family by its
//! parent, by its group, by having belonged once, or by the mark in its environment. One that leaves its parents, its
//! group and its environment behind between two looks escapes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::platform::{self, Carriers, Process};

/// What a script and its descendants may have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub processes: usize,
    /// Bytes that are shared with nobody.
    pub memory: u64,
}

impl Bounds {
    /// Any number; what is left at the end is ended all the same.
    pub const NONE: Self = Self { processes: usize::MAX, memory: u64::MAX };
}

/// Which bound was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    Processes(usize),
    Memory(u64),
}

/// The name of the variable that marks them.
pub(crate) const MARK: &str = "DOKUEN_BUILD";

const PAUSE: Duration = Duration::from_millis(50);
/// Looking takes about one part in so many of a processor.
const SHARE: u32 = 20;

pub(crate) struct Family {
    /// The group that the child leads, as long as its number is sure to be its own.
    group: Option<i32>,
    since: u64,
    /// Of the whole machine, at the beginning.
    threads: u64,
    mark: String,
    bounds: Bounds,
    known: HashMap<i32, u64>,
    next: Instant,
    next_look: Instant,
}

/// A value for [`MARK`] that nobody else has.
pub(crate) fn fresh_mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    format!("{}.{}.{nanos:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Family {
    /// Of a child that leads a process group of its own and was given this mark.
    pub fn new(leader: i32, mark: &str, bounds: Bounds) -> Self {
        platform::give_way(leader);
        let (since, threads) = (platform::started(leader).unwrap_or(0), platform::threads().unwrap_or(0));
        let (mark, next, known) = (format!("{MARK}={mark}"), Instant::now() + PAUSE, HashMap::new());
        Self { group: Some(leader), since, threads, mark, bounds, known, next, next_look: next }
    }

    /// Counts now and then; says what is too much.
    pub fn excess(&mut self) -> Option<Excess> {
        let now = Instant::now();
        if self.bounds == Bounds::NONE || now < self.next {
            return None;
        }
        self.next = now + PAUSE;
        let bomb = self.may_be_bomb();
        if !bomb && now < self.next_look {
            return None;
        }
        // A fork bomb is stopped while it is counted: it would outrun the count.
        self.signal(bomb, Signal::SIGSTOP);
        let members = self.members();
        let memory: u64 = members.iter().map(platform::memory).sum();
        if members.len() > self.bounds.processes {
            return Some(Excess::Processes(self.bounds.processes));
        }
        if memory > self.bounds.memory {
            return Some(Excess::Memory(self.bounds.memory));
        }
        self.signal(bomb, Signal::SIGCONT);
        self.next_look = Instant::now() + (now.elapsed() * SHARE).max(PAUSE * 4);
        None
    }

    /// Whether the machine has got so many threads since the beginning.
    fn may_be_bomb(&self) -> bool {
        let more = |now: u64| now.saturating_sub(self.threads) > self.bounds.processes as u64;
        platform::threads().is_some_and(more)
    }

    fn signal(&self, wanted: bool, signal: Signal) {
        if let Some(group) = self.group.filter(|_| wanted) {
            // Who has gone meanwhile needs neither.
            let _ = killpg(Pid::from_raw(group), signal);
        }
    }

    /// From now on nobody belongs by the group, whose number may soon be somebody else's; who is in it is kept in mind.
    pub fn leave_group(&mut self, has_members: bool) {
        if has_members {
            self.members();
        }
        self.group = None;
    }

    /// All that live, the leader too while it does.
    pub fn members(&mut self) -> Vec<Process> {
        let mut rest = platform::processes();
        // Parents come before their children, but for those within one tick of the clock.
        rest.sort_by_key(|process| (process.started, process.pid));
        self.known.retain(|pid, started| rest.iter().any(|p| p.pid == *pid && p.started == *started));
        let (marked, mut members) = (Carriers::of(&self.mark), Vec::new());
        loop {
            let before = members.len();
            rest.retain(|process| {
                let ours = self.has(process, &marked);
                if ours {
                    self.known.insert(process.pid, process.started);
                    members.push(*process);
                }
                !ours
            });
            if members.len() == before {
                return members;
            }
        }
    }

    fn has(&self, process: &Process, marked: &Carriers) -> bool {
        process.started >= self.since
            && (self.group == Some(process.group)
                || self.known.contains_key(&process.pid)
                || self.known.contains_key(&process.parent)
                || marked.has(process))
    }

    /// Kills all that live; what they start meanwhile as well. Says whether there was anybody.
    pub fn kill(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(2);
        let mut anybody = false;
        loop {
            let members = self.members();
            members.iter().for_each(platform::kill);
            anybody |= !members.is_empty();
            if members.is_empty() || Instant::now() > until {
                return anybody;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
