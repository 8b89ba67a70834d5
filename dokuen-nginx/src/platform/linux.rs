//! Linux's way: `/proc` and pidfds.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dokuen_core::{ProcStat, fs};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Farewell, Process, TITLE};

/// The words of a process, one space between each; a zombie has none.
pub fn command_line(pid: i32) -> Option<String> {
    let bytes = fs::read(&place(pid, "cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

/// Every process of nginx on this machine, without those in containers: paths mean something else there.
pub fn nginxes() -> Vec<Process> {
    let names = fs::names(Path::new("/proc")).unwrap_or_default();
    names.iter().filter_map(|name| look(name.parse().ok()?)).collect()
}

/// The process with this number, if nginx's.
pub fn look(pid: i32) -> Option<Process> {
    let title = command_line(pid).filter(|line| line.starts_with(TITLE))?.trim_end().to_owned();
    let ProcStat { parent, group, .. } = ProcStat::of(pid).ok()??;
    if is_contained(pid)? {
        return None;
    }
    Some(Process { pid, parent, group, account: place(pid, "").metadata().ok()?.uid(), title })
}

/// A process in a container has a second number there.
fn is_contained(pid: i32) -> Option<bool> {
    let status = fs::read_text(&place(pid, "status")).ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    Some(numbers.split_ascii_whitespace().count() > 1)
}

/// Whether it has a log in this directory open, also one that was renamed or removed since; `None` where that may not be
/// looked at: workers of another account, in a container whose root is not let see them.
pub fn has_log_below(pid: i32, dir: &Path) -> Option<bool> {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let open = place(pid, "fd");
    let names = fs::names(&open).ok()?;
    Some(names.iter().filter_map(|name| open.join(name).read_link().ok()).any(|file| is_log_in(&file, &dir)))
}

fn is_log_in(file: &Path, dir: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.parent() == Some(dir) && name.contains(".log")
}

/// Opened first, compared second, told third: the signal cannot reach a successor with the same number.
pub fn tell(process: &Process, farewell: Farewell, is_still: impl FnOnce() -> bool) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if is_still() {
        // It may end at any moment; then there is nobody left to tell.
        let _ = pidfd_send_signal(fd, signal(farewell));
    }
}

fn signal(farewell: Farewell) -> Signal {
    match farewell {
        Farewell::Quit => Signal::QUIT,
        Farewell::Stop => Signal::TERM,
    }
}

fn place(pid: i32, what: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_log_of_this_directory_counts() {
        for (file, counts) in [
            ("/d/own/error.log", true),
            ("/d/own/access.log.1", true),
            ("/d/own/error.log (deleted)", true),
            ("/d/own/nginx.conf", false),
            ("/d/own/below/error.log", false),
            ("/d/owner/error.log", false),
            ("socket:[7]", false),
        ] {
            assert_eq!(is_log_in(Path::new(file), Path::new("/d/own")), counts, "{file}");
        }
    }

    #[test]
    fn what_is_open_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let me = std::process::id() as i32;
        assert_eq!(has_log_below(me, dir.path()), Some(false));
        let log = tempfile::Builder::new().suffix(".log").tempfile_in(dir.path()).unwrap();
        assert_eq!(has_log_below(me, dir.path()), Some(true));
        drop(log);
        assert_eq!(has_log_below(me, dir.path()), Some(false));
        assert_eq!(is_contained(me), Some(false));
        assert_eq!(look(me), None, "a test is no nginx");
    }
}
