//! What lies on the disk, as something that can be compared: path, type, mode and content.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Everything below the dokuen directory that is state.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    pub fn of(dir: &Path) -> Self {
        let mut all = BTreeMap::new();
        walk(dir, dir, &mut all);
        Self(all)
    }

    /// Nothing was added, removed or changed since.
    #[track_caller]
    pub fn unchanged_in(&self, dir: &Path) {
        let changes = self.changes_in(dir);
        assert!(changes.is_empty(), "changed on the disk:\n{}", changes.join("\n"));
    }

    /// A line for each path that is not as it was.
    pub fn changes_in(&self, dir: &Path) -> Vec<String> {
        let now = Self::of(dir);
        let mut differs = Vec::new();
        for path in self.0.keys().chain(now.0.keys().filter(|p| !self.0.contains_key(*p))) {
            let (before, after) = (self.0.get(path), now.0.get(path));
            if before != after {
                differs.push(format!("{path}: {before:?} -> {after:?}"));
            }
        }
        differs
    }
}

/// Logs, caches and the notes of running processes are no state; neither is who held a lock last.
fn is_noise(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    match parts[..] {
        ["nginx", "own", ..] | ["cache", ..] | ["events", ..] | ["tmp"] => true,
        // Which key was used when, and the sessions that are open: a refused command is noted there too.
        ["run", ".sessions", ..] => true,
        ["keys", file] => file.ends_with(".used"),
        ["apps", _, "logs" | "build", ..] => true,
        ["apps", _, "instances", _, "state" | "log" | "control" | "spool"] => true,
        ["apps", _, "releases", _, ".dokuen", file] => file.ends_with(".pid"),
        // That somebody held a lock, and an empty place for sockets.
        ["apps", _, "lock"] | ["run", _] | ["run", _, "i"] => true,
        // A port goes with its wrapper, which drains for a while: `Host::reserved` is what counts those.
        ["ports", _] => true,
        // A directory that an empty push has left in git's store is no state.
        ["repos", _, "objects", sub] => sub.len() == 2,
        _ => false,
    }
}

/// An instance that was told to go, or has ended in order, goes by itself: its directory, its socket, its port.
fn is_leaving(root: &Path, name: &str) -> bool {
    let instance = match name.split('/').collect::<Vec<_>>()[..] {
        ["apps", app, "instances", id] | ["run", app, "i", id] => {
            root.join("apps").join(app).join("instances").join(id)
        }
        _ => return false,
    };
    let state = fs::read_to_string(instance.join("state")).unwrap_or_default();
    !instance.join("spec").exists() || instance.join("retired").exists() || state.contains("phase=gone\n")
}

fn walk(root: &Path, dir: &Path, all: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        // What a running process removes meanwhile is not state.
        let Ok(meta) = path.symlink_metadata() else { continue };
        if is_noise(&name) || is_leaving(root, &name) {
            if meta.is_dir() && (name == "tmp" || name.starts_with("run/")) {
                walk(root, &path, all);
            }
            continue;
        }
        let kind = meta.file_type();
        let what = if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_dir() {
            "dir".to_owned()
        } else if kind.is_socket() {
            "socket".to_owned()
        } else if kind.is_fifo() {
            "fifo".to_owned()
        } else if name.ends_with("lock") {
            "lock".to_owned()
        } else if meta.len() > 1024 * 1024 {
            // The programs: reading 90 MB for each look makes a table of inputs take minutes.
            format!("{} bytes of {}.{:09}", meta.len(), meta.mtime(), meta.mtime_nsec())
        } else {
            format!("{:?}", fs::read(&path).map(|bytes| content(&bytes)))
        };
        all.insert(name, format!("{:o} {what}", meta.mode() & 0o7777));
        if kind.is_dir() {
            walk(root, &path, all);
        }
    }
}

/// Short ones as they are, for the message; long ones by length and hash.
fn content(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    if bytes.len() <= 200 {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} bytes, {:x}", bytes.len(), hasher.finish())
}
