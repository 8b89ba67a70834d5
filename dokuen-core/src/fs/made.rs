//! Directories that somebody has removed, to free a disk for one: they come back where something is to be in them.

use std::path::Path;

use super::{FsError, PRIVATE_DIR, make_dir};

/// Makes something at `path`, where its directory is missing in that one made anew. Not those above it: where an app's own
/// directory is gone, so is the app.
pub fn with_its_directory<T>(path: &Path, make: impl Fn() -> Result<T, FsError>) -> Result<T, FsError> {
    match (make(), path.parent()) {
        (Err(e), Some(dir)) if e.is_not_found() => {
            // Somebody else may have been quicker; what else is wrong is said by the next try.
            let _ = make_dir(dir, PRIVATE_DIR);
            make()
        }
        (made, _) => made,
    }
}

#[cfg(test)]
mod tests {
    use super::super::PRIVATE_FILE;
    use super::*;

    #[test]
    fn one_directory_is_made_and_none_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        let replace = || super::super::replace(&path, b"x", PRIVATE_FILE);
        assert!(with_its_directory(&path, replace).is_err() && !dir.path().join("a").exists());
        make_dir(&dir.path().join("a"), PRIVATE_DIR).unwrap();
        with_its_directory(&path, replace).unwrap();
        assert!(path.exists());
    }
}
