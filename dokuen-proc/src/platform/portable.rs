//! The portable way: `ps`, and `kill`. What it cannot tell, it says it does not know.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use nix::errno::Errno;
use nix::unistd::Pid;

use super::{Listener, Marked, Member, OwnedFd, Signal};

pub fn become_subreaper() -> bool {
    false
}

/// No subreaper ever asks; nix has no `waitid` for macOS.
pub fn none_below() -> bool {
    false
}

pub fn resize_pipe(pipe: &std::fs::File, bytes: i32) -> bool {
    let _ = (pipe, bytes);
    false
}

/// 0 for a living process: `ps` tells no more than the second. Where `ps` tells nothing at all, who takes a signal lives.
pub fn start_time(pid: i32) -> Option<u64> {
    let all = rows("-ax");
    let lives = match all.as_slice() {
        [] => nix::sys::signal::kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH),
        _ => all.iter().any(|row| row.pid == pid),
    };
    lives.then_some(0)
}

/// It stays that of whoever has started it.
pub fn take_usual_priority() {}

/// Nothing tells here.
pub fn cpu_limit(_: i32) -> Option<u64> {
    None
}

/// Descendants and their process groups, and what carries the mark.
pub fn members(root: Option<i32>, mark: &str) -> Vec<Member> {
    let all = everything();
    let mut found = Vec::from_iter(root);
    loop {
        let groups: Vec<i32> =
            all.iter().filter(|r| Some(r.pid) != root && found.contains(&r.pid)).map(|r| r.group).collect();
        let more: Vec<i32> = all
            .iter()
            .filter(|r| !found.contains(&r.pid))
            .filter(|r| found.contains(&r.parent) || groups.contains(&r.group))
            .map(|r| r.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    let marked = all.iter().filter(|r| !found.contains(&r.pid) && r.words().any(|word| word == mark));
    let marked: Vec<i32> = marked.map(|r| r.pid).collect();
    let all = found.into_iter().chain(marked).filter(|pid| Some(*pid) != root);
    all.map(|pid| Member { pid, started: 0 }).collect()
}

pub fn signal(member: Member, signal: Signal) {
    let _ = nix::sys::signal::kill(Pid::from_raw(member.pid), signal);
}

pub fn watch(member: Member) -> Option<OwnedFd> {
    let _ = member;
    None
}

pub fn listener(port: u16, likely: Option<Member>, members: impl FnOnce() -> Vec<Member>) -> Listener {
    let _ = (port, likely, members);
    Listener::Ours
}

pub fn is_silent(port: u16) -> Option<bool> {
    let _ = port;
    None
}

/// Nobody tells: an app that is to stop must finish what it has itself.
pub fn connections(path: &Path) -> usize {
    let _ = path;
    0
}

pub fn descriptor_of(process: &OwnedFd, number: i32) -> Option<OwnedFd> {
    let _ = (process, number);
    None
}

/// Whatever carries a mark (`NAME=`) that names something below `dir`.
pub fn marked_below(name: &str, dir: &Path) -> Vec<Marked> {
    let marked = |row: &Row| {
        let mark = row.words().find_map(|word| word.strip_prefix(name))?;
        Path::new(mark).starts_with(dir).then(|| Marked { pid: row.pid, started: 0, dir: mark.into() })
    };
    everything().iter().filter_map(marked).collect()
}

/// With every environment that is ours to see; a `ps` that does not know how tells at least what runs.
fn everything() -> Vec<Row> {
    Some(rows(WITH_ENVIRONMENT)).filter(|all| !all.is_empty()).unwrap_or_else(|| rows("-ax"))
}

const WITH_ENVIRONMENT: &str = if cfg!(target_os = "macos") { "-axEww" } else { "axeww" };

struct Row {
    pid: i32,
    parent: i32,
    group: i32,
    text: String,
}

impl Row {
    /// Its arguments and its environment, which nothing tells apart; a mark with a blank in it is not found.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_ascii_whitespace()
    }
}

/// Everything that is no zombie, but not the `ps` that tells it: a child of ours as well.
fn rows(which: &str) -> Vec<Row> {
    let columns = "pid=,ppid=,pgid=,stat=,command=";
    let told = Cmd::new("/bin/ps", Path::new("/")).args([which, "-o", columns]).run().unwrap_or_default();
    let row = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let mut number = || fields.next()?.parse().ok();
        let (pid, parent, group) = (number()?, number()?, number()?);
        let living = !fields.next()?.starts_with('Z') && u32::try_from(pid) != Ok(told.pid);
        living.then(|| Row { pid, parent, group, text: line.to_owned() })
    };
    String::from_utf8_lossy(&told.stdout).lines().filter_map(row).collect()
}
