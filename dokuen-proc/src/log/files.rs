//! The files of a log: the one that is written, the parts set aside, and what all logs of an app may take together.
//!
//! There is no daemon that looks after them: each wrapper does, now and then, for the whole app. Whatever two of them do
//! at once, at worst a part goes that could have stayed; nobody waits for anybody.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dokuen_core::{App, Conf, Environment, fs};

use crate::attended;
use crate::spec::InstanceId;
use crate::terms::app_log_bytes;

/// Parts kept besides the file being written: `.1` is the newest.
pub const KEPT: u32 = 4;
/// Looked after whenever this part of what the file may hold was written.
const LOOKS: u64 = 8;
/// Where others have all the room, a file may still hold this part of what it may at most: a log of single lines, each in a
/// file of its own, is none.
const LEAST: u64 = 64;

/// How much room all logs of an app's processes have together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRoom {
    /// Bytes.
    pub most: u64,
    /// The app's instances: the log of one that is there is in use.
    pub instances: PathBuf,
    /// Its one-offs: the log of one that can still be told something is in use.
    pub runs: PathBuf,
}

impl LogRoom {
    /// That of an app with these config vars. One that makes no sense was refused when it was set.
    pub fn of(app: &App, conf: &Conf, config: &Environment) -> Self {
        let most = app_log_bytes(config).ok().flatten().unwrap_or(conf.app_log_bytes);
        Self { most, instances: app.instances_dir(), runs: app.runs_dir() }
    }
}

/// Where a log is, and how much it may take.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    most: u64,
    room: Option<LogRoom>,
    /// What the file may hold before it is set aside: `most`, or less where the app's room is short.
    limit: u64,
    /// Written since the last look.
    since: Option<u64>,
}

/// A file of some log of the app.
struct Found {
    path: PathBuf,
    inode: u64,
    len: u64,
    changed: SystemTime,
    /// Which part it is; 0 for the file that is written to, or was.
    part: u32,
    in_use: bool,
}

