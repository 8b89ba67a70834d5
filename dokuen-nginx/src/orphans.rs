//! Dokuen's own nginx after it has lost its pid file, or its master: what is left of it is found by what it is.

use dokuen_core::fs;

use crate::error::NginxError;
use crate::identity::{find_master, is_still, listens, orphans};
use crate::own::{Own, until};
use crate::platform::{Farewell, Process, tell};
use crate::program::Nginx;

impl Own {
    /// Whether there is a master that can be told of changes, with the lock held: one whose pid file was removed has it
    /// again after this.
    pub(crate) fn finds_master(&self) -> Result<bool, NginxError> {
        if self.is_running() {
            return Ok(true);
        }
        let Some(pid) = find_master(&self.conf()) else { return Ok(false) };
        self.make_dir()?;
        fs::replace_report(&self.pid_file(), format!("{pid}\n").as_bytes(), fs::PUBLIC_FILE)?;
        Ok(true)
    }

    /// Workers whose master was killed have the port until they are told to go: then they hear no more connections at once
    /// and finish what they are at, within the time that their conf gives them.
    pub(crate) fn make_room(&self) -> Result<(), NginxError> {
        let orphans = self.orphans();
        if orphans.is_empty() {
            return Ok(());
        }
        // They serve still: an nginx that would not start is no reason to end them.
        Nginx::Own(self.clone()).test(&self.conf(), &self.places.own)?;
        self.tell(&orphans, Farewell::Quit);
        // One that is too busy to hear it is left to nginx, which tries to have the port for some seconds.
        until(self.places.patience, || !orphans.iter().any(listens));
        Ok(())
    }

    pub(crate) fn orphans(&self) -> Vec<Process> {
        orphans(&self.places.own, &self.pid_file())
    }

    pub(crate) fn tell(&self, orphans: &[Process], farewell: Farewell) {
        for process in orphans {
            tell(process, farewell, || is_still(process, &self.places.own, &self.pid_file()));
        }
    }
}
