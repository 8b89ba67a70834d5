//! What a wrapper does next, as a pure function: a state, an event and the time give actions.

use std::time::{Duration, Instant};

/// A child that ran at least this long had a good run: it is started again at once.
const GOOD_RUN: Duration = Duration::from_secs(1);
/// The first pause after a bad run; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: a crash loop costs next to nothing and never quite gives up.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Bad runs in a row after which the instance is called crashed.
const CRASHED_AFTER: u32 = 5;
/// How often KILL is repeated for what KILL has not ended yet.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// Where the instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The child runs since then.
    Up {
        /// When it was started.
        since: Instant,
    },
    /// No child until then.
    Waiting {
        /// When the next one is started.
        until: Instant,
    },
    /// Requests under way are let finish before the child is told anything.
    Draining {
        /// When that ends in any case.
        until: Instant,
    },
    /// The stop signal was sent.
    Ending {
        /// When KILL follows, and follows again.
        kill_at: Instant,
    },
    /// Nothing of it runs any more, and nothing will.
    Gone,
}

/// What is to come after the child has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Run,
    Restart,
    Stop,
}

/// Something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The child was started.
    Started,
    /// The child could not be started.
    NotStarted,
    /// The child has ended; `tree_empty` says whether everything it had started has ended too.
    Ended {
        /// Nothing of it is left.
        tree_empty: bool,
    },
    /// What the child had started has ended too.
    TreeEmpty,
    /// Nothing was started yet, but a child of an earlier wrapper has left something behind.
    LeftBehind,
    /// TERM, or `t` by the control FIFO.
    Stop,
    /// USR2, or `r` by the control FIFO.
    Restart,
    /// So many requests are with the child.
    InFlight(usize),
    /// Time has passed.
    Tick,
}

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start the child.
    Start,
    /// Start the child with its environment read anew.
    StartAnew,
    /// Send the stop signal to everything the child has started.
    Signal,
    /// Send KILL to everything the child has started.
    Kill,
    /// New requests wait.
    Hold,
    /// New requests go to whoever is live.
    Retire,
    /// Nothing is left to do but to leave.
    Leave,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Between the stop signal and KILL.
    pub stop: Duration,
    /// For requests under way before the stop signal.
    pub drain: Duration,
}

/// The state of one wrapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Where it is.
    pub phase: Phase,
    /// How often the child was started again.
    pub restarts: u32,
    limits: Limits,
    goal: Goal,
    bad_runs: u32,
    child_alive: bool,
    in_flight: usize,
    up_since: Instant,
}

