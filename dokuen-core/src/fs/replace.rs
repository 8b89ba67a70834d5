//! Files that are put in their place whole or not at all, and what a killed writer leaves of them.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{FsError, at, names, parent, read, remove_tree, sync_dir};

/// How names begin that are renamed once they are whole.
pub(super) const BESIDE: &str = ".new-";

/// So often a writer that holds no lock may be met by the sweep of a command that does.
const MOST_SWEEPS: u32 = 20;

/// Puts `bytes` at `path`, whole or not at all: written beside, fsynced, renamed, and the directory fsynced. A
/// [`sweep_unfinished`] at the same time does it no harm.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    replace_unsynced_dir(path, bytes, mode, true)?;
    sync_dir(parent(path))
}

/// As [`replace`], without waiting for the disk: for reports that a reboot makes void anyway.
pub fn replace_report(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    replace_unsynced_dir(path, bytes, mode, false)
}

fn replace_unsynced_dir(path: &Path, bytes: &[u8], mode: u32, sync: bool) -> Result<(), FsError> {
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(BESIDE)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(parent(path))?;
        file.write_all(bytes)?;
        if mode & 0o077 != 0 {
            // A narrow umask took bits away; only what others may read is ever widened.
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        if sync {
            file.as_file().sync_all()?;
        }
        file.persist(path)?;
        Ok(())
    };
    let mut written = write();
    for _ in 0..MOST_SWEEPS {
        // Only a sweep takes the file away before it has its name; without the directory nothing more can be done.
        if !matches!(&written, Err(e) if e.kind() == io::ErrorKind::NotFound && parent(path).is_dir()) {
            break;
        }
        written = write();
    }
    at("write", path, written)
}

/// Copies one file with its mode, whole or not at all.
pub fn install(from: &Path, to: &Path, mode: u32) -> Result<(), FsError> {
    replace(to, &read(from)?, mode)
}

/// Removes what writers beside their target were killed over. Only where nobody else writes at the moment, but for
/// [`replace`] and [`replace_report`]: these write again.
pub fn sweep_unfinished(dir: &Path) -> Result<(), FsError> {
    for name in names(dir)?.into_iter().filter(|name| is_beside(name)) {
        remove_tree(&dir.join(name))?;
    }
    Ok(())
}

/// Exactly what `tempfile` makes of the prefix: other people's names are not ours to remove.
fn is_beside(name: &str) -> bool {
    let random = name.strip_prefix(BESIDE);
    random.is_some_and(|random| random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::super::{PRIVATE_DIR, PRIVATE_FILE, make_dirs};
    use super::*;

    #[test]
    fn replace_gives_the_mode_and_keeps_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("A");
        replace(&path, b"one", PRIVATE_FILE).unwrap();
        replace(&path, b"two", PRIVATE_FILE).unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()).unwrap(), ["A"]);
    }

    #[test]
    fn what_a_killed_writer_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        replace(&dir.path().join(".new-a1b2c3"), b"half", PRIVATE_FILE).unwrap();
        make_dirs(&dir.path().join(".new-d4e5f6/env"), PRIVATE_DIR).unwrap();
        for whole in ["new", ".new-app", ".new-a1b2c"] {
            replace(&dir.path().join(whole), b"whole", PRIVATE_FILE).unwrap();
        }
        sweep_unfinished(dir.path()).unwrap();
        sweep_unfinished(&dir.path().join("missing")).unwrap();
        assert_eq!(names(dir.path()).unwrap(), [".new-a1b2c", ".new-app", "new"]);
    }

    /// `apps:lock` writes without the app's lock, while a push sweeps the same directory.
    #[test]
    fn a_sweep_that_runs_beside_fails_no_writer() {
        let dir = tempfile::tempdir().unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep_unfinished(dir.path()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
            });
            let failed = (0..500).filter(|_| replace_report(&dir.path().join("A"), b"text", PRIVATE_FILE).is_err());
            let failed = failed.count();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(failed, 0);
        });
        assert!(replace(&dir.path().join("missing/A"), b"text", PRIVATE_FILE).unwrap_err().is_not_found());
    }
}
