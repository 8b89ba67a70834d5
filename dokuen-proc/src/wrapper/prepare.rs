//! The beginning: what a wrapper takes before anything is started, and the child of an earlier one.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Instant;

use dokuen_core::Port;
use dokuen_core::fs;
use mio::unix::SourceFd;
use mio::{Interest, Poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::again::Again;
use super::direct::Direct;
use super::{CHILD, CONTROL, FRONT, LOG, SIGNALS, Wrapper, WrapperError};
use crate::cgroup::{self, Group};
use crate::child::{self, Child};
use crate::front::Front;
use crate::instance::Instance;
use crate::log::{Files, Log, Next, Pauses};
use crate::machine::{Event, Limits, Machine};
use crate::platform;
use crate::port::{self, Reserved};
use crate::signals::Signals;
use crate::spec::{Entry, FrontPaths, Spec};

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
        let marked = if first { vec![] } else { child::marked(&instance) };
        let report = instance.report();
        let adopted = Child::adopt(&marked, &report);
        let left = if first { vec![] } else { child::with_group(marked, child::in_cgroup(&spec)) };
        let port = reserve_port(&spec, adopted.as_ref().and(report.port))?;
        let front = match &spec.front {
            // Its socket stays open without a front.
            Some(FrontPaths { entry: Entry::Fds(_), .. }) | None => None,
            Some(paths) => Some(Front::bind(&paths.socket, poll.registry(), FRONT)?),
        };
        let limits = Limits { stop: spec.stop_timeout, drain: spec.drain_timeout };
        let machine = match &adopted {
            Some(_) => Machine::adopted(limits, report.restarts, Instant::now()),
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
            pauses: Pauses::default(),
            next_lines: Next::News,
            log_watched: true,
            started: true,
            flooded: false,
            subreaper,
            all_below: subreaper && left.is_empty(),
            left_behind: !left.is_empty(),
            retired_at: None,
            reported: None,
            report_again: Again::default(),
            instance,
            spec,
        });
        wrapper.register()?;
        Ok(wrapper)
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

    pub(super) fn took_over(&mut self) -> Result<(), WrapperError> {
        self.say("a new wrapper has taken over; the process was not touched");
        if let Some(fd) = self.child.as_ref().and_then(|c| c.watched.as_ref()) {
            self.poll.registry().register(&mut SourceFd(&fd.as_raw_fd()), CHILD, Interest::READABLE)?;
        }
        self.take_listener_back();
        self.take_group_back();
        if self.port.is_some() && self.instance.report().port != self.port() {
            self.say("its port was taken meanwhile: it is started anew, at another one");
            self.told(Event::Restart);
        } else {
            self.open_front();
        }
        Ok(())
    }

    /// No child runs, but what an earlier one has started: that would hold its port and its locks.
    pub(super) fn end_what_is_left(&mut self) {
        self.say("the process has ended while nobody looked after it; what it left running is ended first");
        self.take_group_back();
        self.happened(Event::LeftBehind);
    }

    fn take_group_back(&mut self) {
        if let Some((dir, _)) = &self.spec.cgroup {
            // Where it cannot get there, that shows when it starts the next one.
            let _ = cgroup::enter(dir.parent().unwrap_or(dir), &self.spec.search_path);
        }
        // What runs is in it already, if it is anywhere.
        self.group = self
            .spec
            .cgroup
            .as_ref()
            .filter(|(dir, _)| dir.is_dir())
            .and_then(|(dir, bounds)| Group::make(dir, *bounds).ok());
    }
}

fn reserve_port(spec: &Spec, before: Option<Port>) -> Result<Option<Reserved>, WrapperError> {
    if !spec.front.as_ref().is_some_and(|front| front.entry == Entry::Port) {
        return Ok(None);
    }
    let again = before.map(|port| port::claim_again(&spec.ports_dir, port)).transpose()?.flatten();
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
