//! Linux's way: `/proc`, pidfds, and the kernel's tables of sockets.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dokuen_core::{Host, ProcStat, fs};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open, pidfd_send_signal};

use super::{Listener, Marked, Member, OwnedFd, Signal};
use crate::sock_diag;

/// Orphans of the child come back to us instead of to init: whether it is so.
pub fn become_subreaper() -> bool {
    // An old kernel without it loses only what double-forks; the environment's mark still finds that.
    prctl::set_child_subreaper(true).is_ok()
}

/// Whether no process at all is below us, as the kernel says: true only of a subreaper, to whom every orphan comes.
pub fn none_below() -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::All, flags), Err(Errno::ECHILD))
}

/// How much a pipe holds; a failure (many large pipes of one user are refused) leaves it as it is. Says whether it
/// holds that much now.
pub fn resize_pipe(pipe: &std::fs::File, bytes: i32) -> bool {
    nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(bytes)).is_ok()
}

/// When a living process was started, in the kernel's own count: with its pid a name that no other process has.
pub fn start_time(pid: i32) -> Option<u64> {
    ProcStat::of_living(pid).map(|stat| stat.started)
}

/// Neither nicer than others nor less so, where that is allowed: only root may be less nice than it was.
pub fn take_usual_priority() {
    if rustix::process::getpriority_process(None).is_ok_and(|nice| nice != 0) {
        let _ = rustix::process::setpriority_process(None, 0);
    }
}

/// The seconds of CPU after which the kernel ends a process.
pub fn cpu_limit(pid: i32) -> Option<u64> {
    let text = fs::read_text(Path::new(&format!("/proc/{pid}/limits"))).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max cpu time"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Everything below `root` that is not somebody else's, and everything whose environment carries `mark` (`NAME=...`),
/// but not `root` itself.
pub fn members(root: Option<i32>, mark: &str) -> Vec<Member> {
    let all = everything();
    let ours = |pid: i32| {
        let below = root.and_then(|root| way_up(&all, pid, root));
        below.is_some_and(|way| !way.into_iter().any(|pid| is_apart(pid, mark))) || has_mark(pid, mark)
    };
    let living = all.iter().filter(|(pid, s)| !s.is_zombie && Some(*pid) != root && ours(*pid));
    living.map(|(pid, s)| Member { pid: *pid, started: s.started }).collect()
}

/// All processes. One that daemonizes is gone when it is looked at, and its child came after the list was made: the list
/// is made again until it has nobody new.
fn everything() -> Vec<(i32, ProcStat)> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for _ in 0..MOST_LOOKS {
        let new: Vec<i32> = pids().into_iter().filter(|pid| seen.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        all.extend(new.into_iter().filter_map(|pid| Some((pid, ProcStat::of(pid).ok()??))));
    }
    all
}

/// On a busy machine there is always somebody new, and nearly never somebody of ours.
const MOST_LOOKS: usize = 8;

/// A process and all that stand between it and `root`, if it is below that.
fn way_up(all: &[(i32, ProcStat)], pid: i32, root: i32) -> Option<Vec<i32>> {
    let parent_of = |pid: i32| all.iter().find(|(p, _)| *p == pid).map(|(_, s)| s.parent);
    let mut way = vec![pid];
    for _ in 0..all.len() {
        match parent_of(*way.last()?)? {
            parent if parent == root => return Some(way),
            parent if parent > 1 => way.push(parent),
            _ => return None,
        }
    }
    None
}

/// An app may run `dokuen` itself. What that leaves behind, other wrappers and nginx, comes to the app's own wrapper
/// as any orphan does, and is not the app's: it carries another mark, or says that it is a Dokuen's nginx, which writes its
/// title over its environment.
fn is_apart(pid: i32, mark: &str) -> bool {
    let name = &mark[..mark.find('=').map_or(0, |at| at + 1)];
    let other = |entry: &[u8]| entry.starts_with(name.as_bytes()) && entry != mark.as_bytes();
    environ(pid).split(|b| *b == 0).any(other) || is_nginx_of_a_host(pid)
}

fn is_nginx_of_a_host(pid: i32) -> bool {
    let title = fs::read(Path::new(&format!("/proc/{pid}/cmdline"))).unwrap_or_default();
    let title = String::from_utf8_lossy(&title);
    title.starts_with("nginx: master process ") && title.contains(&format!("/{}/", Host::OWN_NGINX))
}

/// Opened first, compared second, signalled third: the signal cannot reach a successor with the same pid.
pub fn signal(member: Member, signal: Signal) {
    let Some(fd) = watch(member) else { return };
    if let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) {
        // It may end at any moment; then there is nothing left to signal.
        let _ = pidfd_send_signal(fd, signal);
    }
}

