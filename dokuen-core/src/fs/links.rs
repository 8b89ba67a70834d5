//! Symlinks, which change in one step, and further names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BESIDE, FsError, at, parent, sync_dir};

/// Makes a symlink that must not be there yet.
pub fn link(target: &Path, link: &Path) -> Result<(), FsError> {
    at("link", link, std::os::unix::fs::symlink(target, link))
}

/// Makes `link` point at `target` in one step: a reader sees the old target or the new one, never nothing.
pub fn relink(target: &Path, link: &Path) -> Result<(), FsError> {
    relink_report(target, link)?;
    sync_dir(parent(link))
}

/// As [`relink`], without waiting for the disk: for the run directory, which a reboot empties.
pub fn relink_report(target: &Path, link: &Path) -> Result<(), FsError> {
    let dir = parent(link);
    let made = tempfile::Builder::new().prefix(BESIDE).make_in(dir, |path| std::os::unix::fs::symlink(target, path));
    let beside = at("link", link, made)?.into_temp_path();
    at("link", link, fs::rename(&beside, link))?;
    // The name is gone by the rename: nothing is left to clean up.
    let _ = beside.keep();
    Ok(())
}

/// Where a symlink points, `None` when there is none.
pub fn link_target(link: &Path) -> Result<Option<PathBuf>, FsError> {
    match at("read link", link, fs::read_link(link)) {
        Ok(target) => Ok(Some(target)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

/// Gives a file a further name; where that cannot be (another file system, too many names), a copy with its mode. What has
/// the name already stays.
pub fn name_again(file: &Path, name: &Path) -> Result<(), FsError> {
    match fs::hard_link(file, name) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => at("copy to", name, fs::copy(file, name).map(drop)),
        Ok(()) => Ok(()),
    }
}
