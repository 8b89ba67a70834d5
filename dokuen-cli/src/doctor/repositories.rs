//! That all in a repository is the account's. git makes files as whoever pushes, and one of root's keeps everybody else
//! from pushing; in an app that was destroyed it keeps what is left of it from being removed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dokuen_core::{Host, fs};
use nix::unistd::geteuid;
use walkdir::WalkDir;

use super::{Check, Finding};
use crate::exit::Failure;
use crate::{place, prune};

pub const CHECK: Check = Check { about: "repositories", look, fix: Some(fix) };

/// So many files and directories of all repositories are looked at.
const MOST: usize = 200_000;

/// What was given back while this process was root still.
static BY_ROOT: OnceLock<Vec<Finding>> = OnceLock::new();

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let (mut found, mut room) = (Vec::new(), MOST);
    let name = &host.conf.app_user;
    for app in host.apps()? {
        found.extend(foreign(app.repo(), &mut room).map(|file| {
            let says = format!("`{}` holds what is not {name}'s: {}", app.repo().display(), file.display());
            Finding::problem(format!("{says}; pushes to it fail"), chown(host, app.repo()))
        }));
    }
    for path in prune::trash(host)? {
        found.extend(foreign(&path, &mut room).map(|file| {
            let says = format!("`{}` cannot be removed: {} in it is not {name}'s", path.display(), file.display());
            Finding::problem(says, format!("sudo rm -rf '{}'", path.display()))
        }));
    }
    if found.is_empty() {
        found.push(Finding::ok("all in them is the account's"));
    }
    found.extend(BY_ROOT.get().into_iter().flatten().cloned());
    Ok(found)
}

fn chown(host: &Host, path: &Path) -> String {
    format!("sudo chown -R {}: '{}'", host.conf.app_user, path.display())
}

/// The first file or directory in a tree that is somebody else's. A link has no bytes that could be in the way, and where
/// it leads is not this tree. The tree itself is looked at by `places`.
fn foreign(tree: &Path, room: &mut usize) -> Option<PathBuf> {
    let account = geteuid().as_raw();
    let all = WalkDir::new(tree).min_depth(1).into_iter().take(*room).inspect(|_| *room -= 1);
    let mut others = all.filter_map(|entry| {
        let entry = entry.ok().filter(|entry| !entry.path_is_symlink())?;
        (entry.metadata().ok()?.uid() != account).then(|| entry.into_path())
    });
    let first = others.next()?;
    Some(first.strip_prefix(tree).map(Path::to_owned).unwrap_or(first))
}

/// What root has given back in what is rubbish can be removed.
fn fix(host: &Host) -> Result<(), Failure> {
    // Where it is not root's to give, the next look says so.
    let _ = prune::remove_trash(host);
    Ok(())
}

/// For whoever becomes the account after it: what root has left becomes the account's.
pub fn give_back_as_root(host: &Host) {
    BY_ROOT.get_or_init(|| {
        let given = given_back(host);
        let mended = given.unwrap_or_default().into_iter().map(|(name, count)| Finding {
            mended: true,
            ..Finding::problem(says_given_back(host, &name, count), chown(host, &name))
        });
        mended.collect()
    });
}

/// For people: what was given back, where.
pub fn says_given_back(host: &Host, tree: &Path, count: usize) -> String {
    let name = tree.file_name().unwrap_or_default().to_string_lossy();
    format!("{count} files that root had left in {name} are {}'s now", host.conf.app_user)
}

/// Gives the account what is root's in repositories and in rubbish: which trees, and how much in each. Nothing is done by
/// anybody else.
pub fn given_back(host: &Host) -> Result<Vec<(PathBuf, usize)>, Failure> {
    let account = place::account(&host.conf)?;
    let mut given = Vec::new();
    if !geteuid().is_root() || account.uid.is_root() {
        return Ok(given);
    }
    for tree in repositories(host)?.into_iter().chain(prune::trash(host)?) {
        let (Some(dir), Some(name)) = (tree.parent(), tree.file_name().and_then(|name| name.to_str())) else {
            continue;
        };
        let count = fs::own_tree_of_foreign(&roots_own(dir)?, name, account.uid.as_raw(), account.gid.as_raw())?;
        if count > 0 {
            given.push((tree, count));
        }
    }
    Ok(given)
}

/// Behind Gitolite they are links to its own, which root does not follow.
fn repositories(host: &Host) -> Result<Vec<PathBuf>, Failure> {
    let names = fs::names(&host.repos_dir())?;
    Ok(names.iter().filter(|name| name.ends_with(".git")).map(|name| host.repos_dir().join(name)).collect())
}

/// A directory that root has put on a larger disk by a link is found there; a link of anybody else's leads nowhere.
fn roots_own(dir: &Path) -> Result<PathBuf, Failure> {
    let is_roots = dir.symlink_metadata().is_ok_and(|meta| meta.is_symlink() && meta.uid() == 0);
    Ok(if is_roots { fs::at("find", dir, dir.canonicalize())? } else { dir.to_owned() })
}
