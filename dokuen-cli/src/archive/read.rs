//! Reading an archive that anybody may have made: kinds, sizes and names are bounded before anything is believed.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use serde::Deserialize;
use tar::{Archive, Entry, EntryType};

use super::END;
use super::manifest::refused;
use super::sum::{Seen, Watched};
use crate::exit::{Exit, Failure};

/// An entry.
pub struct Item<'a> {
    /// Its name; what it may be is the taker's business.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permissions.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: u64,
    /// What is in it.
    pub content: &'a mut dyn Read,
}

/// What an entry may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to there.
    Link(PathBuf),
}

/// More entries are no app, and would take all inodes of a disk.
const MOST_ENTRIES: u64 = 2_000_000;
/// No path is longer: the system's own bound.
const LONGEST_PATH: u64 = 4096;

impl Item<'_> {
    /// All of it, when it is no more than that.
    pub fn bytes(&mut self, most: u64) -> Result<Vec<u8>, Failure> {
        if self.kind != Kind::File {
            return Err(refused(format!("`{}` is no file", self.path.display())));
        }
        let mut bytes = Vec::new();
        self.content.take(most + 1).read_to_end(&mut bytes).map_err(broken)?;
        match bytes.len() as u64 > most {
            true => Err(refused(format!("`{}` is larger than {most} bytes", self.path.display()))),
            false => Ok(bytes),
        }
    }
}

/// Names that were too long for a header, for the entry that comes next.
#[derive(Default)]
struct Long {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Gives every entry to `take`, and is content only with an archive that is whole.
pub fn all(input: impl Read, most: u64, take: &mut dyn FnMut(Item<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
    let (watched, seen) = Watched::new(BufReader::with_capacity(128 * 1024, input), most);
    let mut archive = Archive::new(watched);
    let (mut long, mut count, mut ended) = (Long::default(), 0, false);
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        count += 1;
        if ended || count > MOST_ENTRIES {
            return Err(refused("it goes on where it should end"));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName if long.path.is_none() => long.path = Some(long_name(&mut entry)?),
            EntryType::GNULongLink if long.link.is_none() => long.link = Some(long_name(&mut entry)?),
            EntryType::Regular if entry.path_bytes().as_ref() == END.as_bytes() => {
                check_end(&mut entry, &seen)?;
                ended = true;
            }
            _ => take(item(&mut entry, std::mem::take(&mut long))?)?,
        }
    }
    if ended { Ok(()) } else { Err(refused("it ends too early: something is missing")) }
}

/// What a reader says that has found no archive, or half of one; or the disk, which is no fault of the archive.
pub fn broken(cause: io::Error) -> Failure {
    match cause.raw_os_error() {
        Some(_) => Failure::new(Exit::Failed, format!("failed to import: {cause}")).hint("nothing was imported"),
        None => refused(cause),
    }
}

fn item<'a, R: Read>(entry: &'a mut Entry<'_, R>, long: Long) -> Result<Item<'a>, Failure> {
    let path = long.path.unwrap_or_else(|| entry.path_bytes().into_owned());
    let link = long.link.or_else(|| entry.link_name_bytes().map(|bytes| bytes.into_owned()));
    let path = PathBuf::from(OsString::from_vec(path));
    let (mode, mtime) = (entry.header().mode().map_err(broken)?, entry.header().mtime().map_err(broken)?);
    let kind = match entry.header().entry_type() {
        EntryType::Regular => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Link(PathBuf::from(OsString::from_vec(link.unwrap_or_default()))),
        _ => {
            let what = "is neither a file, a directory nor a symbolic link";
            return Err(refused(format!("{} {what}", dokuen_core::shown(&path.to_string_lossy()))));
        }
    };
    Ok(Item { path, kind, mode, mtime, content: entry })
}

fn long_name<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, Failure> {
    if entry.size() > LONGEST_PATH + 1 {
        return Err(refused(format!("a name in it is longer than {LONGEST_PATH} bytes")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    sha256: String,
}

fn check_end<R: Read>(entry: &mut Entry<'_, R>, seen: &Seen) -> Result<(), Failure> {
    let sum = seen.sum();
    let mut bytes = Vec::new();
    entry.take(1024).read_to_end(&mut bytes).map_err(broken)?;
    match serde_json::from_slice::<End>(&bytes) {
        Ok(end) if end.sha256 == sum => Ok(()),
        Ok(_) => Err(refused("it was damaged: its sum is another one")),
        Err(e) => Err(refused(format!("its last entry: {e}"))),
    }
}
