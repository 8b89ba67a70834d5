//! The wrapper: one small process per instance. A pure [`Machine`](crate::machine) decides; this loop performs.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};
use dokuen_core::{EnvStore, Environment, Port, Stamp};
use jiff::Timestamp;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::signal::Signal;

use crate::child::{self, Child};
use crate::front::{Front, FrontError};
use crate::instance::{Instance, Report};
use crate::log::Log;
use crate::machine::{Action, Event, Limits, Machine, Phase};
use crate::platform;
use crate::port::{self, Reserved};
use crate::spec::{Spec, SpecError};

const SIGNALS: Token = Token(0);
const CONTROL: Token = Token(1);
const LOG: Token = Token(2);
const CHILD: Token = Token(3);
const FRONT: usize = 16;

/// A line without an end is shown after this long.
const PARTIAL: Duration = Duration::from_secs(1);
/// How often a tree that cannot be watched is looked at while it ends, and an adopted child where there is no pidfd.
const LOOK: Duration = Duration::from_millis(50);
/// A connection made in the moment of a switch is still accepted this long after it.
const LINGER: Duration = Duration::from_millis(500);
/// nginx closes its idle connections to a retired front after ten seconds; this is when waiting for it ends.
const LONGEST_LINGER: Duration = Duration::from_secs(15);

