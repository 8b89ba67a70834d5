//! The door to files: errors name the path, changes are whole or not at all, planted symlinks are not followed.

#![expect(clippy::disallowed_methods, reason = "this is the door that the lint guards")]

mod links;
mod made;
mod open;
mod owner;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use links::{link, link_target, links, name_again, relink, relink_report};
pub use made::with_its_directory;
pub use open::{make_fifo, open, open_append, open_lock, open_lock_if_there, open_null, open_pipe, open_pipe_to_write};
pub use owner::{own_of_foreign, set_mode_of_foreign};

/// A secret: its owner only.
pub const PRIVATE_FILE: u32 = 0o600;
/// A directory of secrets: its owner only.
pub const PRIVATE_DIR: u32 = 0o700;
/// A file others may read, nginx's for one.
pub const PUBLIC_FILE: u32 = 0o644;
/// A directory others may look into.
pub const PUBLIC_DIR: u32 = 0o755;

/// How names begin that are renamed once they are whole.
const BESIDE: &str = ".new-";

/// So often a writer that holds no lock may be met by the sweep of a command that does.
const MOST_SWEEPS: u32 = 20;

/// What was being done, to which path, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} `{path}`")]
pub struct FsError {
    /// The verb: "read", "replace", ...
    pub action: &'static str,
    /// The path it was done to.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl FsError {
    /// Whether there was nothing at that path.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Names the action and the path of an `io::Error`.
pub fn at<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, FsError> {
    result.map_err(|source| FsError { action, path: path.to_owned(), source })
}

/// The whole of a file that Dokuen itself wrote.
pub fn read(path: &Path) -> Result<Vec<u8>, FsError> {
    at("read", path, fs::read(path))
}

/// `None` when there is no such file.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

/// The whole of a text file that Dokuen itself wrote.
pub fn read_text(path: &Path) -> Result<String, FsError> {
    at("read", path, fs::read_to_string(path))
}

/// A file that others may have made: it must be a regular file (no symlink, FIFO or device) of at most `most` bytes.
pub fn read_foreign(path: &Path, most: u64) -> Result<Vec<u8>, FsError> {
    // O_NONBLOCK: opening a FIFO that has no writer must not wait for one.
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let file =
        at("read", path, opened.map_err(|e| if is_loop(&e) { io::Error::other("it is a symbolic link") } else { e }))?;
    let meta = at("read", path, file.metadata())?;
    if !meta.is_file() {
        return at("read", path, Err(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    at("read", path, file.take(most + 1).read_to_end(&mut bytes))?;
    if bytes.len() as u64 > most {
        return at("read", path, Err(io::Error::other(format!("it is larger than {most} bytes"))));
    }
    Ok(bytes)
}

fn is_loop(e: &io::Error) -> bool {
    e.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32)
}

/// Puts `bytes` at `path`, whole or not at all: written beside, fsynced, renamed, and the directory fsynced. A
/// [`sweep_unfinished`] at the same time does it no harm.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    replace_unsynced_dir(path, bytes, mode, true)?;
    sync_dir(parent(path))
}

/// As [`replace`], without waiting for the disk: for reports that a reboot makes void anyway.
pub fn replace_report(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    replace_unsynced_dir(path, bytes, mode, false)
}

fn replace_unsynced_dir(path: &Path, bytes: &[u8], mode: u32, sync: bool) -> Result<(), FsError> {
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(BESIDE)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(parent(path))?;
        file.write_all(bytes)?;
        if mode & 0o077 != 0 {
            // A narrow umask took bits away; only what others may read is ever widened.
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        if sync {
            file.as_file().sync_all()?;
        }
        file.persist(path)?;
        Ok(())
    };
    let mut written = write();
    for _ in 0..MOST_SWEEPS {
        // Only a sweep takes the file away before it has its name; without the directory nothing more can be done.
        if !matches!(&written, Err(e) if e.kind() == io::ErrorKind::NotFound && parent(path).is_dir()) {
            break;
        }
        written = write();
    }
    at("write", path, written)
}

/// Makes a directory that must not be there yet.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), FsError> {
    at("make directory", path, DirBuilder::new().mode(mode).create(path))
}

/// Makes a directory and those above it; one that is there stays as it is.
pub fn make_dirs(path: &Path, mode: u32) -> Result<(), FsError> {
    at("make directory", path, DirBuilder::new().recursive(true).mode(mode).create(path))
}

/// Removes a file or symlink; nothing there is fine.
pub fn remove(path: &Path) -> Result<(), FsError> {
    ignore_missing(at("remove", path, fs::remove_file(path)))
}

/// Removes a tree without following symlinks, or what else is there; nothing there is fine. Directories a build left
/// unwritable go too.
pub fn remove_tree(path: &Path) -> Result<(), FsError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => remove(path),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path);
            ignore_missing(at("remove", path, fs::remove_dir_all(path)))
        }
        other => ignore_missing(at("remove", path, other)),
    }
}

/// Removes what writers beside their target were killed over. Only where nobody else writes at the moment, but for
/// [`replace`] and [`replace_report`]: these write again.
pub fn sweep_unfinished(dir: &Path) -> Result<(), FsError> {
    for name in names(dir)?.into_iter().filter(|name| is_beside(name)) {
        remove_tree(&dir.join(name))?;
    }
    Ok(())
}

