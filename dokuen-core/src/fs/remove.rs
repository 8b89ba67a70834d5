//! Files and trees that go.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{FsError, at};

/// Removes a file or symlink; nothing there is fine.
pub fn remove(path: &Path) -> Result<(), FsError> {
    ignore_missing(at("remove", path, fs::remove_file(path)))
}

/// Removes a tree without following symlinks, or what else is there; nothing there is fine. Directories a build left
/// unwritable go too.
pub fn remove_tree(path: &Path) -> Result<(), FsError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => remove(path),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path);
            ignore_missing(at("remove", path, fs::remove_dir_all(path)))
        }
        other => ignore_missing(at("remove", path, other)),
    }
}

/// Gives the owner back the right to empty directories; `remove_tree` reports what still fails.
fn open_up(path: &Path) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    if !meta.is_dir() {
        return;
    }
    let _ = fs::set_permissions(path, Permissions::from_mode(meta.mode() | 0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

fn ignore_missing(result: Result<(), FsError>) -> Result<(), FsError> {
    match result {
        Err(e) if e.is_not_found() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_closed_directories_is_removed_and_its_symlinks_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("t"), dir.path().join("keep"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(&outside, b"x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/l")).unwrap();
        fs::set_permissions(tree.join("a"), Permissions::from_mode(0o500)).unwrap();
        remove_tree(&tree).unwrap();
        assert!(outside.exists() && !tree.exists());
        remove_tree(&tree).unwrap();
    }
}
