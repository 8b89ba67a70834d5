//! Owner and mode of what stands in a directory that somebody else may write: a link in its place is not followed.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Gid, Uid, fchownat};

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::link;
    use super::*;

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
