//! Owner and mode of what stands in a directory that somebody else may write: a link in its place is not followed.

use std::ffi::OsStr;
use std::fs::read_dir;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat};
use nix::unistd::{Gid, Uid, fchown, fchownat, geteuid};

use super::{FsError, at};

/// Sets its mode; of a link, which has none of its own, it is an error.
pub fn set_mode_of_foreign(path: &Path, mode: u32) -> Result<(), FsError> {
    let mode = Mode::from_bits_truncate(mode as nix::libc::mode_t);
    let set = fchmodat(AT_FDCWD, path, mode, FchmodatFlags::NoFollowSymlink);
    let failed = |e: Errno| if e == Errno::EOPNOTSUPP { io::Error::other("it is a symbolic link") } else { e.into() };
    at("set the mode of", path, set.map_err(failed))
}

/// Gives it to a user and a group, by their numbers; a link itself is given, and not what it leads to.
pub fn own_of_foreign(path: &Path, user: u32, group: u32) -> Result<(), FsError> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    let owned = fchownat(AT_FDCWD, path, Some(user), Some(group), AtFlags::AT_SYMLINK_NOFOLLOW);
    at("hand over", path, owned.map_err(io::Error::from))
}

/// Gives what is the caller's own in a tree to a user and a group, and says how many files and directories that were. `dir`
/// is where the tree `name` lies: whoever may write in either leads nobody out of the tree by a link, and gets no file of
/// the caller's by a further name for it.
pub fn own_tree_of_foreign(dir: &Path, name: &str, user: u32, group: u32) -> Result<usize, FsError> {
    let to = (Uid::from_raw(user), Gid::from_raw(group));
    let above = at("open", dir, open(dir, DIRECTORY, Mode::empty()).map_err(io::Error::from))?;
    let tree = dir.join(name);
    at("hand over", &tree, hand_over(above.as_fd(), name.as_ref(), &tree, to, DEEPEST).map_err(io::Error::from))
}

/// git's own directories are not so deep, and each takes a descriptor.
const DEEPEST: usize = 64;
const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// A FIFO that lies there is not waited for.
const ANY: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

fn hand_over(above: BorrowedFd<'_>, name: &OsStr, path: &Path, to: (Uid, Gid), levels: usize) -> nix::Result<usize> {
    let this = match openat(above, name, ANY, Mode::empty()) {
        Ok(this) => this,
        // A link, a socket, what went meanwhile.
        Err(Errno::ELOOP | Errno::ENXIO | Errno::ENOENT) => return Ok(0),
        Err(e) => return Err(e),
    };
    let mut given = usize::from(hand_over_one(&this, to)?);
    let is_dir = SFlag::from_bits_truncate(fstat(&this)?.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    if is_dir && levels > 0 {
        // The names may be those of another directory that somebody has put there; what is opened by them is not.
        for entry in read_dir(path).into_iter().flatten().flatten() {
            given += hand_over(this.as_fd(), &entry.file_name(), &entry.path(), to, levels - 1)?;
        }
    }
    Ok(given)
}

fn hand_over_one(this: &OwnedFd, (user, group): (Uid, Gid)) -> nix::Result<bool> {
    let meta = fstat(this)?;
    let kind = SFlag::from_bits_truncate(meta.st_mode) & SFlag::S_IFMT;
    let has_one_name = kind == SFlag::S_IFDIR || kind == SFlag::S_IFREG && meta.st_nlink == 1;
    let gives = has_one_name && Uid::from_raw(meta.st_uid) == geteuid();
    if gives {
        fchown(this, Some(user), Some(group))?;
    }
    Ok(gives)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::link;
    use super::*;

    /// Only root can give something to somebody else; to oneself anybody can, and it counts.
    #[test]
    fn a_tree_is_handed_over_without_what_links_and_further_names_lead_to() {
        use nix::unistd::{getegid, mkfifo};
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        super::super::make_dirs(&at("tree/in/deep"), 0o700).unwrap();
        super::super::make_dirs(&at("outside/in"), 0o700).unwrap();
        for file in ["tree/a", "tree/in/deep/b", "outside/c"] {
            super::super::replace(&at(file), b"x", 0o600).unwrap();
        }
        link(&at("outside"), &at("tree/link")).unwrap();
        link(&at("outside"), &at("planted")).unwrap();
        super::super::name_again(&at("outside/c"), &at("tree/name")).unwrap();
        mkfifo(&at("tree/fifo"), Mode::S_IRWXU).unwrap();
        let own = |name: &str| own_tree_of_foreign(dir.path(), name, geteuid().as_raw(), getegid().as_raw());
        assert_eq!(own("tree").unwrap(), 5, "the tree, in, deep, a and b");
        assert_eq!((own("planted").unwrap(), own("missing").unwrap()), (0, 0));
    }

    #[test]
    fn what_a_planted_link_leads_to_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let (there, planted) = (dir.path().join("there"), dir.path().join("planted"));
        super::super::make_dir(&there, 0o755).unwrap();
        link(&there, &planted).unwrap();
        let refused = set_mode_of_foreign(&planted, 0o700).unwrap_err();
        assert_eq!(refused.source.to_string(), "it is a symbolic link");
        let mode = || there.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o755);
        set_mode_of_foreign(&there, 0o700).unwrap();
        assert_eq!(mode(), 0o700);
    }
}
