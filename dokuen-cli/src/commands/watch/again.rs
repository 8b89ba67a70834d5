//! What should run and does not is tried again by whoever watches: an app whose start failed at boot, or whose wrapper
//! somebody has told to stop, and nginx that would not be told of all apps. Each try is a child, since a start may take
//! its time, and nobody's wrapper is to wait for that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Host, fs};
use nix::unistd::Pid;

use crate::commands::boot;
use crate::exit::Failure;

/// How often it is looked for: it reads some small files of each app.
const LOOK: Duration = Duration::from_secs(5);
/// From when something is seen to be down to the first try.
const FIRST: Duration = Duration::from_secs(10);
/// Between two tries, at most.
const MOST: Duration = Duration::from_secs(300);
/// So many are tried at the same time.
const AT_ONCE: usize = 4;

/// An app, or `None` for what nginx is told of all of them.
type What = Option<AppName>;

/// What is tried again, and what is at it.
#[derive(Debug)]
pub struct Again {
    front_is_open: bool,
    pauses: Pauses<What>,
    running: BTreeMap<Pid, What>,
    next: Option<Instant>,
}

impl Again {
    /// For whoever goes on after a `boot`.
    pub fn after(booted: &Result<(), Failure>) -> Self {
        let (pauses, running) = (Pauses { of: BTreeMap::new() }, BTreeMap::new());
        Self { front_is_open: booted.is_ok(), pauses, running, next: None }
    }

    /// Looks now and then, and starts what is due.
    pub fn look(&mut self, host: &Host, now: Instant) -> Result<(), Failure> {
        if self.next.is_some_and(|next| now < next) {
            return Ok(());
        }
        self.next = Some(now + LOOK);
        for what in self.pauses.due(&self.down(host)?, now) {
            let is_at_it = self.running.values().any(|running| *running == what);
            if !is_at_it && self.running.len() < AT_ONCE {
                self.running.insert(start(host, &what)?, what.clone());
                self.pauses.tried(&what, now);
            }
        }
        Ok(())
    }

    /// A child has ended: whether it went well is seen of an app, and not of nginx.
    pub fn ended(&mut self, pid: Pid, well: bool) {
        if let Some(None) = self.running.remove(&pid) {
            self.front_is_open |= well;
        }
    }

    fn down(&self, host: &Host) -> Result<BTreeSet<What>, Failure> {
        if host.shut_down_file().exists() {
            return Ok(BTreeSet::new());
        }
        // An app that cannot be looked at was named by the boot before.
        let lost = host.apps()?.into_iter().filter(|app| boot::is_lost(app).unwrap_or(false));
        Ok(lost.map(|app| Some(app.name)).chain((!self.front_is_open).then_some(None)).collect())
    }
}

/// What it says goes where the watch says its own.
fn start(host: &Host, what: &What) -> Result<Pid, Failure> {
    let dokuen = host.program();
    let boot = Cmd::new(&dokuen, Path::new("/")).env("PATH", host.conf.search_path()).args(["boot", "--again"]);
    let boot = boot.args(what.iter().map(|name| format!("--application={name}")));
    let child = fs::at("start", &dokuen, boot.to_std().stdin(Stdio::null()).spawn())?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}

/// When each that is down is tried next.
#[derive(Debug)]
struct Pauses<K> {
    of: BTreeMap<K, Pause>,
}

#[derive(Debug)]
struct Pause {
    next: Duration,
    due: Instant,
}

impl<K: Ord + Clone> Pauses<K> {
    /// Which of these to try now. What is not down any more begins anew another time.
    fn due(&mut self, down: &BTreeSet<K>, now: Instant) -> Vec<K> {
        self.of.retain(|what, _| down.contains(what));
        for what in down {
            self.of.entry(what.clone()).or_insert(Pause { next: FIRST, due: now + FIRST });
        }
        self.of.iter().filter(|(_, pause)| pause.due <= now).map(|(what, _)| what.clone()).collect()
    }

    fn tried(&mut self, what: &K, now: Instant) {
        if let Some(pause) = self.of.get_mut(what) {
            pause.next = (pause.next * 2).min(MOST);
            pause.due = now + pause.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which it is down, each with whether that second has a try.
    #[test]
    fn tries_come_after_a_while_and_then_less_and_less_often() {
        let begin = Instant::now();
        let mut pauses = Pauses { of: BTreeMap::new() };
        let mut tried_at = |seconds: u64, down: &[&'static str]| {
            let now = begin + Duration::from_secs(seconds);
            let due = pauses.due(&down.iter().copied().collect(), now);
            due.iter().for_each(|what| pauses.tried(what, now));
            due
        };
        for (seconds, down, due) in [
            (0, &["a"][..], &[][..]),
            (9, &["a"], &[]),
            (10, &["a", "b"], &["a"]),
            (20, &["a", "b"], &["b"]),
            (29, &["a", "b"], &[]),
            (30, &["a", "b"], &["a"]),
            (40, &["a", "b"], &["b"]),
            (70, &["a"], &["a"]),
            (150, &["a"], &["a"]),
            (310, &["a"], &["a"]),
            (609, &["a"], &[]),
            (610, &["a"], &["a"]),
            (909, &["a"], &[]),
            (910, &["a"], &["a"]),
            // It was up in between.
            (1000, &[], &[]),
            (1010, &["a", "b"], &[]),
            (1020, &["a", "b"], &["a", "b"]),
        ] {
            assert_eq!(tried_at(seconds, down), due, "{seconds}");
        }
    }
}
