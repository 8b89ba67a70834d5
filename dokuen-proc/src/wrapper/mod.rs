//! The wrapper: one small process per instance. A pure state machine (`machine.rs`) decides; this loop performs.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use dokuen_core::Port;
use dokuen_core::fs::{self, FsError};
use jiff::Timestamp;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::cgroup::Group;
use crate::child::{self, Child};
use crate::front::{Front, FrontError};
use crate::instance::Instance;
use crate::log::{Files, Log};
use crate::machine::{Event, Limits, Machine, Phase};
use crate::memory;
use crate::platform;
use crate::port::{self, Reserved};
use crate::signals::Signals;
use crate::spec::{Entry, FrontPaths, Spec, SpecError};

mod direct;
mod leave;
mod perform;

use direct::Direct;

const SIGNALS: Token = Token(0);
const CONTROL: Token = Token(1);
const LOG: Token = Token(2);
const CHILD: Token = Token(3);
const FRONT: usize = 16;

/// A line without an end is shown after this long.
const PARTIAL: Duration = Duration::from_secs(1);
/// How often a tree that cannot be watched is looked at while it ends, and an adopted child where there is no pidfd.
const LOOK: Duration = Duration::from_millis(50);
/// After so long without a line or a request the memory that they took goes back.
const QUIET: Duration = Duration::from_millis(300);
/// Between two looks at everything else, a flood of lines is taken in so many batches at most.
const BATCHES: usize = 32;
/// The log pipe holds this much, and that much in a burst: large ones are few for all processes of a user together.
const PIPE: (i32, i32) = (64 * 1024, 1024 * 1024);
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
    log_has_more: bool,
    /// A child was started, which takes memory for a moment.
    started: bool,
    /// The log pipe was made large.
    flooded: bool,
    /// Orphans come to us.
    subreaper: bool,
    /// Nothing of the instance can be but below us.
    all_below: bool,
    retired_at: Option<Instant>,
    reported: Option<Reported>,
}

/// What a report was made of: as long as it is the same, there is nothing to report.
#[derive(PartialEq, Eq)]
struct Reported {
    name: &'static str,
    restarts: u32,
    child: Option<platform::Member>,
    last_end: String,
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
    /// Takes everything the instance in `dir` needs, and what is left of an earlier wrapper's child. Boxed: moved by value
    /// it would stand on the stack several times, for as long as it runs.
    pub fn prepare(dir: &Path) -> Result<Box<Self>, WrapperError> {
        let spec = Spec::load(&dir.join("spec"))?;
        let parent = dir.parent().ok_or_else(|| WrapperError::NoInstance(dir.to_owned()))?;
        let instance = Instance::at(parent, spec.id.clone());
        let lock = instance.claim()?.ok_or_else(|| WrapperError::Taken(spec.id.to_string()))?;
        let subreaper = platform::become_subreaper();
        let soft_files = raise_file_limit();
        let poll = Poll::new()?;
        // The first wrapper of an instance need not look through all processes for what an earlier one left.
        let first = ["spool", "state"].iter().all(|name| !instance.file(name).exists());
        let left = if first { vec![] } else { child::marked(&instance) };
        let adopted = Child::adopt(&left);
        let port = reserve_port(&spec, adopted.as_ref().and_then(|_| instance.report().port))?;
        let front = match &spec.front {
            // Its socket stays open without a front.
            Some(FrontPaths { entry: Entry::Fds(_), .. }) | None => None,
            Some(paths) => Some(Front::bind(&paths.socket, poll.registry(), FRONT)?),
        };
        let limits = Limits { stop: spec.stop_timeout, drain: spec.drain_timeout };
        let machine = match &adopted {
            Some(_) => Machine::adopted(limits, instance.report().restarts, Instant::now()),
            None => Machine::new(limits, Instant::now()),
        };
        let wrapper = Box::new(Self {
            signals: Signals::new()?,
            control: fs::open_pipe(&instance.file("control"))?,
            pipe: fs::open_pipe(&instance.file("log"))?,
            log: Log::open(
                Files::new(&spec.log, spec.log_bytes, spec.log_room.clone()),
                &spec.id.name(),
                &instance.file("spool"),
            )?,
            child: adopted,
            _lock: lock,
            port,
            poll,
            group: None,
            front,
            direct: Direct::Apart,
            listener: None,
            machine,
            last_end: String::new(),
            soft_files,
            partial_since: None,
            quiet_at: None,
            log_has_more: false,
            started: true,
            flooded: false,
            subreaper,
            all_below: subreaper && left.is_empty(),
            retired_at: None,
            reported: None,
            instance,
            spec,
        });
        wrapper.register()?;
        Ok(wrapper)
    }

    /// The port its child is told to listen on, for `web`.
    pub fn port(&self) -> Option<Port> {
        self.port.as_ref().map(|reserved| reserved.port)
    }

    fn register(&self) -> std::io::Result<()> {
        let registry = self.poll.registry();
        for (fd, token) in
            [(self.signals.fd(), SIGNALS), (self.control.as_raw_fd(), CONTROL), (self.pipe.as_raw_fd(), LOG)]
        {
            registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
        }
        Ok(())
    }

