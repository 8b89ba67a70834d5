//! Whose logs are followed: the app that was asked for, whatever is called so later.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use dokuen_core::{App, Host, fs};

use crate::exit::{Exit, Failure};

/// An app's directory, held open: as long as it is, no other one has its inode.
#[derive(Debug)]
pub struct Home(File);

impl Home {
    /// Of an app that is there.
    pub fn of(app: &App) -> Result<Self, Failure> {
        Ok(Self(fs::open(app.dir())?))
    }

    /// The same app as it is called now; a failure when there is none any more.
    pub fn now(&self, host: &Host, known: &App) -> Result<App, Failure> {
        if self.is(known.dir()) {
            return Ok(known.clone());
        }
        // A rename takes the directory with it.
        let renamed = host.apps()?.into_iter().find(|app| self.is(app.dir()));
        renamed.ok_or_else(|| Failure::new(Exit::NotFound, format!("{} is gone", known.name)))
    }

    fn is(&self, dir: &Path) -> bool {
        let own = self.0.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        // Not where a link leads: one stays behind a rename.
        let there = dir.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        own.is_some() && own == there
    }
}
