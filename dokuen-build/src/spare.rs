//! Second copies of what the built-in buildpacks keep in an app's cache, made when nobody waits for them: a build takes one
//! by a rename, where it would otherwise copy each file, and shares nothing with anybody by it.
//!
//! `NAME/{key,tree}` is what was kept (`keep` and `restore` of `buildpacks/lib.sh`), `NAME.spare/{key,tree}` its copy.
//! Builds go on meanwhile: a copy is used only with the key it was made for, and is weighed before.

use std::path::Path;

use dokuen_core::fs::{self, FsError};

use crate::error::BuildError;
use crate::scratch::Scratch;
use crate::tree;

const EXTENSION: &str = ".spare";
/// A hash and two numbers.
const MOST_KEY: u64 = 200;

/// What spares may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpareRoom {
    /// Bytes that the cache may hold with them.
    pub cache: u64,
    /// Bytes that one may take of the disk.
    pub bytes: u64,
    /// Files and directories that one may have.
    pub files: u64,
}

/// Makes a spare of each kept tree in `cache` that has none, as far as there is room. It is made in `scratch`, which must be
/// of the same file system.
pub fn make_spares(cache: &Path, scratch: &Path, room: SpareRoom) -> Result<(), BuildError> {
    for name in fs::names(cache)? {
        let Some(key) = lacking(cache, &name)? else { continue };
        let (bytes, files) = weight(&cache.join(&name).join("tree"));
        if bytes <= room.bytes && files <= room.files && weight(cache).0 + bytes <= room.cache {
            make(cache, &name, &key, &Scratch::new(scratch)?)?;
        }
    }
    Ok(())
}

/// The key of what is kept under a name, when there is no copy with the same.
fn lacking(cache: &Path, name: &str) -> Result<Option<Vec<u8>>, FsError> {
    let (kept, spare) = (cache.join(name), cache.join(format!("{name}{EXTENSION}")));
    let (key, copied) = (key(&kept)?, key(&spare)?);
    let there = spare.join("tree").is_dir() && copied == key;
    Ok(key.filter(|_| !there && !name.ends_with(EXTENSION) && kept.join("tree").is_dir()))
}

/// A hash, how many files, and how many bytes; other buildpacks keep what they like under such a name.
fn key(part: &Path) -> Result<Option<Vec<u8>>, FsError> {
    let path = part.join("key");
    if !path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_KEY) {
        return Ok(None);
    }
    let text = fs::read_foreign(&path, MOST_KEY)?;
    let words: Vec<_> = text.trim_ascii_end().split(|b| *b == b' ').collect();
    let number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let ours = matches!(words[..], [hash, files, bytes] if hash.len() == 64 && number(files) && number(bytes));
    Ok(Some(text).filter(|_| ours))
}

fn make(cache: &Path, name: &str, key: &[u8], scratch: &Scratch) -> Result<(), BuildError> {
    let (kept, spare) = (cache.join(name), cache.join(format!("{name}{EXTENSION}")));
    let copy = scratch.path().join("copy");
    fs::make_dir(&copy, fs::PRIVATE_DIR)?;
    tree::copy(&kept.join("tree"), &copy.join("tree"))?;
    // A build that kept something else meanwhile has put it there after its key was read, or before this.
    if !is_kept(&kept, key)? {
        return Ok(());
    }
    fs::replace_report(&copy.join("key"), key, fs::PRIVATE_FILE)?;
    if spare.symlink_metadata().is_ok() {
        // Out of the way before it is removed: a build may be about to take it.
        fs::rename(&spare, &scratch.path().join("old"))?;
    }
    match fs::rename(&copy, &spare) {
        // Another one was quicker, or the cache was purged and is just made again.
        Err(e) if spare.is_dir() || e.is_not_found() => return Ok(()),
        renamed => renamed?,
    }
    // A cache that was purged meanwhile is another directory now, where nothing is to be found.
    if is_kept(&kept, key)? { Ok(()) } else { Ok(fs::rename(&spare, &scratch.path().join("late"))?) }
}

fn is_kept(kept: &Path, key: &[u8]) -> Result<bool, FsError> {
    Ok(fs::read_if_there(&kept.join("key"))?.as_deref() == Some(key))
}

/// Bytes and number of what is there; what goes meanwhile weighs nothing.
fn weight(path: &Path) -> (u64, u64) {
    let entries = tree::walk(path, &[]).filter_map(Result::ok);
    let sizes = entries.filter_map(|entry| Some(entry.metadata().ok()?.len()));
    sizes.fold((0, 0), |(bytes, files), size| (bytes + size, files + 1))
}