impl Files {
    /// A log at `path`, `dokuen.APP.web.1`, of which a file larger than `most` is set aside.
    pub fn new(path: &Path, most: u64, room: Option<LogRoom>) -> Self {
        Self { path: path.to_owned(), most, room, limit: most, since: None }
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that is written, then its parts, the newest first.
    pub fn all(&self) -> impl Iterator<Item = PathBuf> {
        (0..=KEPT).map(|number| self.numbered(number))
    }

    /// So many bytes more are in `file`, which is now so long. `false` when it was set aside, or should have been: the
    /// next line opens what is there by then.
    pub fn grew(&mut self, file: &File, by: u64, len: u64) -> bool {
        self.since = self.since.map(|since| since + by);
        if self.since.is_none_or(|since| since >= self.limit / LOOKS) {
            self.since = Some(0);
            self.look_after();
        }
        if len < self.limit {
            return true;
        }
        self.set_aside(file);
        false
    }

    /// The files move up by one name, unless another wrapper does that at the moment, or has done it already. Whoever
    /// does it holds the lock of the very file at the path; it is never waited for.
    fn set_aside(&self, file: &File) {
        let (Ok(()), Ok(meta)) = (file.try_lock(), file.metadata()) else { return };
        if self.path.symlink_metadata().is_ok_and(|at_path| at_path.ino() == meta.ino()) {
            for number in (0..KEPT).rev() {
                let from = self.numbered(number);
                // What cannot be moved stays, and the log grows on. Not waited for the disk: the front's requests would be.
                if from.exists() && fs::rename_report(&from, &self.numbered(number + 1)).is_err() {
                    break;
                }
            }
        }
        // Unlocked by hand: a child that was just forked may hold the descriptor a moment longer.
        let _ = file.unlock();
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 { self.path.clone() } else { PathBuf::from(format!("{}.{number}", self.path.display())) }
    }

    /// Makes room for the app's logs where they have taken too much, and says how much this one may take from now on: half
    /// of what those in use leave. So all of them together stay within the room however many they are, and a few have
    /// most of it.
    fn look_after(&mut self) {
        let Some(room) = &self.room else { return };
        let found = self.found(room);
        let others: u64 = found.iter().filter(|f| f.in_use && f.path != self.path).map(|f| f.len).sum();
        self.limit = self.most.min(room.most.saturating_sub(others) / 2).max(self.most / LEAST);
        make_room(found, room.most);
    }

    fn found(&self, room: &LogRoom) -> Vec<Found> {
        let (Some(dir), Some(name)) = (self.path.parent(), self.path.file_name()) else { return vec![] };
        let name = name.to_string_lossy();
        let Some(app) = name.rsplitn(3, '.').nth(2) else { return vec![] };
        let names = fs::names(dir).unwrap_or_default();
        let instances = fs::names(&room.instances).unwrap_or_default();
        let running: BTreeSet<_> = instances.iter().filter_map(|id| Some(InstanceId::parse(id)?.name())).collect();
        let is_used = |whose: &str| running.contains(whose) || attended::can_be_told(&room.runs.join(whose));
        let found = |name: &String| {
            let (whose, part) = whose(name.strip_prefix(app)?.strip_prefix('.')?)?;
            let path = dir.join(name);
            let meta = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
            // Between a part that was set aside and the next line, that part is all that there is of a log.
            let newest = |part| part == 0 || part == 1 && !dir.join(format!("{app}.{whose}")).exists();
            let in_use = path == self.path || newest(part) && is_used(whose);
            Some(Found { inode: meta.ino(), len: meta.len(), changed: meta.modified().ok()?, part, in_use, path })
        };
        names.iter().filter_map(found).collect()
    }
}

/// `web.1` and `web.1.3` are logs of a process; what a build says is not one of them.
fn whose(name: &str) -> Option<(&str, u32)> {
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
    match dots.as_slice() {
        [first] => number(&name[first + 1..]).map(|_: u32| (name, 0)),
        [_, second] => Some((&name[..*second], number(&name[second + 1..]).filter(|n| (1..=KEPT).contains(n))?)),
        _ => None,
    }
}

/// The oldest go first, and none that is in use.
fn make_room(found: Vec<Found>, most: u64) {
    let mut taken: u64 = found.iter().map(|f| f.len).sum();
    let mut spare: Vec<_> = found.into_iter().filter(|f| !f.in_use).collect();
    spare.sort_by_key(|f| (f.changed, std::cmp::Reverse(f.part)));
    for file in spare {
        if taken <= most {
            return;
        }
        // Its own wrapper may have moved it up meanwhile: then another file has its name.
        let same = file.path.symlink_metadata().is_ok_and(|meta| meta.ino() == file.inode);
        if !same || fs::remove(&file.path).is_ok() {
            taken -= file.len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_logs_and_of_their_parts() {
        for (name, is) in [
            ("web.1", Some(("web.1", 0))),
            ("urgent-worker.12.4", Some(("urgent-worker.12", 4))),
            ("run.7", Some(("run.7", 0))),
            ("web.1.5", None),
            ("web.1.0", None),
            ("web.1.2.3", None),
            ("web.x", None),
            ("build", None),
            ("web.1.gz", None),
        ] {
            assert_eq!(whose(name), is, "{name}");
        }
    }

    /// Each of these files has 1000 bytes, and is a second younger than the one before it.
    fn place(names: &[&str]) -> (tempfile::TempDir, LogRoom) {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["instances/g2.web.1", "runs/run.7", "logs"] {
            fs::make_dirs(&dir.path().join(sub), 0o700).unwrap();
        }
        for (age, name) in names.iter().enumerate() {
            let path = dir.path().join("logs").join(name);
            fs::replace(&path, &[b'x'; 1000], 0o600).unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + age as u64);
            File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        }
        let room = LogRoom { most: 0, instances: dir.path().join("instances"), runs: dir.path().join("runs") };
        (dir, room)
    }

    fn after(names: &[&str], most: u64) -> (Vec<String>, u64) {
        let (dir, room) = place(names);
        let logs = dir.path().join("logs");
        let mut files = Files::new(&logs.join("dokuen.a.web.1"), 10_000, Some(LogRoom { most, ..room }));
        files.look_after();
        (fs::names(&logs).unwrap(), files.limit)
    }

    #[test]
    fn the_oldest_parts_of_any_process_go_and_nothing_that_is_in_use_or_no_log() {
        let all =
            ["dokuen.a.web.1", "dokuen.a.gone.1.1", "dokuen.a.build", "dokuen.a.gone.1", "dokuen.a.web.1.1", "other"];
        let mut sorted = all.map(str::to_owned);
        sorted.sort();
        assert_eq!(after(&all, 4000), (sorted.to_vec(), 2000));
        let without =
            |gone: &[&str]| sorted.iter().filter(|n| !gone.contains(&n.as_str())).cloned().collect::<Vec<_>>();
        assert_eq!(after(&all, 3999).0, without(&["dokuen.a.gone.1.1"]));
        assert_eq!(after(&all, 2000).0, without(&["dokuen.a.gone.1.1", "dokuen.a.gone.1"]));
        assert_eq!(after(&all, 0), (without(&["dokuen.a.gone.1.1", "dokuen.a.gone.1", "dokuen.a.web.1.1"]), 156));
    }

    #[test]
    fn what_was_set_aside_goes_not_before_the_log_goes_on() {
        for (there, stays) in [
            (["dokuen.a.web.1.1", "dokuen.a.web.1.2"], "dokuen.a.web.1.1"),
            (["dokuen.a.web.1.1", "dokuen.a.web.1"], "dokuen.a.web.1"),
            (["dokuen.a.gone.1.1", "dokuen.a.web.1"], "dokuen.a.web.1"),
        ] {
            assert_eq!(after(&there, 0).0, [stays], "{there:?}");
        }
    }

    #[test]
    fn a_one_off_is_in_use_while_it_can_be_told_something_and_others_leave_less_room() {
        let (dir, room) = place(&["dokuen.a.run.7", "dokuen.a.web.1"]);
        attended::make_attended(&room.runs.join("run.7")).unwrap();
        let logs = dir.path().join("logs");
        let mut files = Files::new(&logs.join("dokuen.a.web.1"), 10_000, Some(LogRoom { most: 1500, ..room.clone() }));
        files.look_after();
        assert_eq!((fs::names(&logs).unwrap().len(), files.limit), (2, 250));
        fs::remove(&room.runs.join("run.7/control")).unwrap();
        files.look_after();
        assert_eq!((fs::names(&logs).unwrap(), files.limit), (vec!["dokuen.a.web.1".to_owned()], 750));
    }

    #[test]
    fn whoever_comes_late_to_set_a_file_aside_only_follows() {
        let (dir, _) = place(&["dokuen.a.web.1"]);
        let path = dir.path().join("logs/dokuen.a.web.1");
        let files = Files::new(&path, 1, None);
        let old = fs::open_append(&path, 0o600).unwrap();
        let other = fs::open_append(&path, 0o600).unwrap();
        other.try_lock().unwrap();
        files.set_aside(&old);
        assert!(path.exists(), "another one is at it");
        other.unlock().unwrap();
        files.set_aside(&old);
        fs::replace(&path, b"new", 0o600).unwrap();
        files.set_aside(&other);
        assert_eq!(fs::read(&path).unwrap(), b"new", "it was set aside already");
        assert_eq!(fs::names(path.parent().unwrap()).unwrap(), ["dokuen.a.web.1", "dokuen.a.web.1.1"]);
    }
}
