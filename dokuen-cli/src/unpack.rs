//! A tar stream of git's into an empty directory. Each directory is opened once and what is in it is made relative to it,
//! without following a link: whatever the names are, nothing is written outside, and a file costs few system calls.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fchmod, futimens, mkdirat};
use nix::sys::time::TimeSpec;
use nix::unistd::symlinkat;
use tar::{Entry, EntryType};

/// Where entries go.
pub struct Unpack {
    root: OwnedFd,
    /// The directories on the way to where the last entry went.
    open: Vec<(OsString, OwnedFd)>,
}

/// What comes into a directory.
pub enum What<'a> {
    /// A directory; one that is there already is fine.
    Directory,
    /// A new file, with these bits of its mode and this time.
    File {
        /// Permissions.
        mode: u32,
        /// Seconds since 1970.
        mtime: u64,
        /// All that is in it.
        content: &'a mut dyn Read,
    },
    /// A new symbolic link to there.
    Link(&'a Path),
}

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_RDONLY);
const NEW_FILE: OFlag =
    OFlag::O_CREAT.union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_WRONLY);
const DIRECTORY_MODE: Mode = Mode::from_bits_truncate(0o755);

impl Unpack {
    /// Into a directory that is there.
    pub fn into(root: &Path) -> io::Result<Self> {
        let root = nix::fcntl::open(root, DIRECTORY, Mode::empty())?;
        Ok(Self { root, open: Vec::new() })
    }

    /// Makes what the entry is: a directory, a file, a symbolic link.
    pub fn take(&mut self, entry: &mut Entry<'_, impl Read>) -> io::Result<()> {
        let path = entry.path()?.into_owned();
        match entry.header().entry_type() {
            EntryType::Directory => self.put(&path, What::Directory),
            EntryType::Regular => {
                let (mode, mtime) = (entry.header().mode()?, entry.header().mtime()?);
                self.put(&path, What::File { mode, mtime, content: entry })
            }
            EntryType::Symlink => {
                let target = entry.link_name()?.ok_or_else(|| io::Error::other("it holds a link to nowhere"))?;
                let target = target.into_owned();
                self.put(&path, What::Link(&target))
            }
            _ => Err(io::Error::other("it holds what is neither a file, a directory nor a symbolic link")),
        }
    }

    /// Makes this at `path`, which leads down from the root.
    pub fn put(&mut self, path: &Path, what: What<'_>) -> io::Result<()> {
        let outside = || io::Error::other("it names a path outside itself");
        let mut names = path.components().map(|part| match part {
            Component::Normal(name) => Ok(name),
            _ => Err(outside()),
        });
        let mut names = names.by_ref().collect::<io::Result<Vec<&OsStr>>>()?;
        if matches!(what, What::Directory) {
            return self.enter(&names).map(drop);
        }
        let name = names.pop().ok_or_else(outside)?;
        let dir = self.enter(&names)?;
        match what {
            What::Directory => Ok(()),
            What::File { mode, mtime, content } => write(dir, name, mode, mtime, content),
            What::Link(target) => Ok(symlinkat(target, dir, name)?),
        }
    }

    /// Opens the directory of these names, made where it is missing.
    fn enter(&mut self, names: &[&OsStr]) -> io::Result<BorrowedFd<'_>> {
        let shared = self.open.iter().zip(names).take_while(|((have, _), name)| have == *name).count();
        self.open.truncate(shared);
        for name in &names[shared..] {
            let dir = self.open.last().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd());
            match mkdirat(dir, *name, DIRECTORY_MODE) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(e) => return Err(e.into()),
            }
            let opened = openat(dir, *name, DIRECTORY, Mode::empty())?;
            fchmod(&opened, DIRECTORY_MODE)?;
            self.open.push(((*name).to_owned(), opened));
        }
        Ok(self.open.last().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd()))
    }
}

fn write(dir: BorrowedFd<'_>, name: &OsStr, mode: u32, mtime: u64, content: &mut dyn Read) -> io::Result<()> {
    let mode = Mode::from_bits_truncate(mode & 0o777);
    let mut file = File::from(openat(dir, name, NEW_FILE, mode)?);
    io::copy(content, &mut file)?;
    // A narrow umask took bits away.
    fchmod(&file, mode)?;
    let time = TimeSpec::new(i64::try_from(mtime).unwrap_or(0), 0);
    Ok(futimens(&file, &time, &time)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use dokuen_core::fs;
    use tar::{Archive, Builder, Header};

    use super::*;

    type Row<'a> = (&'a [u8], EntryType, u32, &'a [u8]);

    fn archive(rows: &[Row<'_>]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind, mode, content) in rows {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name);
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_mtime(1_000_000_000);
            let content = if *kind == EntryType::Symlink {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content);
                &[]
            } else {
                *content
            };
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpack(into: &Path, rows: &[Row<'_>]) -> io::Result<()> {
        let bytes = archive(rows);
        let mut unpack = Unpack::into(into)?;
        let mut archive = Archive::new(bytes.as_slice());
        for entry in archive.entries()? {
            unpack.take(&mut entry?)?;
        }
        Ok(())
    }

    const FILE: EntryType = EntryType::Regular;
    const DIR: EntryType = EntryType::Directory;
    const LINK: EntryType = EntryType::Symlink;

    #[test]
    fn names_modes_times_and_links_come_as_they_are() {
        let temp = tempfile::tempdir().unwrap();
        let rows: &[Row<'_>] = &[
            (b"a/", DIR, 0o755, b""),
            (b"a/b/run.sh", FILE, 0o755, b"x"),
            (b"a/c", FILE, 0o644, b""),
            (b"d\xff\n", FILE, 0o644, b"bytes"),
            (b"l", LINK, 0o777, b"/nowhere"),
            (b"z/y", FILE, 0o644, b"1"),
        ];
        unpack(temp.path(), rows).unwrap();
        let run = temp.path().join("a/b/run.sh").metadata().unwrap();
        assert_eq!((run.mode() & 0o777, run.mtime()), (0o755, 1_000_000_000));
        assert_eq!(fs::link_target(&temp.path().join("l")).unwrap().unwrap(), Path::new("/nowhere"));
        let odd = temp.path().join(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"d\xff\n"));
        assert_eq!(fs::read(&odd).unwrap(), b"bytes");
    }

    #[test]
    fn nothing_is_written_outside() {
        let temp = tempfile::tempdir().unwrap();
        let (into, outside) = (temp.path().join("in"), temp.path().join("out"));
        for dir in [&into, &outside] {
            fs::make_dir(dir, 0o700).unwrap();
        }
        for rows in [
            &[(&b"../out/x"[..], FILE, 0o644, &b"x"[..])][..],
            &[(b"/tmp/dokuen-x", FILE, 0o644, b"x")],
            &[(b"a/../../out/x", FILE, 0o644, b"x")],
            &[(b"l", LINK, 0o777, b"../out"), (b"l/x", FILE, 0o644, b"x")],
            &[(b"m", LINK, 0o777, b"../out/x"), (b"m", FILE, 0o644, b"x")],
            &[(b"f", EntryType::Fifo, 0o644, b"")],
            &[(b"h", EntryType::Link, 0o644, b"")],
        ] {
            assert!(unpack(&into, rows).is_err(), "{rows:?}");
            assert_eq!(fs::names(&outside).unwrap(), Vec::<String>::new(), "{rows:?}");
        }
        fs::link(&outside, &into.join("planted")).unwrap();
        assert!(unpack(&into, &[(b"planted/x", FILE, 0o644, b"x")]).is_err());
        assert_eq!(fs::names(&outside).unwrap(), Vec::<String>::new());
    }
}
