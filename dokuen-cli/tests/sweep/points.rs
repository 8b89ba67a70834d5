//! Crash points: the n-th use of a system call that changes something, as `strace` counts them for one process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A place in a command's run at which it can be killed or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub call: String,
    /// Counted from 1, by `strace`'s own rule: per system call and per traced process.
    pub nth: usize,
    /// What it does, without what differs from run to run: the line of the golden file.
    pub what: String,
}

/// What happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Kill,
    Errno(&'static str),
}

/// In the order of the yardstick.
pub const FAULTS: [Fault; 6] = [
    Fault::Kill,
    Fault::Errno("ENOSPC"),
    Fault::Errno("EIO"),
    Fault::Errno("EROFS"),
    Fault::Errno("EMFILE"),
    Fault::Errno("EAGAIN"),
];

/// Calls that change files, locks or processes. The transcript is written with `write` too: those count as points.
pub const CALLS: &str = "mkdir,mkdirat,mknodat,symlink,symlinkat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,\
rmdir,openat,write,pwrite64,fsync,fdatasync,syncfs,ftruncate,fchmod,fchmodat,chmod,fchown,fchownat,chown,utimensat,\
flock,clone,clone3,vfork,fork,pipe2,kill,pidfd_send_signal";

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kill => "KILL",
            Self::Errno(name) => name,
        })
    }
}

/// The words before a command that is only watched: each process counts for itself, and what it executes is let go.
pub fn watched(log: &Path) -> Vec<String> {
    let words = ["strace", "-f", "-qq", "-y", "-b", "execve", "-e", &format!("trace={CALLS}"), "-o"].map(str::to_owned);
    words.into_iter().chain([log.display().to_string()]).collect()
}

/// The same, with a fault at a point.
pub fn injected(log: &Path, point: &Point, nth: usize, fault: Fault) -> Vec<String> {
    let action = match fault {
        Fault::Kill => "signal=SIGKILL".to_owned(),
        Fault::Errno(name) => format!("error={name}"),
    };
    let mut words = watched(log);
    words.extend(["-e".to_owned(), format!("inject={}:{action}:when={nth}", point.call)]);
    words
}

/// Every point of a log, in its order; `root` is the host's directory, which stands in no golden file.
pub fn read(log: &Path, root: &Path) -> Vec<Point> {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let Some((call, args)) = rest.split_once('(') else { continue };
        if !call.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        let count = counts.entry((pid.to_owned(), call.to_owned())).or_insert(0);
        *count += 1;
        if let Some(what) = changes(call, args, root) {
            points.push(Point { call: call.to_owned(), nth: *count, what });
        }
    }
    points
}

/// What was hit, when something was.
pub fn hit(log: &Path, root: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    // A signal is injected at the last call of its process; an error says so itself.
    let line = text.lines().find(|line| line.ends_with("(INJECTED)")).or_else(|| {
        let killed = text.lines().find(|line| line.contains("+++ killed by SIGKILL") || line.ends_with("= ?"))?;
        Some(killed).filter(|line| line.contains('('))
    })?;
    let (call, args) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    changes(call, args, root)
}

/// `None` for what changes nothing: an open for reading, a look whether a lock is held (asked as often as it takes).
fn changes(call: &str, args: &str, root: &Path) -> Option<String> {
    let what = match call {
        "flock" => return None,
        "openat" if !args.contains("O_CREAT") && !args.contains("O_TRUNC") => return None,
        "write" if args.starts_with("1<") || args.starts_with("2<") => "transcript".to_owned(),
        "write" | "pwrite64" | "fsync" | "fdatasync" | "syncfs" | "ftruncate" | "fchmod" | "fchown" => {
            file_of(args, root)?
        }
        "clone" | "clone3" | "vfork" | "fork" | "pipe2" | "kill" | "pidfd_send_signal" => String::new(),
        _ => path_of(args, root)?,
    };
    Some(format!("{call} {what}").trim_end().to_owned())
}

/// The path behind the first file descriptor, as `strace -y` tells it; pipes and sockets have none.
fn file_of(args: &str, root: &Path) -> Option<String> {
    let path = args.split_once('<')?.1.split_once('>')?.0;
    if path.starts_with('/') { below(path, root) } else { None }
}

/// The last quoted path of the arguments, which is what appears or goes.
fn path_of(args: &str, root: &Path) -> Option<String> {
    let quoted: Vec<&str> = args.split('"').skip(1).step_by(2).collect();
    let path = *quoted.last()?;
    if path.starts_with('/') {
        return below(path, root);
    }
    // Relative to a directory that is open, as when a tree is removed.
    let dir = args.split_once('<')?.1.split_once('>')?.0;
    below(&format!("{dir}/{path}"), root)
}

fn below(path: &str, root: &Path) -> Option<String> {
    if path.starts_with("/dev/") || path.starts_with("/proc/") {
        return None;
    }
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let home = root.parent()?.to_str()?;
    let below = path.strip_prefix(root.to_str()?).or_else(|| path.strip_prefix(home)).unwrap_or(path);
    let mut names: Vec<String> = below.trim_start_matches('/').split('/').map(plain).collect();
    if let Some(at) = names.iter().position(|name| name == "objects") {
        // git's own, by hashes.
        names.truncate(at + 1);
    }
    if let Some(at) = names.iter().position(|name| name == ".at")
        && let Some((name, _)) = names.get(at + 1).and_then(|name| name.split_once('.')).filter(|(n, _)| !n.is_empty())
    {
        // Files of an installed buildpack, by a name of their own each time.
        names[at + 1] = format!("{name}.*");
    }
    Some(names.join("/"))
}

/// A name without what differs from run to run: times, numbers, random letters.
fn plain(name: &str) -> String {
    if let Some(prefix) = [".new-", "trash-", "nginx-", "~"].iter().find(|prefix| name.starts_with(**prefix))
        && !name.ends_with(".git")
    {
        return format!("{prefix}*");
    }
    if name.len() == 15 && name.as_bytes().get(8) == Some(&b'T') {
        return "RELEASE".to_owned();
    }
    name.split_inclusive(['.', '-']).map(part).collect()
}

/// Hashes and numbers.
fn part(text: &str) -> String {
    let (word, end) = match text.strip_suffix(['.', '-']) {
        Some(word) => (word, &text[word.len()..]),
        None => (text, ""),
    };
    let is_hash = word.len() >= 6
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    if is_hash {
        return format!("HASH{end}");
    }
    let mut out = String::new();
    for letter in word.chars() {
        match letter.is_ascii_digit() {
            true if out.ends_with('N') => {}
            true => out.push('N'),
            false => out.push(letter),
        }
    }
    out + end
}

/// The lines of the golden file for one command: what is changed, each once, in the order of its first time.
pub fn golden(name: &str, points: &[Point]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for point in points {
        let line = format!("{name}: {}", point.what);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Of each line of the golden file its first and its last point; with `all`, every point.
pub fn chosen(points: &[Point], all: bool) -> Vec<Point> {
    if all {
        return points.to_vec();
    }
    let first = |p: &Point| points.iter().position(|q| q.what == p.what);
    let last = |p: &Point| points.iter().rposition(|q| q.what == p.what);
    let numbered = points.iter().enumerate();
    numbered.filter(|(i, p)| first(p) == Some(*i) || last(p) == Some(*i)).map(|(_, p)| p.clone()).collect()
}

/// The golden file.
pub fn golden_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweep/points.golden")
}
