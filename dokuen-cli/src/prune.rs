//! Old releases go: out of the way at once by a rename, off the disk aside, so that no deploy waits for it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use dokuen_core::cmd::Cmd;
use dokuen_core::fs::{self, FsError};
use dokuen_core::ledger::{self, Version};
use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, Host};

use crate::build;
use crate::cache;
use crate::exit::Failure;
use crate::oneoffs;
use crate::spare_tree;

/// Scratch of a command that was killed is rubbish after so long.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Who keeps many releases has them pruned a tenth at a time: to find which were live last, the whole ledger is read.
const SHARE: usize = 10;

/// The trees that may go after a deploy: those of [`surplus`], once they are enough to be worth it.
pub fn due(host: &Host, app: &App) -> Result<Vec<Tree>, Failure> {
    if is_worth_it(releases::count(app)?, host.conf.keep_releases) { surplus(host, app) } else { Ok(Vec::new()) }
}

fn is_worth_it(trees: usize, keep: usize) -> bool {
    trees > keep.saturating_add(keep / SHARE)
}

/// The trees that may go: not current, not previous, run by nobody, and not among those kept that were live last.
pub fn surplus(host: &Host, app: &App) -> Result<Vec<Tree>, Failure> {
    let (rest, surplus) = rest(host, app)?;
    if surplus == 0 { Ok(Vec::new()) } else { oldest(app, rest, surplus) }
}

/// The trees that nobody needs at this moment, and how many of them are more than are kept.
fn rest(host: &Host, app: &App) -> Result<(Vec<Tree>, usize), Failure> {
    let mut needed: Vec<PathBuf> = Vec::new();
    needed
        .extend([releases::current(app)?, releases::previous(app)?].into_iter().flatten().map(|t| t.path().to_owned()));
    needed.extend(oneoffs::trees_in_use(app)?);
    for instance in dokuen_proc::instances(app)? {
        needed.extend(instance.spec().map(|spec| spec.tree));
    }
    let mut rest = releases::all(app)?;
    rest.retain(|tree| !needed.iter().any(|path| path == tree.path()));
    let surplus = rest.len().saturating_sub(host.conf.keep_releases);
    Ok((rest, surplus))
}

/// As many of them as are said: those whose last release has the lowest number.
fn oldest(app: &App, mut trees: Vec<Tree>, count: usize) -> Result<Vec<Tree>, Failure> {
    let last = last_use(app, &trees)?;
    trees.sort_by_key(|tree| last.get(&tree.name()).copied());
    trees.truncate(count);
    Ok(trees)
}

/// The newest release of each tree: an older tree may have been taken again.
fn last_use(app: &App, trees: &[Tree]) -> Result<HashMap<String, Version>, Failure> {
    let mut unseen: HashSet<String> = trees.iter().map(Tree::name).collect();
    let mut last = HashMap::new();
    for version in ledger::versions(app)?.into_iter().rev() {
        if unseen.is_empty() {
            break;
        }
        let tree = ledger::record(app, version)?.map(|record| record.tree);
        last.extend(tree.and_then(|tree| unseen.take(&tree)).map(|tree| (tree, version)));
    }
    Ok(last)
}

/// Moves them out of the way. The app's lock must be held.
pub fn set_aside(host: &Host, app: &App, trees: &[Tree]) -> Result<(), Failure> {
    for tree in trees {
        fs::rename(tree.path(), &rubbish(host, &format!("{}-{tree}", app.name)))?;
    }
    Ok(())
}

/// Starts a process of low priority that removes what was set aside; nobody waits for it.
pub fn tidy_aside(host: &Host) -> Result<(), Failure> {
    let dokuen = host.program();
    let mut command = Cmd::new("nice", Path::new("/"))
        .env("PATH", host.conf.search_path())
        // No app's, though one may have run the command that starts it.
        .env(dokuen_proc::MARK, "tidy")
        .args(["-n", "19"])
        .arg(dokuen)
        .arg("tidy")
        .to_std();
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    // Not waited for: it is somebody else's child as soon as this command ends.
    fs::at("start", &host.program(), spawned.map(drop))?;
    Ok(())
}

/// Removes what was set aside, what is too much of build caches and of buildpacks' copies, and scratch that nobody uses any
/// more; then makes ready what the next pushes take: trees of what was pushed, and what is in caches.
pub fn tidy(host: &Host) -> Result<(), Failure> {
    host.apps()?.iter().try_for_each(|app| cache::bound(host, app))?;
    build::store(host).tidy(host.conf.cache_bytes, SystemTime::now())?;
    let removed = remove_trash(host).and(remove_stale(host));
    // One whose cache a build is just changing holds up no other, nor does what cannot be removed.
    let make = |app: &App| cache::spare(host, app).and(spare_tree::make(host, app));
    let made: Vec<_> = host.apps()?.iter().map(make).collect();
    removed.and(made.into_iter().collect())
}

/// Removes what was set aside; what cannot be removed keeps nothing else here.
pub fn remove_trash(host: &Host) -> Result<(), Failure> {
    let removed: Vec<_> = trash(host)?.iter().map(|path| fs::remove_tree(path)).collect();
    Ok(removed.into_iter().collect::<Result<(), _>>()?)
}

/// What was set aside and waits for its removal.
pub fn trash(host: &Host) -> Result<Vec<PathBuf>, Failure> {
    let names = fs::names(&host.tmp_dir())?;
    Ok(names.iter().filter(|name| name.starts_with(TRASH)).map(|name| host.tmp_dir().join(name)).collect())
}

fn remove_stale(host: &Host) -> Result<(), Failure> {
    for name in fs::names(&host.tmp_dir())?.iter().filter(|name| !name.starts_with(TRASH)) {
        let path = host.tmp_dir().join(name);
        if is_stale(&path)? {
            fs::remove_tree(&path)?;
        }
    }
    Ok(())
}

/// Where something waits for its removal: a command that is killed over it leaves it to the next [`tidy`].
pub fn rubbish(host: &Host, name: &str) -> PathBuf {
    host.tmp_dir().join(format!("{TRASH}{name}"))
}

const TRASH: &str = "trash-";

fn is_stale(path: &Path) -> Result<bool, FsError> {
    let meta = match fs::at("inspect", path, path.symlink_metadata()) {
        Err(e) if e.is_not_found() => return Ok(false),
        other => other?,
    };
    let age = meta.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    Ok(age.is_some_and(|age| age > STALE))
}

#[cfg(test)]
mod tests {
    use super::is_worth_it;

    #[test]
    fn who_keeps_a_few_has_each_pruned_at_once_and_who_keeps_many_a_tenth_at_a_time() {
        // trees, kept, whether it is looked which may go
        let table = [
            (5, 5, false),
            (6, 5, true),
            (12, 10, true),
            (1100, 1000, false),
            (1101, 1000, true),
            (9, usize::MAX, false),
        ];
        for (trees, keep, worth) in table {
            assert_eq!(is_worth_it(trees, keep), worth, "{trees} of {keep}");
        }
    }
}
