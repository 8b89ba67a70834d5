//! A tree as a gzipped tar archive that depends on nothing but the tree: the same tree gives the same bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use dokuen_core::fs;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};
use walkdir::DirEntry;

use crate::error::BuildError;
use crate::tree;

/// Writes `tree` to a new file at `to`, 0600: the slug holds `.env`.
pub(crate) fn write(tree: &Path, to: &Path) -> Result<(), BuildError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(fs::PRIVATE_FILE).open(to);
    let file = fs::at("write", to, opened)?;
    // No time of packing in the header of the archive.
    let mut builder = Builder::new(GzBuilder::new().mtime(0).write(BufWriter::new(file), Compression::default()));
    for entry in tree::walk(tree, &[]) {
        let entry = entry?;
        if entry.depth() > 0 {
            append(&mut builder, tree, &entry)?;
        }
    }
    let end = || -> io::Result<()> {
        let file: File = builder.into_inner()?.finish()?.into_inner()?;
        file.sync_all()
    };
    Ok(fs::at("write", to, end())?)
}

fn append(builder: &mut Builder<impl Write>, root: &Path, entry: &DirEntry) -> Result<(), BuildError> {
    let (path, kind, meta) = (entry.path(), entry.file_type(), tree::metadata(entry)?);
    let name = path.strip_prefix(root).expect("the walk stays below its start");
    let mut header = Header::new_gnu();
    header.set_mode(meta.mode() & 0o7777);
    header.set_mtime(meta.mtime().max(0).unsigned_abs());
    header.set_size(0);
    let done = if kind.is_dir() {
        header.set_entry_type(EntryType::Directory);
        // With the slash that every other tar writes.
        builder.append_data(&mut header, name.join(""), io::empty())
    } else if kind.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        builder.append_link(&mut header, name, fs::link_target(path)?.unwrap_or_default())
    } else if kind.is_file() {
        header.set_size(meta.len());
        builder.append_data(&mut header, name, fs::open(path)?)
    } else {
        return Err(BuildError::Unpackable { path: path.to_owned() });
    };
    Ok(fs::at("pack", path, done)?)
}
