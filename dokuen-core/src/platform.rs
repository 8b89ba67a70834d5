//! What Linux can do and others cannot, with the portable way beside it.

use std::path::Path;

use crate::fs::{self, FsError};

/// Linux writes one file system out with one call, far cheaper than a fsync per file.
#[cfg(all(target_os = "linux", not(dokuen_portable)))]
pub fn sync_file_system_of(path: &Path) -> Result<(), FsError> {
    let dir = fs::open(path)?;
    fs::at("sync", path, nix::unistd::syncfs(&dir).map_err(std::io::Error::from))
}

/// Linux lets two names change places in one step, on nearly every file system. Whether it did.
#[cfg(all(target_os = "linux", not(dokuen_portable)))]
pub fn swap(one: &Path, other: &Path) -> std::io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Elsewhere it takes more than one.
#[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
pub fn swap(_: &Path, _: &Path) -> std::io::Result<bool> {
    Ok(false)
}

/// Elsewhere each file and directory is synced by itself.
#[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
pub fn sync_file_system_of(path: &Path) -> Result<(), FsError> {
    for name in fs::names(path)? {
        let inner = path.join(name);
        let meta = fs::at("inspect", &inner, inner.symlink_metadata())?;
        if meta.is_dir() {
            sync_file_system_of(&inner)?;
        } else if meta.is_file() {
            fs::at("sync", &inner, fs::open(&inner)?.sync_all())?;
        }
    }
    fs::sync_dir(path)
}
