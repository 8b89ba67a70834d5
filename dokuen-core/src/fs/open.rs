//! Files that are kept open: logs, locks and pipes, never through a planted symlink.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::{FsError, PRIVATE_FILE, at};

/// Opens a log for appending, never through a symlink; created with `mode`.
pub fn open_append(path: &Path, mode: u32) -> Result<File, FsError> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = at(
        "open",
        path,
        OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags.bits()).open(path),
    )?;
    if !at("open", path, file.metadata())?.is_file() {
        return at("open", path, Err(io::Error::other("it is not a regular file")));
    }
    Ok(file)
}

/// Opens a file to be locked, made when missing; never through a symlink.
pub fn open_lock(path: &Path) -> Result<File, FsError> {
    let flags = OFlag::O_NOFOLLOW.bits();
    let options = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE)
        .custom_flags(flags)
        .to_owned();
    at("open", path, options.open(path))
}

/// Opens a lock for a look at who has it, never through a symlink; `None` when there is no such file. For reading alone: that
/// is enough for a shared lock, also on NFS, and goes on a disk that takes no write.
pub fn open_lock_to_look(path: &Path) -> Result<Option<File>, FsError> {
    let flags = OFlag::O_NOFOLLOW.bits();
    match at("open", path, OpenOptions::new().read(true).custom_flags(flags).open(path)) {
        Err(e) if e.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}

/// Makes a FIFO that only its owner can use.
pub fn make_fifo(path: &Path) -> Result<(), FsError> {
    let mode = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
    at("make", path, nix::unistd::mkfifo(path, mode).map_err(io::Error::from))
}

/// Opens a FIFO for its reader, who also holds it open for writing: so it never ends, and no writer ever breaks.
pub fn open_pipe(path: &Path) -> Result<File, FsError> {
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits();
    at("open", path, OpenOptions::new().read(true).write(true).custom_flags(flags).open(path))
}

/// Opens a FIFO for a writer that must survive its reader: since it is open for reading too, no write ever breaks,
/// and when the pipe is full writes wait for the next reader.
pub fn open_pipe_to_write(path: &Path) -> Result<File, FsError> {
    let flags = OFlag::O_NOFOLLOW.bits();
    at("open", path, OpenOptions::new().read(true).write(true).custom_flags(flags).open(path))
}

/// The null device, for reading and writing.
pub fn open_null() -> Result<File, FsError> {
    let path = Path::new("/dev/null");
    at("open", path, OpenOptions::new().read(true).write(true).open(path))
}

/// Opens for reading; the caller streams it.
pub fn open(path: &Path) -> Result<File, FsError> {
    at("open", path, File::open(path))
}