/// A wrapper that holds its lock and its port, and listens; nothing is started yet.
pub struct Wrapper {
    spec: Spec,
    instance: Instance,
    _lock: File,
    port: Option<Reserved>,
    poll: Poll,
    signals: signals::Signals,
    control: File,
    pipe: File,
    log: Log,
    front: Option<Front>,
    machine: Machine,
    child: Option<Child>,
    last_end: String,
    environment: Environment,
    partial_since: Option<Instant>,
    retired_at: Option<Instant>,
    reported: String,
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
    /// Takes everything the instance in `dir` needs, and what is left of an earlier wrapper's child.
    pub fn prepare(dir: &Path) -> Result<Self, WrapperError> {
        let spec = Spec::load(&dir.join("spec"))?;
        let parent = dir.parent().ok_or_else(|| WrapperError::NoInstance(dir.to_owned()))?;
        let instance = Instance::at(parent, spec.id.clone());
        let lock = fs::open_lock(&instance.file("lock"))?;
        lock.try_lock().map_err(|_| WrapperError::Taken(spec.id.to_string()))?;
        platform::become_subreaper();
        let poll = Poll::new()?;
        let adopted = Child::adopt(&child::mark(&instance));
        let port = reserve_port(&spec, adopted.as_ref().and_then(|_| instance.report().port))?;
        let front = match &spec.front {
            Some(paths) => Some(Front::bind(&paths.socket, poll.registry(), FRONT)?),
            None => None,
        };
        let limits = Limits { stop: spec.stop_timeout, drain: spec.drain_timeout };
        let machine = match &adopted {
            Some(_) => Machine::adopted(limits, instance.report().restarts, Instant::now()),
            None => Machine::new(limits, Instant::now()),
        };
        let wrapper = Self {
            signals: signals::Signals::new()?,
            control: fs::open_pipe(&instance.file("control"))?,
            pipe: fs::open_pipe(&instance.file("log"))?,
            log: Log::new(&spec.log, &spec.id.name(), spec.log_bytes),
            environment: Environment::from_nul(&fs::read(&instance.file("env"))?),
            child: adopted,
            _lock: lock,
            port,
            poll,
            front,
            machine,
            last_end: String::new(),
            partial_since: None,
            retired_at: None,
            reported: String::new(),
            instance,
            spec,
        };
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
    pub fn run(mut self) -> Result<(), WrapperError> {
        let mut events = Events::with_capacity(256);
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
        let in_flight = self.front.as_ref().map_or(0, Front::in_flight);
        self.happened(Event::InFlight(in_flight));
    }

    fn on_signals(&mut self) {
        let seen = self.signals.take();
        if seen.child {
            self.on_children();
        }
        if seen.stop {
            self.happened(Event::Stop);
        }
        if seen.restart {
            self.happened(Event::Restart);
        }
    }

    fn on_control(&mut self) {
        let mut letters = [0; 64];
        while let Ok(count @ 1..) = self.control.read(&mut letters) {
            for letter in &letters[..count] {
                match letter {
                    b't' => self.happened(Event::Stop),
                    b'r' => self.happened(Event::Restart),
                    // A letter of a later version: an old wrapper does what it knows.
                    _ => {}
                }
            }
        }
    }

    fn on_log(&mut self) {
        let mut buffer = [0; 64 * 1024];
        while let Ok(count @ 1..) = self.pipe.read(&mut buffer) {
            self.log.take(&buffer[..count], Timestamp::now());
        }
        self.partial_since = self.log.has_partial().then(|| self.partial_since.unwrap_or_else(Instant::now));
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
        self.on_log();
        self.log.end_partial(Timestamp::now());
        if !matches!(self.machine.phase, Phase::Ending { .. }) {
            self.say(&format!("the process {how}"));
        }
        self.last_end = how;
        let tree_empty = self.tree().is_empty();
        self.happened(Event::Ended { tree_empty });
    }

    fn unwatch(&self, fd: &OwnedFd) {
        // Closing it would do as well; deregistering first keeps a late event from a reused descriptor.
        let _ = self.poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()));
    }

    fn look_at_tree(&mut self) {
        let ending = matches!(self.machine.phase, Phase::Ending { .. });
        if ending && self.child.is_none() && self.tree().is_empty() {
            self.happened(Event::TreeEmpty);
        }
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.happened(Event::Tick);
        }
        if self.partial_since.is_some_and(|since| now - since >= PARTIAL) {
            self.log.end_partial(Timestamp::now());
            self.partial_since = None;
        }
        if let Some(front) = self.front.as_mut().filter(|front| front.next_deadline().is_some_and(|at| at <= now)) {
            front.tick(self.poll.registry(), now);
        }
        self.on_adopted();
        self.look_at_tree();
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let unwatched = self.child.as_ref().is_some_and(Child::needs_looking_at);
        let looking = matches!(self.machine.phase, Phase::Ending { .. }) || unwatched;
        let leaving = matches!(self.machine.phase, Phase::Gone);
        let deadlines = [
            self.machine.deadline(),
            self.partial_since.map(|since| since + PARTIAL),
            self.front.as_ref().and_then(Front::next_deadline),
            (looking || leaving).then(|| now + LOOK),
        ];
        deadlines.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    fn happened(&mut self, event: Event) {
        for action in self.machine.step(event, Instant::now()) {
            match action {
                Action::Start => self.start(),
                Action::StartAnew => {
                    self.reread_environment();
                    self.start();
                }
                Action::Signal => self.signal(self.spec.stop_signal),
                Action::Kill => self.signal(Signal::SIGKILL),
                Action::Hold => {
                    if let Some(front) = &mut self.front {
                        front.hold();
                    }
                }
                Action::Retire => self.retire(),
                Action::Leave => {}
            }
        }
    }

    fn start(&mut self) {
        let platform = child::platform_environment(&self.spec, self.port(), &self.instance);
        let mut environment = self.environment.clone();
        environment.0.extend(platform.0);
        match Child::start(&self.spec, &environment, &self.instance.file("log")) {
            Ok(child) => {
                self.child = Some(child);
                self.happened(Event::Started);
                self.report();
                self.open_front();
            }
            Err(e) => {
                self.last_end = format!("could not be started: {e}");
                self.say(&self.last_end.clone());
                self.happened(Event::NotStarted);
            }
        }
    }

    fn open_front(&mut self) {
        if let (Some(front), Some(reserved)) = (&mut self.front, &self.port) {
            front.open(self.poll.registry(), std::net::SocketAddr::from(([127, 0, 0, 1], reserved.port.get())));
        }
    }

    fn retire(&mut self) {
        self.retired_at.get_or_insert_with(Instant::now);
        if let (Some(front), Some(paths)) = (&mut self.front, &self.spec.front) {
            front.retire(self.poll.registry(), &paths.onward);
        }
    }

    fn reread_environment(&mut self) {
        let read = EnvStore::new(&self.spec.app_env).load().and_then(|app| child::environment(&self.spec, app));
        match read {
            Ok(environment) => {
                // Should this wrapper be killed, its successor starts the child with the same.
                let _ = fs::replace_report(&self.instance.file("env"), &environment.to_nul(), fs::PRIVATE_FILE);
                self.environment = environment;
            }
            Err(e) => self.say(&format!("the environment could not be read anew, the old one is kept: {e}")),
        }
    }

    fn tree(&self) -> Vec<platform::Member> {
        child::tree(&child::mark(&self.instance))
    }

    fn signal(&mut self, signal: Signal) {
        let tree = self.tree();
        child::signal_all(&tree, signal);
    }

    fn say(&mut self, text: &str) {
        self.log.say(text, Timestamp::now());
    }

    /// A retired front stays for connections that nginx may still use once, as long as it has any.
    fn may_leave(&self) -> bool {
        if self.machine.phase != Phase::Gone {
            return false;
        }
        match (&self.front, self.retired_at) {
            (Some(front), Some(at)) if self.is_routed_around() => {
                let idle = front.connections() == 0;
                at.elapsed() >= LONGEST_LINGER || (idle && at.elapsed() >= LINGER)
            }
            _ => true,
        }
    }

    /// Whether somebody else is live now; if nobody is, there is nobody to wait for.
    fn is_routed_around(&self) -> bool {
        self.spec.front.as_ref().is_some_and(|paths| paths.onward.exists())
    }

    fn report(&mut self) {
        let name = self.machine.name();
        let key =
            format!("{name} {} {:?} {}", self.machine.restarts, self.child.as_ref().map(|c| c.member), self.last_end);
        if key == self.reported {
            return;
        }
        self.reported = key;
        let report = Report {
            wrapper: Some(std::process::id() as i32),
            child: self.child.as_ref().map(|c| c.member.pid),
            child_started: self.child.as_ref().map(|c| c.member.started),
            port: self.port(),
            phase: name.to_owned(),
            since: Stamp::now().for_people(),
            restarts: self.machine.restarts,
            last_end: self.last_end.clone(),
        };
        // Reports are for people; an instance runs on without them.
        let _ = fs::replace_report(&self.instance.file("state"), report.render().as_bytes(), fs::PRIVATE_FILE);
        let port = self.port().map(|p| format!("port: {p}\n")).unwrap_or_default();
        let text = format!("---\npid: {}\n{port}", std::process::id());
        let _ = fs::replace_report(&self.spec.pid_file, text.as_bytes(), fs::PUBLIC_FILE);
    }

    fn leave(&mut self) {
        self.on_log();
        self.log.end_partial(Timestamp::now());
        // A restart within one release has put its own report there since.
        let mine =
            fs::read_text(&self.spec.pid_file).is_ok_and(|t| t.contains(&format!("pid: {}\n", std::process::id())));
        if mine {
            let _ = fs::remove(&self.spec.pid_file);
        }
        if let Some(paths) = &self.spec.front {
            let _ = fs::remove(&paths.socket);
        }
        let _ = fs::remove_tree(self.instance.dir());
    }
}

