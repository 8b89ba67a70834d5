//! What a walk has done so far and takes back when it is not kept.

use std::path::PathBuf;

use dokuen_core::ledger::{self, Live, Version, Written};
use dokuen_core::releases::{self, Unfinished};
use dokuen_core::{App, Host, fs};

use super::Next;
use crate::exit::Failure;

/// The ledger entry and the config vars of a release, and that the app is not shut down; taken back unless they are
/// kept: only what was live once has a number, and a config that did not go live is not kept.
pub struct Filed<'a> {
    app: &'a App,
    version: Option<Version>,
    was_stopped: bool,
    kept: bool,
}

impl<'a> Filed<'a> {
    pub fn new(app: &'a App, entry: Option<Written>, next: &Next, live: Live) -> Result<Self, Failure> {
        let mut filed = Self { app, version: None, was_stopped: app.stopped_file().exists(), kept: false };
        if let Some(entry) = entry {
            filed.version = Some(live.version);
            entry.file()?;
        }
        ledger::change_config(app, live.generation, &next.config)?;
        fs::remove(&app.stopped_file())?;
        Ok(filed)
    }

    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Filed<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // What fails here is found by the next command: a number above the live one is forgotten, and config vars that
        // did not go live are taken back.
        if let Some(version) = self.version {
            let _ = ledger::forget(self.app, version);
        }
        if self.was_stopped {
            let _ = fs::replace(&self.app.stopped_file(), b"", fs::PRIVATE_FILE);
        }
        let _ = ledger::take_back_config(self.app, ledger::live(self.app).unwrap_or_default());
    }
}

/// The directory of a release that did not come about is removed, so that a failed push leaves nothing; the build's
/// scratch space goes in any case.
pub struct SweepUnless<'a> {
    app: &'a App,
    scratch: PathBuf,
    path: Option<PathBuf>,
}

impl<'a> SweepUnless<'a> {
    pub fn new(host: &Host, app: &'a App, cut: &Unfinished) -> Self {
        Self { app, scratch: host.scratch_of(&app.name), path: Some(cut.path().to_owned()) }
    }

    pub fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for SweepUnless<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next command.
        let _ = fs::remove_tree(&self.scratch);
        let Some(path) = &self.path else { return };
        // A disk that took the symlink and would not give it back: what `current` leads to stays, whatever came of it.
        let is_current = releases::current(self.app).map_or(true, |tree| tree.is_some_and(|tree| tree.path() == path));
        if !is_current {
            let _ = fs::remove_tree(path);
        }
    }
}
