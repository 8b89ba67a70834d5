//! A tree as a gzipped tar archive that depends on nothing but the tree: the same tree gives the same bytes, whenever it
//! is built.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use dokuen_core::fs;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};
use walkdir::DirEntry;

use crate::error::BuildError;
use crate::tree;

/// When the parts of a source were changed, in seconds since 1970.
pub(crate) struct Times {
    all: HashMap<PathBuf, i64>,
    newest: i64,
}

impl Times {
    /// Of a tree that is not built yet.
    pub fn of(source: &Path) -> Result<Self, BuildError> {
        let mut all = HashMap::new();
        for entry in tree::walk(source, &[]) {
            let entry = entry?;
            all.insert(name_in(source, &entry).to_owned(), tree::metadata(&entry)?.mtime());
        }
        let newest = all.values().copied().max().unwrap_or(0);
        Ok(Self { all, newest })
    }

    /// What a build has made or changed has the time of the youngest part of the source: any other tells when it was built.
    fn packed(&self, name: &Path, time: i64) -> i64 {
        if self.all.get(name) == Some(&time) { time } else { self.newest }
    }
}

/// Writes `tree` to a new file at `to`, 0600: the slug holds `.env`.
pub(crate) fn write(tree: &Path, times: &Times, to: &Path) -> Result<(), BuildError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(fs::PRIVATE_FILE).open(to);
    let file = fs::at("write", to, opened)?;
    // No time of packing in the header of the archive.
    let mut builder = Builder::new(GzBuilder::new().mtime(0).write(BufWriter::new(file), Compression::default()));
    for entry in tree::walk(tree, &[]) {
        let entry = entry?;
        if entry.depth() > 0 {
            append(&mut builder, tree, times, &entry)?;
        }
    }
    let end = || -> io::Result<()> {
        let file: File = builder.into_inner()?.finish()?.into_inner()?;
        file.sync_all()
    };
    Ok(fs::at("write", to, end())?)
}

fn append(builder: &mut Builder<impl Write>, root: &Path, times: &Times, entry: &DirEntry) -> Result<(), BuildError> {
    let (path, kind, meta) = (entry.path(), entry.file_type(), tree::metadata(entry)?);
    let name = name_in(root, entry);
    let mut header = Header::new_gnu();
    header.set_mode(meta.mode() & 0o7777);
    header.set_mtime(times.packed(name, meta.mtime()).max(0).unsigned_abs());
    header.set_size(0);
    let done = if kind.is_dir() {
        header.set_entry_type(EntryType::Directory);
        // With the slash that every other tar writes.
        write_entry(builder, header, &name.join(""), None, io::empty())
    } else if kind.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        let target = fs::link_target(path)?.unwrap_or_default();
        write_entry(builder, header, name, Some(&target), io::empty())
    } else if kind.is_file() {
        header.set_size(meta.len());
        write_entry(builder, header, name, None, fs::open(path)?)
    } else {
        return Err(BuildError::Unpackable { path: path.to_owned() });
    };
    Ok(fs::at("pack", path, done)?)
}

/// Names are bytes. (The library's own way cuts a long one where it stops being text, which may be at once.)
fn write_entry(
    builder: &mut Builder<impl Write>,
    mut header: Header,
    name: &Path,
    target: Option<&Path>,
    data: impl Read,
) -> io::Result<()> {
    let gnu = header.as_gnu_mut().expect("it was made as one");
    fill(builder, &mut gnu.name, name, EntryType::GNULongName)?;
    if let Some(target) = target {
        fill(builder, &mut gnu.linkname, target, EntryType::GNULongLink)?;
    }
    header.set_cksum();
    builder.append(&header, data)
}

/// What does not fit into the field stands in an entry before, as GNU tar has it.
fn fill(builder: &mut Builder<impl Write>, field: &mut [u8], path: &Path, kind: EntryType) -> io::Result<()> {
    let bytes = path.as_os_str().as_bytes();
    let fits = bytes.len().min(field.len());
    field[..fits].copy_from_slice(&bytes[..fits]);
    if fits == bytes.len() {
        return Ok(());
    }
    let mut header = Header::new_gnu();
    let own = b"././@LongLink";
    header.as_gnu_mut().expect("it was made as one").name[..own.len()].copy_from_slice(own);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64 + 1);
    header.set_cksum();
    builder.append(&header, bytes.chain(&[0][..]))
}

fn name_in<'a>(root: &Path, entry: &'a DirEntry) -> &'a Path {
    entry.path().strip_prefix(root).expect("the walk stays below its start")
}