fn reserve_port(spec: &Spec, before: Option<Port>) -> Result<Option<Reserved>, WrapperError> {
    if spec.front.is_none() {
        return Ok(None);
    }
    let again = before.map(|port| port::claim(&spec.ports_dir, port)).transpose()?.flatten();
    if again.is_some() {
        return Ok(again);
    }
    let found = port::reserve(&spec.ports_dir, spec.ports, std::process::id() as usize)?;
    found.map(Some).ok_or(WrapperError::NoPort(spec.ports.min(), spec.ports.max()))
}

mod signals {
    //! Signals as a readable descriptor and flags: handlers do nothing but set and write.

    use std::io::Read;
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR2};

    pub struct Signals {
        read: UnixStream,
        stop: Arc<AtomicBool>,
        restart: Arc<AtomicBool>,
        child: Arc<AtomicBool>,
    }

    /// Which kinds came since the last look.
    pub struct Seen {
        pub stop: bool,
        pub restart: bool,
        pub child: bool,
    }

    impl Signals {
        pub fn new() -> std::io::Result<Self> {
            let (read, write) = UnixStream::pair()?;
            read.set_nonblocking(true)?;
            let signals = Self { read, stop: Arc::default(), restart: Arc::default(), child: Arc::default() };
            let kinds = [
                (SIGTERM, &signals.stop),
                (SIGINT, &signals.stop),
                (SIGUSR2, &signals.restart),
                (SIGCHLD, &signals.child),
            ];
            for (signal, flag) in kinds {
                signal_hook::flag::register(signal, Arc::clone(flag))?;
                signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
            }
            // A terminal that goes away is nothing to a wrapper: it has let go of it already.
            signal_hook::flag::register(SIGHUP, Arc::default())?;
            Ok(signals)
        }

        pub fn fd(&self) -> RawFd {
            self.read.as_raw_fd()
        }

        pub fn take(&mut self) -> Seen {
            let mut sink = [0; 64];
            while let Ok(1..) = self.read.read(&mut sink) {}
            let seen = |flag: &AtomicBool| flag.swap(false, Ordering::SeqCst);
            Seen { stop: seen(&self.stop), restart: seen(&self.restart), child: seen(&self.child) }
        }
    }
}
