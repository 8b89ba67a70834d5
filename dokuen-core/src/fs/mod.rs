//! The door to files: errors name the path, changes are whole or not at all, planted symlinks are not followed.

#![expect(clippy::disallowed_methods, reason = "this is the door that the lint guards")]

mod links;
mod made;
mod open;
mod owner;
mod read;
mod remove;
mod replace;

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use links::{link, link_target, links, name_again, relink, relink_by, relink_report, swap};
pub use made::with_its_directory;
pub use open::{make_fifo, open, open_append, open_lock, open_lock_to_look, open_null, open_pipe, open_pipe_to_write};
pub use owner::{own_of_foreign, own_tree_of_foreign, set_mode_of_foreign};
pub use read::{read, read_foreign, read_if_there, read_text};
pub use remove::{remove, remove_tree};
pub use replace::{install, replace, replace_report, sweep_unfinished};

/// A secret: its owner only.
pub const PRIVATE_FILE: u32 = 0o600;
/// A directory of secrets: its owner only.
pub const PRIVATE_DIR: u32 = 0o700;
/// A file others may read, nginx's for one.
pub const PUBLIC_FILE: u32 = 0o644;
/// A directory others may look into.
pub const PUBLIC_DIR: u32 = 0o755;

/// What was being done, to which path, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} `{path}`")]
pub struct FsError {
    /// The verb: "read", "replace", ...
    pub action: &'static str,
    /// The path it was done to.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl FsError {
    /// Whether there was nothing at that path.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Names the action and the path of an `io::Error`.
pub fn at<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, FsError> {
    result.map_err(|source| FsError { action, path: path.to_owned(), source })
}

/// Makes a directory that must not be there yet.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), FsError> {
    at("make directory", path, DirBuilder::new().mode(mode).create(path))
}

/// Makes a directory and those above it; one that is there stays as it is.
pub fn make_dirs(path: &Path, mode: u32) -> Result<(), FsError> {
    at("make directory", path, DirBuilder::new().recursive(true).mode(mode).create(path))
}

/// Waits until all that was written below `path` is on the disk.
pub fn sync_tree(path: &Path) -> Result<(), FsError> {
    crate::platform::sync_file_system_of(path)
}

/// Gives something a name that nothing has yet, and makes it last. What cannot be made to last is not done: the old name
/// comes back with the error.
pub fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    rename_report(from, to)?;
    sync_dir(parent(to)).inspect_err(|_| drop(fs::rename(to, from)))
}

/// As [`rename`], without waiting for the disk: for what need not outlive a reboot.
pub fn rename_report(from: &Path, to: &Path) -> Result<(), FsError> {
    at("rename to", to, fs::rename(from, to))
}

/// Names in a directory, sorted; a missing directory has none. Names that are not UTF-8 are not ours and left out.
pub fn names(dir: &Path) -> Result<Vec<String>, FsError> {
    let entries = match at("list", dir, fs::read_dir(dir)) {
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(at("list", dir, entry)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Waits until the names in `dir` are on the disk.
pub fn sync_dir(dir: &Path) -> Result<(), FsError> {
    at("sync", dir, File::open(dir).and_then(|d| d.sync_all()))
}

/// Widens or narrows the mode of something that is ours and holds no secret.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), FsError> {
    at("set the mode of", path, fs::set_permissions(path, Permissions::from_mode(mode)))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}
