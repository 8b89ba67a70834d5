//! The client of a push, seen from its hook. git keeps the hook's output open when the client has gone, so that no write
//! fails and nothing ends: what goes is the process that git talks through, `git push` itself or sshd's.
//!
//! Where there is no `/proc` (macOS) nobody is known to have gone, and a push goes on to its end.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};
use nix::errno::Errno;

/// A process that was there, and whether it still was when it was looked at last.
#[derive(Debug)]
pub struct Pusher {
    pid: u32,
    started: String,
    seen: Mutex<Instant>,
}

const PAUSE: Duration = Duration::from_millis(200);
/// Between receive-pack and the client stand at most a shell and an authorisation program or two.
const MOST: usize = 6;

impl Pusher {
    /// The nearest one above receive-pack, whose child this hook is.
    pub fn of_this_hook() -> Option<Self> {
        let mut process = Process::of(std::os::unix::process::parent_id())?;
        for _ in 0..MOST {
            process = Process::of(process.parent)?;
            if process.name.starts_with("git") || process.name.starts_with("sshd") {
                return Some(Self { pid: process.pid, started: process.started, seen: Mutex::new(Instant::now()) });
            }
        }
        None
    }

    /// Looks now and then.
    pub fn has_gone(&self) -> bool {
        let Ok(mut seen) = self.seen.lock() else { return false };
        if seen.elapsed() < PAUSE {
            return false;
        }
        let there = self.is_there(stat(self.pid));
        if there {
            *seen = Instant::now();
        }
        !there
    }

    /// Who cannot be looked at (no descriptor is free for that) has not gone.
    fn is_there(&self, stat: Result<Vec<u8>, FsError>) -> bool {
        match stat {
            Ok(stat) => Process::parse(self.pid, &stat).is_some_and(|now| now.started == self.started),
            Err(e) => !e.is_not_found() && e.source.raw_os_error() != Some(Errno::ESRCH as i32),
        }
    }
}

fn stat(pid: u32) -> Result<Vec<u8>, FsError> {
    fs::read(&PathBuf::from(format!("/proc/{pid}/stat")))
}

struct Process {
    pid: u32,
    name: String,
    parent: u32,
    started: String,
}

impl Process {
    /// A living one. Its name may hold anything, also blanks and parentheses: fields are counted from the last `)`.
    fn of(pid: u32) -> Option<Self> {
        Self::parse(pid, &stat(pid).ok()?)
    }

    fn parse(pid: u32, stat: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(stat);
        let (head, tail) = text.rsplit_once(')')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        let living = !matches!(*fields.first()?, "Z" | "X");
        let name = head.split_once('(')?.1.to_owned();
        let (parent, started) = (fields.get(1)?.parse().ok()?, (*fields.get(19)?).to_owned());
        living.then_some(Self { pid, name, parent, started })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dokuen_core::cmd::Cmd;

    use super::*;

    #[test]
    fn a_process_is_there_until_it_has_gone() {
        let mut child =
            Cmd::new("sleep", Path::new("/")).env("PATH", "/usr/bin:/bin").arg("60").to_std().spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        assert_eq!(process.parent, std::process::id());
        let seen = Mutex::new(Instant::now() - PAUSE);
        let pusher = Pusher { pid: process.pid, started: process.started, seen };
        assert!(!pusher.has_gone());
        child.kill().unwrap();
        child.wait().unwrap();
        std::thread::sleep(PAUSE);
        assert!(pusher.has_gone());
    }

    #[test]
    fn who_cannot_be_looked_at_has_not_gone() {
        let pusher = Pusher { pid: 7, started: "1".to_owned(), seen: Mutex::new(Instant::now()) };
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
