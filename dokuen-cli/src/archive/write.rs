//! Writing an export, entry by entry.

use std::fs::Metadata;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dokuen_core::fs;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::END;
use super::sum::Summed;

/// An archive that is being written.
pub struct Writer<W: Write> {
    builder: Builder<Summed<W>>,
    /// What was left out: neither files, directories nor links.
    pub left_out: Vec<PathBuf>,
}

impl<W: Write> Writer<W> {
    /// An empty one.
    pub fn new(to: W) -> Self {
        Self { builder: Builder::new(Summed::new(to)), left_out: Vec::new() }
    }

    /// A small file.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.stream(name, bytes.len() as u64, &mut &bytes[..])
    }

    /// A file of so many bytes.
    pub fn stream(&mut self, name: &str, size: u64, from: &mut dyn Read) -> io::Result<()> {
        let mut header = header(EntryType::Regular, fs::PRIVATE_FILE, 0);
        header.set_size(size);
        self.builder.append_data(&mut header, name, Exactly { from, left: size })
    }

    /// A directory with all that is in it, but for what `skip` says; links are written as links.
    pub fn tree(&mut self, dir: &Path, name: &Path, skip: &dyn Fn(&Path) -> bool) -> io::Result<()> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        for entry in names {
            let (path, name) = (dir.join(&entry), name.join(&entry));
            if skip(&path) {
                continue;
            }
            let meta = path.symlink_metadata()?;
            match meta.file_type() {
                kind if kind.is_dir() => {
                    let mut header = header(EntryType::Directory, meta.mode(), mtime(&meta));
                    self.builder.append_data(&mut header, name.join(""), io::empty())?;
                    self.tree(&path, &name, skip)?;
                }
                kind if kind.is_symlink() => {
                    let target = std::fs::read_link(&path)?;
                    self.builder.append_link(&mut header(EntryType::Symlink, 0o777, mtime(&meta)), name, target)?;
                }
                kind if kind.is_file() => self.plain(&path, &name)?,
                _ => self.left_out.push(path),
            }
        }
        Ok(())
    }

    fn plain(&mut self, path: &Path, name: &Path) -> io::Result<()> {
        let mut file = fs::open(path).map_err(|e| io::Error::new(e.source.kind(), e.to_string()))?;
        let meta = file.metadata()?;
        let mut header = header(EntryType::Regular, meta.mode(), mtime(&meta));
        header.set_size(meta.len());
        self.builder.append_data(&mut header, name, Exactly { from: &mut file, left: meta.len() })
    }

    /// The last entry: without it the archive is not whole.
    pub fn end(mut self) -> io::Result<()> {
        let sum = self.builder.get_ref().sum();
        self.file(END, json!({"sha256": sum}).to_string().as_bytes())?;
        self.builder.into_inner()?.flush()
    }
}

fn header(kind: EntryType, mode: u32, mtime: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o777);
    header.set_mtime(mtime);
    header.set_size(0);
    header
}

fn mtime(meta: &Metadata) -> u64 {
    meta.mtime().max(0).unsigned_abs()
}

/// As many bytes as the header has promised: a file that grows is cut, one that shrinks is an error.
struct Exactly<'a> {
    from: &'a mut dyn Read,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        match self.from.read(&mut into[..most])? {
            0 => Err(io::Error::other("a file became shorter while it was read")),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}