/// Exactly what `tempfile` makes of the prefix: other people's names are not ours to remove.
fn is_beside(name: &str) -> bool {
    let random = name.strip_prefix(BESIDE);
    random.is_some_and(|random| random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Waits until all that was written below `path` is on the disk.
pub fn sync_tree(path: &Path) -> Result<(), FsError> {
    crate::platform::sync_file_system_of(path)
}

/// Gives the owner back the right to empty directories; `remove_tree` reports what still fails.
fn open_up(path: &Path) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    if !meta.is_dir() {
        return;
    }
    let _ = fs::set_permissions(path, Permissions::from_mode(meta.mode() | 0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

fn ignore_missing(result: Result<(), FsError>) -> Result<(), FsError> {
    match result {
        Err(e) if e.is_not_found() => Ok(()),
        other => other,
    }
}

/// Gives something a name that nothing has yet, and makes it last. What cannot be made to last is not done: the old name
/// comes back with the error.
pub fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    rename_report(from, to)?;
    sync_dir(parent(to)).inspect_err(|_| drop(fs::rename(to, from)))
}

/// As [`rename`], without waiting for the disk: for what need not outlive a reboot.
pub fn rename_report(from: &Path, to: &Path) -> Result<(), FsError> {
    at("rename to", to, fs::rename(from, to))
}

/// Names in a directory, sorted; a missing directory has none. Names that are not UTF-8 are not ours and left out.
pub fn names(dir: &Path) -> Result<Vec<String>, FsError> {
    let entries = match at("list", dir, fs::read_dir(dir)) {
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(at("list", dir, entry)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Waits until the names in `dir` are on the disk.
pub fn sync_dir(dir: &Path) -> Result<(), FsError> {
    at("sync", dir, File::open(dir).and_then(|d| d.sync_all()))
}

/// Widens or narrows the mode of something that is ours and holds no secret.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), FsError> {
    at("set the mode of", path, fs::set_permissions(path, Permissions::from_mode(mode)))
}

/// Copies one file with its mode, whole or not at all.
pub fn install(from: &Path, to: &Path, mode: u32) -> Result<(), FsError> {
    replace(to, &read(from)?, mode)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_gives_the_mode_and_keeps_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("A");
        replace(&path, b"one", PRIVATE_FILE).unwrap();
        replace(&path, b"two", PRIVATE_FILE).unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()).unwrap(), ["A"]);
    }

    #[test]
    fn what_a_killed_writer_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        replace(&dir.path().join(".new-a1b2c3"), b"half", PRIVATE_FILE).unwrap();
        make_dirs(&dir.path().join(".new-d4e5f6/env"), PRIVATE_DIR).unwrap();
        for whole in ["new", ".new-app", ".new-a1b2c"] {
            replace(&dir.path().join(whole), b"whole", PRIVATE_FILE).unwrap();
        }
        sweep_unfinished(dir.path()).unwrap();
        sweep_unfinished(&dir.path().join("missing")).unwrap();
        assert_eq!(names(dir.path()).unwrap(), [".new-a1b2c", ".new-app", "new"]);
    }

    /// `apps:lock` writes without the app's lock, while a push sweeps the same directory.
    #[test]
    fn a_sweep_that_runs_beside_fails_no_writer() {
        let dir = tempfile::tempdir().unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep_unfinished(dir.path()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
            });
            let failed = (0..500).filter(|_| replace_report(&dir.path().join("A"), b"text", PRIVATE_FILE).is_err());
            let failed = failed.count();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(failed, 0);
        });
        assert!(replace(&dir.path().join("missing/A"), b"text", PRIVATE_FILE).unwrap_err().is_not_found());
    }

    #[test]
    fn foreign_files_must_be_plain_and_small() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link, fifo) = (dir.path().join("f"), dir.path().join("l"), dir.path().join("p"));
        fs::write(&file, b"12345").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read_foreign(&file, 5).unwrap(), b"12345");
        for (path, cause) in [(&file, "larger than 4"), (&link, "symbolic link"), (&fifo, "not a regular file")] {
            let most = if path == &file { 4 } else { 100 };
            assert!(read_foreign(path, most).unwrap_err().source.to_string().contains(cause));
        }
    }

    #[test]
    fn relink_is_never_missing_for_a_reader() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("current");
        relink(Path::new("a"), &link).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| (0..20_000).filter(|_| fs::read_link(&link).is_err()).count());
            for i in 0..500 {
                relink_report(Path::new(if i % 2 == 0 { "b" } else { "a" }), &link).unwrap();
            }
            assert_eq!(reader.join().unwrap(), 0);
        });
        assert_eq!(names(dir.path()).unwrap(), ["current"]);
    }

    #[test]
    fn a_tree_with_closed_directories_is_removed_and_its_symlinks_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("t"), dir.path().join("keep"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(&outside, b"x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/l")).unwrap();
        fs::set_permissions(tree.join("a"), Permissions::from_mode(0o500)).unwrap();
        remove_tree(&tree).unwrap();
        assert!(outside.exists() && !tree.exists());
        remove_tree(&tree).unwrap();
    }
}
