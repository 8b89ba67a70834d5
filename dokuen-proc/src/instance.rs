//! An instance's directory, seen from outside: is it alive, what does it report, and how is it told something.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};
use dokuen_core::{App, Environment, Lock};
use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::report::Report;
use crate::spec::{InstanceId, Spec, SpecError};

/// An instance that runs, or once ran, by its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Which one.
    pub id: InstanceId,
    dir: PathBuf,
}

/// An instance that could not be reached or removed.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Its files.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Its spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It still ran when the time was over.
    #[error("{id} did not stop within {} s", limit.as_secs())]
    StillRunning {
        /// Which one.
        id: InstanceId,
        /// How long was waited.
        limit: Duration,
    },
    /// Its wrapper is gone, and something of it hangs in the kernel.
    #[error("{id} does not end, not even by KILL: process {pids}")]
    Unending {
        /// Which one.
        id: InstanceId,
        /// What is left of it.
        pids: String,
    },
}

impl Instance {
    /// The instance with its directory below `dir`.
    pub fn at(dir: &Path, id: InstanceId) -> Self {
        Self { dir: dir.join(id.to_string()), id }
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether a wrapper holds its lock. Two who look do not see each other.
    pub fn is_alive(&self) -> Result<bool, FsError> {
        // Never made here: a wrapper that leaves is removing this very directory.
        Lock::is_held(&self.file("lock"))
    }

    /// The lock, for its wrapper; `None` where another has it. Whoever only looks has it for no longer than that.
    pub(crate) fn claim(&self) -> Result<Option<File>, FsError> {
        const LOOKS: u32 = 20;
        let file = fs::open_lock(&self.file("lock"))?;
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::Error(e)) => return fs::at("lock", &self.file("lock"), Err(e)),
            }
        }
        Ok(None)
    }

    /// What the wrapper last said.
    pub fn report(&self) -> Report {
        let text = fs::read_text(&self.file("state")).unwrap_or_default();
        Report::parse(&text)
    }

    /// What it was told to run.
    pub fn spec(&self) -> Result<Spec, SpecError> {
        Spec::load(&self.file("spec"))
    }

    /// Tells the wrapper to drain and stop. A wrapper that is gone needs no telling.
    pub fn stop(&self) -> Result<(), FsError> {
        self.tell(b't')
    }

    /// Tells the wrapper to start its child anew, with the environment read anew.
    pub fn restart(&self) -> Result<(), FsError> {
        self.tell(b'r')
    }

    /// Has the wrapper listen again where nginx looks for it: see [`crate::has_door`]. One of before an upgrade may not know how.
    pub fn open_again(&self) -> Result<(), FsError> {
        self.tell(b'o')
    }

    /// The writing end of its control FIFO: it breaks (`POLLERR`) when the wrapper is gone. `None` when it is gone already.
    pub fn control(&self) -> Result<Option<std::fs::File>, FsError> {
        let path = self.file("control");
        let flags = (OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits();
        match OpenOptions::new().write(true).custom_flags(flags).open(&path) {
            Ok(fifo) => Ok(Some(fifo)),
            Err(e) if e.raw_os_error() == Some(Errno::ENXIO as i32) || e.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(e) => fs::at("open", &path, Err(e)),
        }
    }

    /// Whether it was told to drain and stop.
    pub fn is_retired(&self) -> bool {
        self.file("retired").exists()
    }

    /// Whether its directory holds all that a wrapper needs: the spec is written last and removed with the rest.
    pub fn is_complete(&self) -> bool {
        self.file("spec").exists()
    }

    /// Whether another wrapper could take it over: neither file is synced when it is written, so a power cut may leave one
    /// empty or full of zeros.
    pub fn is_whole(&self) -> bool {
        let environment = fs::read(&self.file("env")).unwrap_or_default();
        let has_path = Environment::from_nul(&environment).text("PATH").is_some();
        has_path && environment.ends_with(b"\0") && self.spec().is_ok()
    }

    /// A letter through the control FIFO reaches whoever holds it open: no pid is involved that could be reused.
    fn tell(&self, letter: u8) -> Result<(), FsError> {
        match self.control()? {
            Some(mut fifo) => fs::at("tell", &self.file("control"), fifo.write_all(&[letter])),
            None => Ok(()),
        }
    }

    /// Which processes of it were found to hang in the kernel: nobody waits for them a second time.
    pub fn unending(&self) -> Option<String> {
        fs::read_text(&self.file("unending")).ok()
    }

    pub(crate) fn note_unending(&self, pids: &str) -> Result<(), FsError> {
        fs::replace_report(&self.file("unending"), pids.as_bytes(), fs::PRIVATE_FILE)
    }

    /// Waits until no wrapper holds the lock; a wrapper leaves when its child and the child's children are gone.
    pub fn wait_gone(&self, limit: Duration) -> Result<(), InstanceError> {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        while self.is_alive()? {
            if Instant::now() >= deadline {
                return Err(InstanceError::StillRunning { id: self.id.clone(), limit });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Every instance of an app that has a directory, alive or not.
pub fn instances(app: &App) -> Result<Vec<Instance>, FsError> {
    let dir = app.instances_dir();
    let ids = fs::names(&dir)?;
    let mut all: Vec<_> = ids.iter().filter_map(|n| InstanceId::parse(n)).map(|id| Instance::at(&dir, id)).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

/// The generations that have a directory.
pub fn generations(app: &App) -> Result<Vec<u32>, FsError> {
    let mut all: Vec<_> = instances(app)?.into_iter().map(|i| i.id.generation).collect();
    all.dedup();
    Ok(all)
}

/// A generation number that no instance of the app has or had since `last_live`.
pub fn next_generation(app: &App, last_live: Option<u32>) -> Result<u32, FsError> {
    let seen = generations(app)?.into_iter().chain(last_live).max();
    Ok(seen.map_or(1, |g| g.wrapping_add(1).max(1)))
}

/// Tells instances to drain and stop; whoever wants may wait for them with [`Instance::wait_gone`].
/// What is left of one whose wrapper was killed is ended at once. One that gives trouble does not keep the others from
/// being told.
pub fn retire<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> Result<(), InstanceError> {
    instances.into_iter().map(retire_one).fold(Ok(()), Result::and)
}

fn retire_one(instance: &Instance) -> Result<(), InstanceError> {
    // Marked before it is told: a command that is killed in between has told nobody, and the next one does.
    let marked = match fs::replace_report(&instance.file("retired"), b"", fs::PRIVATE_FILE) {
        Err(e) if !e.is_not_found() => Err(e),
        _ => Ok(()),
    };
    // Asked a second time a wrapper hurries: what drains already is left to drain.
    let drains = matches!(instance.report().phase.as_str(), "draining" | "ending" | "gone");
    if !drains || !instance.is_alive()? {
        crate::ending::stop_or_end(instance, Duration::MAX)?;
    }
    Ok(marked?)
}

/// Removes the directories of instances that are gone, wrapper and children. The app's lock must be held.
pub fn sweep(app: &App) -> Result<(), InstanceError> {
    for instance in instances(app)? {
        if !instance.is_alive()? && crate::child::leftovers(&instance).is_empty() {
            crate::cgroup::remove_of(&instance);
            fs::remove_tree(instance.dir())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use dokuen_core::ProcessType;

    use super::*;

    #[test]
    fn a_wrapper_claims_its_instance_though_somebody_looks_and_nobody_claims_it_twice() {
        let dir = tempfile::tempdir().unwrap();
        let id = InstanceId { generation: 1, kind: ProcessType::web(), index: 1 };
        let instance = Instance::at(dir.path(), id);
        fs::make_dir(instance.dir(), fs::PRIVATE_DIR).unwrap();
        let looks = fs::open_lock(&instance.file("lock")).unwrap();
        looks.try_lock_shared().unwrap();
        assert!(!instance.is_alive().unwrap(), "a look is not seen by another");
        let claimed = std::thread::scope(|scope| {
            let claims = scope.spawn(|| instance.claim().unwrap());
            std::thread::sleep(Duration::from_millis(15));
            looks.unlock().unwrap();
            claims.join().unwrap()
        });
        assert!(claimed.is_some() && instance.is_alive().unwrap());
        assert!(instance.claim().unwrap().is_none());
    }
}
