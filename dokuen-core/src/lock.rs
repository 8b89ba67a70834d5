//! One writer at a time, by a lock that dies with its holder.

use std::fs::{File, Metadata, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{fs, stamp::Stamp};

/// A held `flock`. It is never inherited (close-on-exec) and ends with the process, even by `kill -9`.
///
/// Who lets go of it takes their name out of the file: one that is there belongs to a holder at work, or to one that was
/// killed over it ([`Lock::is_signed`]).
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A lock that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it: who, and since when, as they wrote it there.
    #[error("{what} is busy: {holder}")]
    Busy {
        /// What is locked, in the user's words.
        what: String,
        /// `pid 12 has been deploying since 2026-01-01 12:00:00 UTC`.
        holder: String,
    },
    /// What was to be locked is not there any more, or something else has its place.
    #[error("{what} was renamed or destroyed meanwhile")]
    Gone {
        /// What was to be locked, in the user's words.
        what: String,
    },
    /// The lock file itself failed.
    #[error("failed to lock `{path}`")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The lock file could not be opened.
    #[error(transparent)]
    Open(#[from] fs::FsError),
}

impl Lock {
    /// Takes the lock at `path` now or says who has it. `what` names the thing ("app hello"), `doing` the work.
    pub fn try_take(path: &Path, what: &str, doing: &str) -> Result<Self, LockError> {
        let mut file = fs::open_lock(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&mut file);
                return Err(LockError::Busy { what: what.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(LockError::Io { path: path.to_owned(), source }),
        }
        sign(&mut file, doing);
        Ok(Self { file })
    }

    /// Waits for the lock as long as it takes; for locks held only for moments.
    pub fn take(path: &Path, doing: &str) -> Result<Self, LockError> {
        let mut file = fs::open_lock(path)?;
        file.lock().map_err(|source| LockError::Io { path: path.to_owned(), source })?;
        sign(&mut file, doing);
        Ok(Self { file })
    }

    /// Whether it is the lock of what is at `path` now: its directory may have been moved, and another have come.
    pub fn is_at(&self, path: &Path) -> bool {
        let id = |meta: std::io::Result<Metadata>| meta.ok().map(|meta| (meta.dev(), meta.ino()));
        id(path.symlink_metadata()).is_some_and(|there| id(self.file.metadata()) == Some(there))
    }

    /// Whether somebody has the lock at `path`. Two who look do not see each other.
    pub fn is_held(path: &Path) -> Result<bool, fs::FsError> {
        let Some(file) = fs::open_lock_to_look(path)? else { return Ok(false) };
        match file.try_lock_shared() {
            // Said, and not left to the closing: a program that another thread is just starting has a copy of it.
            Ok(()) => fs::at("unlock", path, file.unlock()).map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(e)) => fs::at("lock", path, Err(e)),
        }
    }

    /// Whether somebody is at work, or was killed at it. A look, which takes nothing and waits for nobody.
    pub fn is_signed(path: &Path) -> Result<bool, fs::FsError> {
        match fs::at("inspect", path, path.symlink_metadata()) {
            Err(e) if e.is_not_found() => Ok(false),
            other => Ok(other?.len() > 0),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A name that stays costs the next one a look around, no more.
        let _ = self.file.set_len(0);
        // Closing alone lets go too late where another thread is just starting a program: until that runs it has a copy.
        let _ = self.file.unlock();
    }
}

/// The name in the file is a courtesy to whoever waits: a full disk must not keep the holder from its work.
fn sign(file: &mut File, doing: &str) {
    let text = format!("pid {} has been {doing} since {} UTC\n", std::process::id(), Stamp::now().for_people());
    let _ = file.rewind();
    let _ = file.set_len(0);
    let _ = file.write_all(text.as_bytes());
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(200).read_to_string(&mut text);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() { "another command is at work on it".to_owned() } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_is_told_who_has_it_and_gets_it_after() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::try_take(&path, "app hello", "deploying").unwrap();
        let refused = Lock::try_take(&path, "app hello", "scaling").unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("app hello is busy: pid {} has been deploying since ", std::process::id())),
            "{refused}"
        );
        assert!(Lock::is_signed(&path).unwrap());
        drop(held);
        assert!(!Lock::is_signed(&path).unwrap());
        assert!(Lock::try_take(&path, "app hello", "scaling").is_ok());
    }

    #[test]
    fn a_copy_of_the_handle_in_a_process_that_is_just_starting_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::try_take(&path, "app hello", "deploying").unwrap();
        let copy = held.file.try_clone().unwrap();
        drop(held);
        assert!(Lock::try_take(&path, "app hello", "scaling").is_ok());
        drop(copy);
    }
}
