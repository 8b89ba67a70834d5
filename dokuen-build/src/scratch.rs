//! A private directory that goes with its holder, even when a build closed parts of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};

/// 0700, with a name nobody can guess, removed on drop.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

/// What the names of all of them begin with.
pub(crate) const PREFIX: &str = ".new-";

impl Scratch {
    /// A new one in `parent`, which is made when it is missing.
    pub fn new(parent: &Path) -> Result<Self, FsError> {
        fs::make_dirs(parent, fs::PRIVATE_DIR)?;
        let made = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(fs::PRIVATE_DIR))
            .tempdir_in(parent);
        Ok(Self(fs::at("make a directory in", parent, made)?.keep()))
    }

    /// Removes what a `kill -9` left of earlier ones. Only for who holds the lock of `parent`.
    pub fn sweep(parent: &Path) -> Result<(), FsError> {
        let mut stale = fs::names(parent)?.into_iter().filter(|name| name.starts_with(PREFIX));
        stale.try_for_each(|name| fs::remove_tree(&parent.join(name)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is swept with the rest of the scratch space; nobody could do more about it here.
        let _ = fs::remove_tree(&self.0);
    }
}
