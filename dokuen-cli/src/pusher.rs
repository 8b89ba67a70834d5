//! The client of a push, seen from its hook. git keeps the hook's output open when the client has gone, so that no write
//! fails and nothing ends: what goes is the process that git talks through, `git push` itself or sshd's.
//!
//! Where there is no `/proc` (macOS) nobody is known to have gone, and a push goes on to its end.

use std::os::unix::process::parent_id;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dokuen_core::ProcStat;
use dokuen_core::fs::FsError;
use nix::errno::Errno;

/// A process that was there, and whether it still was when it was looked at last.
#[derive(Debug)]
pub struct Pusher {
    pid: i32,
    started: u64,
    seen: Mutex<Instant>,
}

const PAUSE: Duration = Duration::from_millis(200);
/// Between receive-pack and the client stand at most a shell and an authorisation program or two.
const MOST: usize = 6;

impl Pusher {
    /// The nearest one above receive-pack, whose child this hook is.
    pub fn of_this_hook() -> Option<Self> {
        let mut pid = ProcStat::of_living(parent_id() as i32)?.parent;
        for _ in 0..MOST {
            let ProcStat { name, parent, started, .. } = ProcStat::of_living(pid)?;
            if name.starts_with("git") || name.starts_with("sshd") {
                return Some(Self { pid, started, seen: Mutex::new(Instant::now()) });
            }
            pid = parent;
        }
        None
    }

    /// Looks now and then.
    pub fn has_gone(&self) -> bool {
        let Ok(mut seen) = self.seen.lock() else { return false };
        if seen.elapsed() < PAUSE {
            return false;
        }
        let there = self.is_there(ProcStat::of(self.pid));
        if there {
            *seen = Instant::now();
        }
        !there
    }

    /// Who cannot be looked at (no descriptor is free for that) has not gone.
    fn is_there(&self, stat: Result<Option<ProcStat>, FsError>) -> bool {
        match stat {
            Ok(stat) => stat.is_some_and(|now| !now.is_zombie && now.started == self.started),
            Err(e) => !e.is_not_found() && e.source.raw_os_error() != Some(Errno::ESRCH as i32),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dokuen_core::cmd::Cmd;
    use dokuen_core::fs;

    use super::*;

    #[test]
    fn a_process_is_there_until_it_has_gone() {
        let mut child =
            Cmd::new("sleep", Path::new("/")).env("PATH", "/usr/bin:/bin").arg("60").to_std().spawn().unwrap();
        let pid = child.id() as i32;
        let stat = ProcStat::of_living(pid).unwrap();
        assert_eq!(stat.parent, std::process::id() as i32);
        let pusher = Pusher { pid, started: stat.started, seen: Mutex::new(Instant::now() - PAUSE) };
        assert!(!pusher.has_gone());
        child.kill().unwrap();
        child.wait().unwrap();
        std::thread::sleep(PAUSE);
        assert!(pusher.has_gone());
    }

    #[test]
    fn who_cannot_be_looked_at_has_not_gone() {
        let pusher = Pusher { pid: 7, started: 1, seen: Mutex::new(Instant::now()) };
        for (errno, there) in [
            (Errno::EMFILE, true),
            (Errno::ENFILE, true),
            (Errno::EIO, true),
            (Errno::ENOENT, false),
            (Errno::ESRCH, false),
        ] {
            let read = fs::at("read", Path::new("/proc/7/stat"), Err(errno.into()));
            assert_eq!(pusher.is_there(read), there, "{errno}");
        }
    }
}
