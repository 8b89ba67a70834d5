//! Copies of whole trees: modes, times, symlinks (dangling ones too); nothing is followed, nothing is left out.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use walkdir::{DirEntry, WalkDir};

use crate::error::BuildError;

/// Copies `from` to `to`, which must not be there yet.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), BuildError> {
    copy_without(from, to, &[])
}

/// Copies all but the given paths: the result of a build may stand inside its own source.
pub(crate) fn copy_without(from: &Path, to: &Path, left_out: &[&Path]) -> Result<(), BuildError> {
    let mut dirs = Vec::new();
    for entry in walk(from, left_out) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from).expect("the walk stays below its start"));
        copy_one(&entry, &target)?;
        if entry.file_type().is_dir() {
            dirs.push((target, entry));
        }
    }
    // Last and innermost first: a directory's time changes with its entries, and a closed one takes no more.
    for (target, entry) in dirs.iter().rev() {
        let meta = metadata(entry)?;
        fs::set_mode(target, meta.mode() & 0o7777)?;
        fs::at("set the time of", target, set_time(target, &meta))?;
    }
    Ok(())
}

/// Everything below `from`, itself first, in a fixed order.
pub(crate) fn walk<'a>(from: &'a Path, left_out: &'a [&Path]) -> impl Iterator<Item = Result<DirEntry, FsError>> + 'a {
    let wanted = |entry: &DirEntry| !left_out.contains(&entry.path());
    let entries = WalkDir::new(from).follow_root_links(true).sort_by_file_name().into_iter().filter_entry(wanted);
    entries.map(move |entry| {
        entry.map_err(|e| {
            let path = e.path().unwrap_or(from).to_owned();
            FsError {
                action: "read",
                path,
                source: e.into_io_error().unwrap_or_else(|| io::Error::other("it is a loop")),
            }
        })
    })
}

pub(crate) fn metadata(entry: &DirEntry) -> Result<std::fs::Metadata, FsError> {
    let meta = if entry.depth() == 0 { entry.path().metadata() } else { entry.path().symlink_metadata() };
    fs::at("read", entry.path(), meta)
}

fn copy_one(entry: &DirEntry, to: &Path) -> Result<(), BuildError> {
    let kind = entry.file_type();
    if kind.is_dir() || entry.depth() == 0 {
        return Ok(fs::make_dir(to, fs::PRIVATE_DIR)?);
    }
    let meta = metadata(entry)?;
    if kind.is_symlink() {
        let target: PathBuf = fs::link_target(entry.path())?.unwrap_or_default();
        fs::at("link", to, nix::unistd::symlinkat(&target, AT_FDCWD, to).map_err(io::Error::from))?;
    } else if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        return Err(BuildError::Unpackable { path: entry.path().to_owned() });
    } else {
        copy_file(entry.path(), to, meta.mode() & 0o7777)?;
    }
    Ok(fs::at("set the time of", to, set_time(to, &meta))?)
}

fn copy_file(from: &Path, to: &Path, mode: u32) -> Result<(), FsError> {
    let mut source = fs::open(from)?;
    let mut write = || -> io::Result<()> {
        let mut target: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut source, &mut target)?;
        target.set_permissions(Permissions::from_mode(mode))
    };
    fs::at("copy to", to, write())
}

fn set_time(path: &Path, meta: &std::fs::Metadata) -> io::Result<()> {
    let time = TimeSpec::new(meta.mtime(), meta.mtime_nsec());
    Ok(utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink)?)
}
