//! A file of an app's front door that comes back as it was unless its change is kept.

use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};

/// A file before its change. Dropped without [`Saved::keep`], it is put back.
#[must_use = "a change is undone when it is dropped; `keep` it once nginx has it"]
#[derive(Debug)]
pub struct Saved {
    path: PathBuf,
    before: Option<Option<Vec<u8>>>,
}

impl Saved {
    /// Writes the file, or removes it, 0600 as all state of a front door is.
    pub fn change(path: &Path, bytes: Option<&[u8]>) -> Result<Self, FsError> {
        let saved = Self { path: path.to_owned(), before: Some(fs::read_if_there(path)?) };
        write(path, bytes)?;
        Ok(saved)
    }

    /// It stays.
    pub fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // The first error is the one to tell; what the disk refuses now it refused before.
            let _ = write(&self.path, before.as_deref());
        }
    }
}

fn write(path: &Path, bytes: Option<&[u8]>) -> Result<(), FsError> {
    match bytes {
        Some(bytes) => {
            if let Some(dir) = path.parent() {
                fs::make_dirs(dir, fs::PRIVATE_DIR)?;
            }
            fs::replace(path, bytes, fs::PRIVATE_FILE)
        }
        None => fs::remove(path),
    }
}
