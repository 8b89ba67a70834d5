//! Whole files.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{FsError, at};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
