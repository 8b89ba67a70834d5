//! Symlinks, which change in one step, and further names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::replace::BESIDE;
use super::{FsError, at, parent, sync_dir};

/// Makes a symlink that must not be there yet.
pub fn link(target: &Path, link: &Path) -> Result<(), FsError> {
    at("link", link, std::os::unix::fs::symlink(target, link))
}

/// Makes symlinks to `target` that must not be there yet. Together they take one inode: they are names of one symlink,
/// or, where a symlink can have but one name, each is one of its own.
pub fn links(target: &Path, mut links: impl Iterator<Item = PathBuf>) -> Result<(), FsError> {
    let Some(first) = links.next() else { return Ok(()) };
    link(target, &first)?;
    links.try_for_each(|further| fs::hard_link(&first, &further).or_else(|_| link(target, &further)))
}

/// Makes `link` point at `target` in one step: a reader sees the old target or the new one, never nothing.
pub fn relink(target: &Path, link: &Path) -> Result<(), FsError> {
    relink_report(target, link)?;
    sync_dir(parent(link))
}

/// As [`relink`], without waiting for the disk: for the run directory, which a reboot empties.
pub fn relink_report(target: &Path, link: &Path) -> Result<(), FsError> {
    let dir = parent(link);
    let made = tempfile::Builder::new().prefix(BESIDE).make_in(dir, |path| std::os::unix::fs::symlink(target, path));
    let beside = at("link", link, made)?.into_temp_path();
    at("link", link, fs::rename(&beside, link))?;
    // The name is gone by the rename: nothing is left to clean up.
    let _ = beside.keep();
    Ok(())
}

/// Where a symlink points, `None` when there is none.
pub fn link_target(link: &Path) -> Result<Option<PathBuf>, FsError> {
    match at("read link", link, fs::read_link(link)) {
        Ok(target) => Ok(Some(target)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

/// Gives a file a further name; where that cannot be (another file system, too many names), a copy with its mode. What has
/// the name already stays.
pub fn name_again(file: &Path, name: &Path) -> Result<(), FsError> {
    match fs::hard_link(file, name) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => at("copy to", name, fs::copy(file, name).map(drop)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::super::names;
    use super::*;

    #[test]
    fn links_made_together_are_one_inode_and_leave_what_is_there_alone() {
        let dir = tempfile::tempdir().unwrap();
        let name = |n: &str| dir.path().join(n);
        links(Path::new("a"), ["1", "2", "3"].into_iter().map(name)).unwrap();
        let inode = |n: &str| fs::symlink_metadata(name(n)).unwrap().ino();
        assert_eq!([inode("2"), inode("3")], [inode("1"); 2]);
        links(Path::new("b"), ["4", "3"].into_iter().map(name)).unwrap_err();
        assert_eq!(["1", "2", "3"].map(|n| link_target(&name(n)).unwrap().unwrap()), ["a"; 3].map(PathBuf::from));
    }

    #[test]
    fn relink_is_never_missing_for_a_reader() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("current");
        relink(Path::new("a"), &link).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| (0..20_000).filter(|_| fs::read_link(&link).is_err()).count());
            for i in 0..500 {
                relink_report(Path::new(if i % 2 == 0 { "b" } else { "a" }), &link).unwrap();
            }
            assert_eq!(reader.join().unwrap(), 0);
        });
        assert_eq!(names(dir.path()).unwrap(), ["current"]);
    }
}
