//! The wrapper: one small process per instance. A pure state machine (`machine`) decides; this loop performs.

use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use dokuen_core::Port;
use dokuen_core::fs::FsError;
use mio::{Events, Poll, Token};

use crate::cgroup::Group;
use crate::child::Child;
use crate::front::{Front, FrontError};
use crate::instance::Instance;
use crate::log::{Log, Next, Pauses};
use crate::machine::{Event, Machine, Phase};
use crate::platform;
use crate::port::Reserved;
use crate::signals::Signals;
use crate::spec::{Spec, SpecError};

mod again;
mod direct;
mod leave;
mod lines;
mod pace;
mod perform;
mod prepare;
mod tree;

use again::Again;
use direct::Direct;

const SIGNALS: Token = Token(0);
const CONTROL: Token = Token(1);
const LOG: Token = Token(2);
const CHILD: Token = Token(3);
const FRONT: usize = 16;

/// After so long without a line or a request the memory that they took goes back.
const QUIET: Duration = Duration::from_millis(300);
/// So many events are taken in one go.
const EVENTS: usize = 64;

/// A wrapper that holds its lock and its port, and listens; nothing is started yet.
pub struct Wrapper {
    spec: Spec,
    instance: Instance,
    _lock: File,
    port: Option<Reserved>,
    poll: Poll,
    signals: Signals,
    control: File,
    pipe: File,
    log: Log,
    /// The child's cgroup, where it can have one.
    group: Option<Group>,
    front: Option<Front>,
    direct: Direct,
    /// The open socket that the child is given, for an app that takes one.
    listener: Option<UnixListener>,
    machine: Machine,
    child: Option<Child>,
    last_end: String,
    soft_files: Option<u64>,
    partial_since: Option<Instant>,
    quiet_at: Option<Instant>,
    pauses: Pauses,
    next_lines: Next,
    /// The log pipe's event is on.
    log_watched: bool,
    /// A child was started, which takes memory for a moment.
    started: bool,
    /// The log pipe was made large.
    flooded: bool,
    /// Orphans come to us.
    subreaper: bool,
    /// Nothing of the instance can be but below us.
    all_below: bool,
    /// Something of it ran when we came.
    left_behind: bool,
    retired_at: Option<Instant>,
    reported: Option<Reported>,
    report_again: Again,
}

/// What a report was made of: as long as it is the same, there is nothing to report. And since when it is so.
struct Reported {
    name: &'static str,
    restarts: u32,
    child: Option<platform::Member>,
    last_end: String,
    since: String,
}

/// A wrapper that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WrapperError {
    /// What it should run cannot be read.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Its files.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The directory's name is no instance's.
    #[error("`{0}` is no instance directory")]
    NoInstance(std::path::PathBuf),
    /// Somebody else is this instance's wrapper.
    #[error("{0} has a wrapper already")]
    Taken(String),
    /// Every port is in use.
    #[error("no free port between {0} and {1}")]
    NoPort(Port, Port),
    /// The front could not listen.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// The system refused something that the loop needs.
    #[error("failed to set up the wrapper's loop")]
    Loop(#[from] std::io::Error),
}

impl Wrapper {
    /// The port its child is told to listen on, for `web`.
    pub fn port(&self) -> Option<Port> {
        self.port.as_ref().map(|reserved| reserved.port)
    }

    /// Runs the instance until it was told to stop and nothing of it is left.
    pub fn run(mut self: Box<Self>) -> Result<(), WrapperError> {
        let mut events = Events::with_capacity(EVENTS);
        match self.child {
            Some(_) => self.took_over()?,
            None if self.left_behind => self.end_what_is_left(),
            None => {}
        }
        self.happened(Event::Tick);
        while !self.may_leave() {
            self.report();
            if self.front.is_some() && !events.is_empty() {
                pace::let_others_run();
            }
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(e) if e.kind() != std::io::ErrorKind::Interrupted => return Err(e.into()),
                _ => self.events(&events),
            }
            self.time_passed();
        }
        self.leave();
        Ok(())
    }

    fn events(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                SIGNALS => self.on_signals(),
                CONTROL => self.on_control(),
                LOG => self.on_log(),
                CHILD => self.on_adopted(),
                _ => {
                    if let Some(front) = &mut self.front {
                        front.event(self.poll.registry(), event);
                    }
                }
            }
        }
        if matches!(self.machine.phase, Phase::Draining { .. }) {
            self.count_requests();
        }
        let large = self.started || self.log.is_large() || self.front.as_ref().is_some_and(Front::is_large);
        if large && (!events.is_empty() || self.quiet_at.is_none()) {
            self.quiet_at = Some(Instant::now() + QUIET);
        }
    }

    /// Only while it matters: it looks at every connection.
    fn count_requests(&mut self) {
        let in_flight = self.in_flight();
        self.happened(Event::InFlight(in_flight));
    }

    /// Told to stop or to start anew.
    fn told(&mut self, event: Event) {
        self.count_requests();
        self.happened(event);
    }

    fn on_signals(&mut self) {
        let seen = self.signals.take();
        if seen.child {
            self.on_children();
        }
        if seen.stop {
            self.told(Event::Stop);
        }
        if seen.restart {
            self.told(Event::Restart);
        }
    }

    fn on_control(&mut self) {
        let mut letters = [0; 64];
        while let Ok(count @ 1..) = self.control.read(&mut letters) {
            for letter in &letters[..count] {
                match letter {
                    b't' => self.told(Event::Stop),
                    b'r' => self.told(Event::Restart),
                    b'o' => self.open_again(),
                    // A letter of a later version: an old wrapper does what it knows.
                    _ => {}
                }
            }
        }
    }
}
