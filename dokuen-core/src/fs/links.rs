//! Symlinks, which change in one step, and further names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::replace::BESIDE;
use super::{FsError, at, parent, remove, sync_dir};

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
    relink_by(parent(link), target, link)
}

/// As [`relink_report`], made ready in another directory of the same file system: for a link in one that nobody sweeps.
pub fn relink_by(dir: &Path, target: &Path, link: &Path) -> Result<(), FsError> {
    let made = tempfile::Builder::new().prefix(BESIDE).make_in(dir, |path| std::os::unix::fs::symlink(target, path));
    let beside = at("link", link, made)?.into_temp_path();
    at("link", link, fs::rename(&beside, link))?;
    // The name is gone by the rename: nothing is left to clean up.
    let _ = beside.keep();
    Ok(())
}

/// A directory and a symlink beside it change names in one step, which lasts: whoever looks at either name finds one of
/// the two. Where the system cannot do that nothing is at them for a moment.
pub fn swap(dir: &Path, link: &Path) -> Result<(), FsError> {
    swap_names(dir, link)?;
    sync_dir(parent(dir)).inspect_err(|_| drop(swap_names(link, dir)))
}

fn swap_names(dir: &Path, link: &Path) -> Result<(), FsError> {
    if at("swap names with", link, crate::platform::swap(dir, link))? {
        return Ok(());
    }
    let target = at("read link", link, fs::read_link(link))?;
    remove(link)?;
    at("rename to", link, fs::rename(dir, link))?;
    self::link(&target, dir)
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
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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

    #[test]
    fn names_that_are_swapped_lead_somewhere_at_any_moment() {
        let dir = tempfile::tempdir().unwrap();
        let [tree, other] = ["old", "new"].map(|name| dir.path().join(name));
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), "text").unwrap();
        link(Path::new("new"), &other).unwrap();
        let over = AtomicBool::new(false);
        let missing = || [&tree, &other].iter().any(|path| path.symlink_metadata().is_err());
        let look = || std::iter::repeat_with(missing).take_while(|_| !over.load(Relaxed)).filter(|miss| *miss).count();
        std::thread::scope(|scope| {
            let reader = scope.spawn(look);
            for (dir, link) in [(&tree, &other), (&other, &tree)].into_iter().cycle().take(200) {
                swap_names(dir, link).unwrap();
            }
            over.store(true, Relaxed);
            // Elsewhere than on Linux nothing may be there for a moment.
            assert!(reader.join().unwrap() == 0 || cfg!(any(dokuen_portable, not(target_os = "linux"))));
        });
        swap(&tree, &other).unwrap();
        assert_eq!(
            (fs::read(other.join("file")).unwrap(), fs::read_link(&tree).unwrap()),
            (b"text".to_vec(), "new".into())
        );
        assert!(swap(&other, &dir.path().join("missing")).unwrap_err().is_not_found());
    }
}