impl Machine {
    /// Nothing runs yet; the first tick starts it.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            phase: Phase::Waiting { until: now },
            restarts: 0,
            limits,
            goal: Goal::Run,
            bad_runs: 0,
            child_alive: false,
            in_flight: 0,
            up_since: now,
        }
    }

    /// A child of a wrapper before this one runs already.
    pub fn adopted(limits: Limits, restarts: u32, now: Instant) -> Self {
        Self { phase: Phase::Up { since: now }, child_alive: true, restarts, ..Self::new(limits, now) }
    }

    /// `up`, `waiting`, `crashed`, `draining`, `ending` or `gone`.
    pub fn name(&self) -> &'static str {
        match self.phase {
            Phase::Up { .. } => "up",
            Phase::Waiting { .. } if self.bad_runs >= CRASHED_AFTER => "crashed",
            Phase::Waiting { .. } => "waiting",
            Phase::Draining { .. } => "draining",
            Phase::Ending { .. } => "ending",
            Phase::Gone => "gone",
        }
    }

    /// When [`Event::Tick`] has something to do, if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } | Phase::Draining { until } => Some(until),
            Phase::Ending { kill_at } => Some(kill_at),
            Phase::Up { .. } | Phase::Gone => None,
        }
    }

    /// The step.
    pub fn step(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Started => self.started(now),
            Event::NotStarted => self.ended(true, now),
            Event::Ended { tree_empty } => self.ended(tree_empty, now),
            Event::TreeEmpty if self.child_alive => vec![],
            Event::TreeEmpty => self.tree_empty(now),
            Event::LeftBehind => self.end(now),
            Event::Stop => self.stop(now),
            Event::Restart => self.restart(now),
            Event::InFlight(count) => self.requests(count, now),
            Event::Tick => self.tick(now),
        }
    }

    fn started(&mut self, now: Instant) -> Vec<Action> {
        self.child_alive = true;
        self.up_since = now;
        self.phase = Phase::Up { since: now };
        vec![]
    }

    fn ended(&mut self, tree_empty: bool, now: Instant) -> Vec<Action> {
        self.child_alive = false;
        if !matches!(self.phase, Phase::Ending { .. }) {
            let good = now.duration_since(self.up_since) >= GOOD_RUN && !matches!(self.phase, Phase::Waiting { .. });
            self.bad_runs = if good { 0 } else { self.bad_runs.saturating_add(1) };
        }
        if tree_empty {
            return self.tree_empty(now);
        }
        if matches!(self.phase, Phase::Ending { .. }) {
            return vec![];
        }
        // What the dead child left behind would hold its port and its locks.
        self.end(now)
    }

    fn tree_empty(&mut self, now: Instant) -> Vec<Action> {
        if matches!(self.phase, Phase::Gone) {
            return vec![];
        }
        let goal = std::mem::replace(&mut self.goal, Goal::Run);
        match goal {
            Goal::Stop => {
                self.goal = Goal::Stop;
                self.phase = Phase::Gone;
                vec![Action::Leave]
            }
            Goal::Restart => {
                self.bad_runs = 0;
                self.restarts += 1;
                self.phase = Phase::Waiting { until: now };
                vec![Action::StartAnew]
            }
            Goal::Run if self.bad_runs == 0 => {
                self.restarts += 1;
                self.phase = Phase::Waiting { until: now };
                vec![Action::Start]
            }
            Goal::Run => {
                let doubled = FIRST_PAUSE.saturating_mul(1 << (self.bad_runs - 1).min(10));
                self.phase = Phase::Waiting { until: now + doubled.min(LONGEST_PAUSE) };
                vec![]
            }
        }
    }

    fn stop(&mut self, now: Instant) -> Vec<Action> {
        let again = self.goal == Goal::Stop;
        self.goal = Goal::Stop;
        match self.phase {
            Phase::Gone => vec![],
            Phase::Waiting { .. } => [vec![Action::Retire], self.tree_empty(now)].concat(),
            // Whoever asks twice is in a hurry.
            Phase::Draining { .. } if again => self.end(now),
            Phase::Ending { .. } if again => self.kill(now),
            Phase::Ending { .. } => vec![Action::Retire],
            Phase::Up { .. } | Phase::Draining { .. } => [vec![Action::Retire], self.drain(now)].concat(),
        }
    }

    fn restart(&mut self, now: Instant) -> Vec<Action> {
        if self.goal != Goal::Run {
            return vec![];
        }
        match self.phase {
            Phase::Up { .. } => {
                self.goal = Goal::Restart;
                [vec![Action::Hold], self.drain(now)].concat()
            }
            Phase::Waiting { .. } => {
                self.goal = Goal::Restart;
                self.tree_empty(now)
            }
            _ => {
                self.goal = Goal::Restart;
                vec![]
            }
        }
    }

    fn drain(&mut self, now: Instant) -> Vec<Action> {
        if self.in_flight == 0 {
            return self.end(now);
        }
        self.phase = Phase::Draining { until: now + self.limits.drain };
        vec![]
    }

    fn requests(&mut self, count: usize, now: Instant) -> Vec<Action> {
        self.in_flight = count;
        match self.phase {
            Phase::Draining { .. } if count == 0 => self.end(now),
            _ => vec![],
        }
    }

    fn end(&mut self, now: Instant) -> Vec<Action> {
        self.phase = Phase::Ending { kill_at: now + self.limits.stop };
        vec![Action::Signal]
    }

    fn kill(&mut self, now: Instant) -> Vec<Action> {
        self.phase = Phase::Ending { kill_at: now + KILL_AGAIN };
        vec![Action::Kill]
    }

    fn tick(&mut self, now: Instant) -> Vec<Action> {
        match self.phase {
            Phase::Waiting { until } if until <= now => {
                if self.bad_runs > 0 {
                    self.restarts += 1;
                }
                vec![Action::Start]
            }
            Phase::Draining { until } if until <= now => self.end(now),
            Phase::Ending { kill_at } if kill_at <= now => self.kill(now),
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests;
