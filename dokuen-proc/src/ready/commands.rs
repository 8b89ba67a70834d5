//! Checks that are commands: what an instance does not answer itself.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::watched::Watched;
use super::{ReadyError, check_wanted, has_door};
use crate::boot::Booted;
use crate::check::Command;
use crate::instance::Instance;

impl Booted {
    /// Runs all of them, one after the other.
    pub(super) fn run_commands(&self, begun: Instant, cancel: Option<&AtomicBool>) -> Result<(), ReadyError> {
        for instance in &self.started.instances {
            for command in self.plan.checks.commands.get(&instance.id.kind).into_iter().flatten() {
                self.run_until_it_succeeds(instance, command, begun, cancel)?;
            }
        }
        Ok(())
    }

    fn run_until_it_succeeds(
        &self,
        instance: &Instance,
        command: &Command,
        begun: Instant,
        cancel: Option<&AtomicBool>,
    ) -> Result<(), ReadyError> {
        let checks = &self.plan.checks;
        let mut watched = Watched::new(instance);
        watched.look();
        let within = checks.timeout + checks.alive(&instance.id.kind, has_door(&watched.report));
        loop {
            let Err(last) = command.run(instance, &watched.report, within.saturating_sub(begun.elapsed())) else {
                return Ok(());
            };
            // One that has ended meanwhile is why, and its log says more.
            self.look(&mut watched, begun, cancel)?;
            check_wanted(cancel)?;
            if begun.elapsed() + command.pause >= within {
                let (name, log) = (instance.id.name(), self.tail(instance));
                return Err(ReadyError::Unfit { name, within, last, log });
            }
            std::thread::sleep(command.pause);
        }
    }
}
