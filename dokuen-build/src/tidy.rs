//! Copies of buildpacks that nobody uses any more go: after a long time, and sooner when there are too many of them.
//!
//! When one was used last is the time of its directory, which each use sets. What was used lately stays in any case: a
//! build may be running in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dokuen_core::fs::{self, FsError};
use dokuen_core::{Lock, LockError};

use crate::error::BuildError;
use crate::scratch::{PREFIX, Scratch};
use crate::{built_in, tree};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer than any build may take.
const LATELY: Duration = DAY.saturating_mul(2);
/// Whoever has not used it for so long can fetch it again.
const LONG: Duration = DAY.saturating_mul(60);
/// Sooner when there are more of them than this, or when they are too large together.
const MOST: usize = 200;

/// A directory that can go as a whole.
struct Part {
    path: PathBuf,
    /// Held while it goes, where builds would fetch it again.
    lock: Option<PathBuf>,
    used: SystemTime,
    bytes: u64,
}

/// Notes that it is used now; says whether it is there.
pub(crate) fn use_now(path: &Path) -> bool {
    fs::open(path).is_ok_and(|file| file.set_modified(SystemTime::now()).is_ok()) && path.exists()
}

/// Removes what is too old, or too much with `most` bytes allowed: first what was used longest ago.
pub(crate) fn tidy(clones: &Path, most: u64, now: SystemTime) -> Result<(), BuildError> {
    let mut parts = parts(clones)?;
    parts.sort_by_key(|part| part.used);
    let (mut bytes, mut count) = (parts.iter().map(|part| part.bytes).sum::<u64>(), parts.len());
    for part in &parts {
        let wanted = part.is_used_within(LONG, now) && bytes <= most && count <= MOST;
        if wanted || part.is_used_within(LATELY, now) {
            break;
        }
        if part.remove(clones, now)? {
            (bytes, count) = (bytes - part.bytes, count - 1);
        }
    }
    Ok(())
}

fn parts(clones: &Path) -> Result<Vec<Part>, FsError> {
    let mut parts = Vec::new();
    for name in fs::names(clones)? {
        let path = clones.join(&name);
        if path.join("url").is_file() {
            let checkouts = fs::names(&path.join("at"))?.into_iter().map(|commit| path.join("at").join(commit));
            let lock = path.with_added_extension("lock");
            parts.extend(checkouts.map(|checkout| Part::new(checkout, Some(lock.clone()))));
            parts.push(Part::new(path, Some(lock)));
        } else if name.starts_with(PREFIX) || built_in::is_of_another_version(&name) {
            parts.push(Part::new(path, None));
        }
    }
    Ok(parts)
}

impl Part {
    fn new(path: PathBuf, lock: Option<PathBuf>) -> Self {
        // The checkouts of a clone are parts of their own.
        let weighed = if path.join("url").is_file() { path.join("git") } else { path.clone() };
        let entries = tree::walk(&weighed, &[]).filter_map(Result::ok);
        let bytes = entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
        Self { used: last_use(&path), path, lock, bytes }
    }

    fn is_used_within(&self, time: Duration, now: SystemTime) -> bool {
        now.duration_since(self.used).unwrap_or_default() < time
    }

    /// Says whether it went: not while a build fetches it, and not when it was used just now.
    fn remove(&self, clones: &Path, now: SystemTime) -> Result<bool, BuildError> {
        let _lock = match self.lock.as_deref().map(|path| Lock::try_take(path, "it", "tidying")).transpose() {
            Err(LockError::Busy { .. }) => return Ok(false),
            other => other?,
        };
        if !self.path.exists() {
            return Ok(true);
        }
        let scratch = Scratch::new(clones)?;
        let aside = scratch.path().join("aside");
        fs::rename(&self.path, &aside)?;
        let again = Self { used: last_use(&aside), path: aside, lock: None, bytes: 0 };
        if again.is_used_within(LATELY, now) {
            fs::rename(&again.path, &self.path)?;
            return Ok(false);
        }
        Ok(true)
    }
}

/// Of a clone: its own, or that of a checkout in it.
fn last_use(path: &Path) -> SystemTime {
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let checkouts = fs::names(&path.join("at")).unwrap_or_default();
    let checkouts = checkouts.into_iter().filter_map(|commit| time(&path.join("at").join(commit)));
    let own = if path.join("url").is_file() { time(&path.join("url")) } else { time(path) };
    checkouts.chain(own).max().unwrap_or(SystemTime::UNIX_EPOCH)
}
