//! Which processes are a host's own, by the path of its directory in their words or in their mark.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: i32,
    pub words: String,
}

/// Every living process that carries the host's mark, or was started from its directory. A worker of nginx says where it is
/// only by its directory: its master may have gone before it.
pub fn of_host(dir: &Path) -> Vec<Process> {
    let (mark, bin) = (format!("DOKUEN_INSTANCE={}/", dir.display()), format!("{}/bin/dokuen-wrapper", dir.display()));
    // nginx writes its title over its environment, mark and all: one that an app runs is known by its paths too.
    let inside = format!(" {}/", dir.display());
    let is_master = |p: &Process| p.words.starts_with("nginx: master process ") && p.words.contains(&inside);
    let masters: Vec<i32> = all().into_iter().filter(is_master).map(|p| p.pid).collect();
    all()
        .into_iter()
        .filter(|p| {
            let worker = p.words.starts_with("nginx: worker")
                && (parent(p.pid).is_some_and(|of| masters.contains(&of)) || is_in(p.pid, dir));
            masters.contains(&p.pid) || worker || p.words.starts_with(&bin) || has_mark(p.pid, mark.as_bytes())
        })
        .collect()
}

/// Ends them by pid, and again until none is left: a wrapper may have started another child in between.
pub fn end_all(dir: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let left = [of_host(dir), tidying(dir)].concat();
        if left.is_empty() || Instant::now() > deadline {
            return;
        }
        for process in left {
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a deploy has left to be done aside, and nobody waits for.
fn tidying(dir: &Path) -> Vec<Process> {
    let tidy = format!("{}/bin/dokuen tidy", dir.display());
    all().into_iter().filter(|p| p.words.contains(&tidy)).collect()
}

pub fn is_alive(pid: i32) -> bool {
    all().iter().any(|p| p.pid == pid)
}

/// Everything that is no zombie and no kernel thread: those have no words.
fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
    let words = |pid: i32| {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&bytes).replace('\0', " ");
        (!words.is_empty()).then_some(Process { pid, words })
    };
    entries.filter_map(words).collect()
}

fn has_mark(pid: i32, mark: &[u8]) -> bool {
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|b| *b == 0).any(|entry| entry.starts_with(mark))
}

/// Whether its working directory is below `dir`, or was.
fn is_in(pid: i32, dir: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|at| at.starts_with(dir))
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
