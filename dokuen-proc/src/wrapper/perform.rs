//! What the machine decided, done: one small function per action.

use std::net::SocketAddr;
use std::time::Instant;

use dokuen_core::{EnvStore, fs};
use jiff::Timestamp;
use nix::sys::signal::Signal;

use super::Wrapper;
use crate::child::{self, Child};
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
        match Child::start(&self.spec, &environment, &self.instance.file("log"), self.soft_files) {
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

    pub(super) fn open_front(&mut self) {
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

    pub(super) fn tree(&self) -> Vec<platform::Member> {
        child::tree(&child::mark(&self.instance))
    }

    fn signal(&mut self, signal: Signal) {
        let tree = self.tree();
        child::signal_all(&tree, signal);
    }

    pub(super) fn say(&mut self, text: &str) {
        self.log.say(text, Timestamp::now());
    }
}
