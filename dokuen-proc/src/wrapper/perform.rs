//! What the machine decided, done: one small function per action.

use std::net::SocketAddr;
use std::time::Instant;

use dokuen_core::{EnvStore, Environment, fs};
use jiff::Timestamp;
use nix::sys::signal::Signal;

use super::Wrapper;
use crate::cgroup::{Bounds, Group};
use crate::child::{self, Child, Start};
use crate::environment::{lasting_environment, mark, platform_environment};
use crate::machine::{Action, Event};
use crate::platform;

impl Wrapper {
    pub(super) fn happened(&mut self, event: Event) {
        for action in self.machine.step(event, Instant::now()) {
            match action {
                Action::Start => self.start(),
                Action::StartAnew => {
                    self.reread_environment();
                    self.start();
                }
                Action::Signal => self.signal(self.spec.stop_signal),
                Action::Kill => {
                    if let Some(group) = &self.group {
                        group.kill();
                    }
                    self.signal(Signal::SIGKILL);
                }
                Action::Hold => self.hold(),
                Action::Retire => self.retire(),
                Action::Leave => {}
            }
        }
    }

    fn start(&mut self) {
        // Somebody has removed its directory: nobody can tell it anything any more, and nobody wants it.
        if !self.instance.is_complete() {
            return self.happened(Event::Stop);
        }
        match self.start_child() {
            Ok(child) => {
                self.child = Some(child);
                self.started = true;
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

    fn start_child(&mut self) -> Result<Child, String> {
        // Read at each start, not kept: it is what of a wrapper's memory would be large.
        let mut environment = Environment::from_nul(&fs::read(&self.instance.file("env")).map_err(|e| chain(&e))?);
        environment.0.extend(platform_environment(&self.spec, self.port(), &self.instance).0);
        self.clear_entry().map_err(|e| chain(&e))?;
        let trouble = self.make_group().err();
        let start = Start {
            spec: &self.spec,
            environment: &environment,
            log_pipe: &self.instance.file("log"),
            files: self.soft_files,
            listener: self.listener.as_ref(),
            group: self.group.as_ref(),
        };
        let child = Child::start(&start).map_err(|e| chain(&e))?;
        let pid = child.member.pid;
        let trouble = trouble.or_else(|| self.group.as_ref().and_then(|group| group.add(pid).err()));
        self.group_is_of_use(trouble);
        Ok(child)
    }

    fn make_group(&mut self) -> std::io::Result<()> {
        // Opened again also where there is one: a wrapper that has taken over need not be where its child is.
        if let Some((dir, bounds)) = &self.spec.cgroup {
            self.group = Some(Group::open(dir, *bounds, &self.spec.search_path)?);
        }
        Ok(())
    }

    /// A child that cannot have a cgroup runs without one. Where it was to have limits, its log says that it has none.
    fn group_is_of_use(&mut self, trouble: Option<std::io::Error>) {
        let Some(trouble) = trouble else { return };
        self.group = None;
        if self.spec.cgroup.as_ref().is_some_and(|(_, bounds)| *bounds != Bounds::default()) {
            self.say(&format!("the limits are not in force: {trouble}"));
        }
    }

    pub(super) fn open_front(&mut self) {
        self.await_entry();
        if let (Some(front), Some(reserved)) = (&mut self.front, &self.port) {
            front.open(self.poll.registry(), SocketAddr::from(([127, 0, 0, 1], reserved.port.get())));
        }
    }

    fn retire(&mut self) {
        self.retired_at.get_or_insert_with(Instant::now);
        if let (Some(front), Some(paths)) = (&mut self.front, &self.spec.front) {
            front.retire(self.poll.registry(), &paths.onward);
        }
    }

    fn reread_environment(&mut self) {
        let read = EnvStore::new(&self.spec.app_env).load().and_then(|app| lasting_environment(&self.spec, app));
        // Should this wrapper be killed, its successor starts the child with the same.
        let file = self.instance.file("env");
        let kept = read.and_then(|new| fs::replace_report(&file, &new.to_nul(), fs::PRIVATE_FILE));
        if let Err(e) = kept {
            self.say(&format!("the environment could not be read anew, the old one is kept: {e}"));
        }
    }

    pub(super) fn tree(&self) -> Vec<platform::Member> {
        child::tree(&mark(&self.instance), self.group.as_ref())
    }

    fn signal(&mut self, signal: Signal) {
        let tree = self.tree();
        child::signal_all(&tree, signal);
    }

    pub(super) fn say(&mut self, text: &str) {
        self.log.say(text, Timestamp::now());
    }
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
