//! Lock files of git's own that a killed push has left in a repository: git would refuse every push after it, and only
//! once the app has gone live.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use dokuen_core::Transcript;
use dokuen_core::fs::{self, FsError};

use crate::printer::Printer;

/// git holds such a lock for the moments of its last step. One as old as this is nobody's any more; were it somebody's
/// all the same, his push would be refused, and nothing else.
const STALE: Duration = Duration::from_secs(5);

/// Waits for, or removes, the locks of what a push to `repo` is to change: these `refs`, and what goes with any of them.
pub fn clear<'a>(repo: &Path, refs: impl Iterator<Item = &'a str>, out: &mut Printer) -> Result<(), FsError> {
    let begun = Instant::now();
    for name in ["HEAD", "packed-refs"].into_iter().chain(refs) {
        let lock = repo.join(format!("{name}.lock"));
        while let Some(age) = age(&lock) {
            if age >= STALE || begun.elapsed() >= STALE {
                fs::remove(&lock)?;
                out.fact(&format!("git's `{name}.lock`, which a killed push has left, was removed"));
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// `None` when it is not there; one of the future has no age.
fn age(lock: &Path) -> Option<Duration> {
    let changed = lock.symlink_metadata().ok()?.modified().ok()?;
    Some(SystemTime::now().duration_since(changed).unwrap_or_default())
}