    /// Runs the instance until it was told to stop and nothing of it is left.
    pub fn run(mut self: Box<Self>) -> Result<(), WrapperError> {
        let mut events = Events::with_capacity(EVENTS);
        if self.child.is_some() {
            self.took_over()?;
        }
        self.happened(Event::Tick);
        while !self.may_leave() {
            self.report();
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

    fn took_over(&mut self) -> Result<(), WrapperError> {
        self.say("a new wrapper has taken over; the process was not touched");
        if let Some(fd) = self.child.as_ref().and_then(|c| c.watched.as_ref()) {
            self.poll.registry().register(&mut SourceFd(&fd.as_raw_fd()), CHILD, Interest::READABLE)?;
        }
        self.take_listener_back();
        // The child is in it already, if it is anywhere.
        self.group = self
            .spec
            .cgroup
            .as_ref()
            .filter(|(dir, _)| dir.is_dir())
            .and_then(|(dir, bounds)| Group::make(dir, *bounds).ok());
        self.open_front();
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
                    // A letter of a later version: an old wrapper does what it knows.
                    _ => {}
                }
            }
        }
    }

    fn on_log(&mut self) {
        self.log_has_more = (0..BATCHES).all(|_| self.log.take_from(&self.pipe, Timestamp::now()));
        // Counted from the last bytes: a flood is always in the middle of some line when it is looked at.
        self.partial_since = self.log.has_partial().then(Instant::now);
        if self.log.is_large() && !self.flooded {
            self.flooded = true;
            platform::resize_pipe(&self.pipe, PIPE.1);
        }
    }

    fn on_children(&mut self) {
        for (pid, how) in child::reap() {
            if self.child.as_ref().is_some_and(|c| c.member.pid == pid) {
                self.child_ended(how);
            }
        }
        self.look_at_tree();
    }

    fn on_adopted(&mut self) {
        if let Some(how) = self.child.as_ref().and_then(Child::adopted_end) {
            self.child_ended(how);
        }
    }

    fn child_ended(&mut self, how: String) {
        if let Some(fd) = self.child.take().and_then(|c| c.watched) {
            self.unwatch(&fd);
        }
        self.hold();
        self.on_log();
        self.log.end_partial(Timestamp::now());
        let said = (!matches!(self.machine.phase, Phase::Ending { .. })).then(|| format!("the process {how}"));
        self.last_end = how;
        let tree_empty = self.tree_is_empty();
        // The next child first, then the words: its own lines are read after them in any case.
        self.happened(Event::Ended { tree_empty });
        if let Some(said) = said {
            self.say(&said);
        }
    }

    fn unwatch(&self, fd: &OwnedFd) {
        // Closing it would do as well; deregistering first keeps a late event from a reused descriptor.
        let _ = self.poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()));
    }

    fn look_at_tree(&mut self) {
        let ending = matches!(self.machine.phase, Phase::Ending { .. });
        if ending && self.child.is_none() && self.tree_is_empty() {
            self.happened(Event::TreeEmpty);
        }
    }

    /// The kernel knows at once whether anything is below us; looking through all processes takes milliseconds. That
    /// is needed while some came from an earlier wrapper.
    fn tree_is_empty(&mut self) -> bool {
        let lives = |pid: &i32| platform::start_time(*pid).is_some();
        let grouped = self.group.as_ref().is_some_and(|group| group.members().iter().any(lives));
        if grouped || (self.all_below && child::none_below()) {
            return !grouped;
        }
        let empty = self.tree().is_empty();
        self.all_below |= empty && self.subreaper;
        empty
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.happened(Event::Tick);
        }
        if self.log_has_more {
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
        self.log.rest();
        if std::mem::take(&mut self.flooded) {
            platform::resize_pipe(&self.pipe, PIPE.0);
        }
        if let Some(front) = &mut self.front {
            front.rest();
        }
        memory::give_back();
    }

    fn timeout(&self) -> Option<Duration> {
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
            self.log_has_more.then_some(now),
            self.front.as_ref().and_then(Front::next_deadline),
            self.entry_deadline(),
            (looking || leaving).then(|| now + LOOK),
        ];
        deadlines.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }
}

fn reserve_port(spec: &Spec, before: Option<Port>) -> Result<Option<Reserved>, WrapperError> {
    if !spec.front.as_ref().is_some_and(|front| front.entry == Entry::Port) {
        return Ok(None);
    }
    let again = before.map(|port| port::claim(&spec.ports_dir, port)).transpose()?.flatten();
    if again.is_some() {
        return Ok(again);
    }
    let found = port::reserve(&spec.ports_dir, spec.ports, std::process::id() as usize)?;
    found.map(Some).ok_or(WrapperError::NoPort(spec.ports.min(), spec.ports.max()))
}

/// A front needs two descriptors per connection, so the wrapper takes all it may have; its child gets what was there.
fn raise_file_limit() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok()?;
    Some(soft)
}
