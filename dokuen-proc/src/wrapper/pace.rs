//! What time does: how long the loop may sleep, and what is due when it wakes.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Wrapper;
use crate::child::Child;
use crate::front::Front;
use crate::machine::{Event, Phase};
use crate::memory;

/// A line without an end is shown after this long.
const PARTIAL: Duration = Duration::from_secs(1);
/// How often a tree that cannot be watched is looked at while it ends, and an adopted child where there is no pidfd.
const LOOK: Duration = Duration::from_millis(50);
/// So often others are let run before the loop waits again.
const YIELDS: usize = 2;

/// Where processors are short, nginx and the app then have their turn first and leave more than one request or response
/// for the next one of ours: it is to be woken for each that costs most. Where they are not, it costs two system calls.
pub(super) fn let_others_run() {
    for _ in 0..YIELDS {
        std::thread::yield_now();
    }
}

impl Wrapper {
    pub(super) fn time_passed(&mut self) {
        let now = Instant::now();
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.happened(Event::Tick);
        }
        if self.lines_due(now).is_some_and(|at| at <= now) {
            self.on_log();
        }
        if self.quiet_at.is_some_and(|at| at <= now) {
            self.rest();
        }
        if self.partial_since.is_some_and(|since| now - since >= PARTIAL) {
            self.log.end_partial(Timestamp::now());
            self.partial_since = None;
        }
        if let Some(front) = self.front.as_mut().filter(|front| front.next_deadline().is_some_and(|at| at <= now)) {
            front.tick(self.poll.registry(), now);
        }
        if self.child.as_ref().is_some_and(Child::needs_looking_at) {
            self.on_adopted();
        }
        self.look_for_entry(now);
        self.look_at_tree();
    }

    fn rest(&mut self) {
        self.quiet_at = None;
        self.started = false;
        self.rest_lines();
        if let Some(front) = &mut self.front {
            front.rest();
        }
        memory::give_back();
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let unwatched = self.child.as_ref().is_some_and(Child::needs_looking_at);
        // Nobody tells when a connection ends that nginx has made to the app itself.
        let uncounted = matches!(self.machine.phase, Phase::Draining { .. }) && self.entry().socket().is_some();
        let looking = matches!(self.machine.phase, Phase::Ending { .. }) || unwatched || uncounted;
        let leaving = matches!(self.machine.phase, Phase::Gone);
        let deadlines = [
            self.machine.deadline(),
            self.partial_since.map(|since| since + PARTIAL),
            self.quiet_at,
            self.lines_due(now),
            self.front.as_ref().and_then(Front::next_deadline),
            self.entry_deadline(),
            self.report_again.at(),
            (looking || leaving).then(|| now + LOOK),
        ];
        deadlines.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }
}