/// A descriptor that becomes readable when the process ends.
pub fn watch(member: Member) -> Option<OwnedFd> {
    let fd = pidfd_open(Pid::from_raw(member.pid)?, PidfdFlags::empty()).ok()?;
    (start_time(member.pid) == Some(member.started)).then_some(fd)
}

/// Who listens on a port: `likely` is asked first, since to know all members takes a look at every process.
pub fn listener(port: u16, likely: Option<Member>, members: impl FnOnce() -> Vec<Member>) -> Listener {
    let sockets: Vec<PathBuf> = listening(port).iter().map(|i| PathBuf::from(format!("socket:[{i}]"))).collect();
    let holds = |member: &Member| {
        let dir = PathBuf::from(format!("/proc/{}/fd", member.pid));
        let fds = fs::names(&dir).unwrap_or_default();
        fds.iter().filter_map(|fd| fs::link_target(&dir.join(fd)).ok().flatten()).any(|fd| sockets.contains(&fd))
    };
    let lives = |member: &Member| start_time(member.pid) == Some(member.started);
    match () {
        () if sockets.is_empty() => Listener::None,
        () if likely.filter(lives).as_ref().is_some_and(holds) || members().iter().any(holds) => Listener::Ours,
        () => Listener::Foreign,
    }
}

/// Whether nobody listens on a port; `None` where only a connection can tell.
pub fn is_silent(port: u16) -> Option<bool> {
    sock_diag::is_reached(port).ok().map(|reached| !reached)
}

/// The inodes of the sockets that listen there.
fn listening(port: u16) -> Vec<u64> {
    let in_tables =
        || ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().flat_map(|table| in_table(table, port)).collect();
    sock_diag::listening(port).unwrap_or_else(|_| in_tables())
}

fn in_table(table: &str, port: u16) -> Vec<u64> {
    let text = fs::read_text(Path::new(table)).unwrap_or_default();
    let suffix = format!(":{port:04X}");
    let inode = |line: &str| {
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        let listens = columns.get(1)?.ends_with(&suffix) && *columns.get(3)? == "0A";
        listens.then(|| columns.get(9)?.parse().ok())?
    };
    text.lines().skip(1).filter_map(inode).collect()
}

/// Connections that were made to the unix socket bound at `path`, accepted or still waiting for it. An accepted
/// one carries the path of the socket that it was made to.
pub fn connections(path: &Path) -> usize {
    const LISTENS: u32 = 0x10000;
    let bytes = fs::read(Path::new("/proc/net/unix")).unwrap_or_default();
    let (text, end) = (String::from_utf8_lossy(&bytes), format!(" {}", path.display()));
    let is_one = |line: &&str| {
        let Some(front) = line.strip_suffix(end.as_str()) else { return false };
        let mut fields = front.split_ascii_whitespace().skip(3);
        let (flags, state) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        let listens = u32::from_str_radix(flags, 16).is_ok_and(|f| f & LISTENS != 0);
        !listens && matches!(state, "02" | "03")
    };
    text.lines().filter(is_one).count()
}

/// A copy of a descriptor of another process, where the kernel and its settings allow that.
pub fn descriptor_of(process: &OwnedFd, number: i32) -> Option<OwnedFd> {
    pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()
}

fn pids() -> Vec<i32> {
    fs::names(Path::new("/proc")).unwrap_or_default().iter().filter_map(|n| n.parse().ok()).collect()
}

fn has_mark(pid: i32, mark: &str) -> bool {
    environ(pid).split(|b| *b == 0).any(|entry| entry == mark.as_bytes())
}

/// Other users' environments are closed to us: they are no members either.
fn environ(pid: i32) -> Vec<u8> {
    fs::read(Path::new(&format!("/proc/{pid}/environ"))).unwrap_or_default()
}

/// Whatever carries a mark (`NAME=`) that names something below `dir`.
pub fn marked_below(name: &str, dir: &Path) -> Vec<Marked> {
    let marked = |pid: i32| {
        let environ = environ(pid);
        let mark = environ.split(|b| *b == 0).find_map(|entry| entry.strip_prefix(name.as_bytes()))?;
        let mark = Path::new(OsStr::from_bytes(mark));
        let started = start_time(pid)?;
        mark.starts_with(dir).then(|| Marked { pid, started, dir: mark.to_owned() })
    };
    pids().into_iter().filter_map(marked).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_kernel_that_does_not_answer_is_read_by_its_tables() {
        let listens = TcpListener::bind("127.0.0.1:0").unwrap();
        let _connected = TcpStream::connect(listens.local_addr().unwrap()).unwrap();
        let port = listens.local_addr().unwrap().port();
        let answered = crate::sock_diag::listening(port).unwrap();
        assert_eq!((super::in_table("/proc/net/tcp", port), answered.len()), (answered, 1));
    }
}
