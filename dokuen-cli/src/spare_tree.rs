//! A spare of what was pushed last, made when nobody waits for it: the next push takes it by a rename and writes only what
//! has changed. A large tree is nearly all the same from push to push, and making its files is what takes long.
//!
//! `apps/APP/source/COMMIT.BYTES/` is the tree of that commit as `git archive` writes it, whole by the rename that gives it
//! its name. Only one push can take it, so no release shares a file with another.

mod changes;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dokuen_core::{App, Host, fs, ledger, releases};

use crate::exit::{Exit, Failure};
use crate::git::{self, Archived, Commit};
use crate::{prune, pushed_tree, room};
use changes::{Changes, Size};

/// Fewer files are written faster than git says which have changed.
const LEAST_FILES: usize = 1000;
/// As long as git may take over a push that its hook has let through.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tree that waits to be taken.
struct Spare {
    path: PathBuf,
    commit: Commit,
    bytes: u64,
}

impl Spare {
    /// The one there is.
    fn of(app: &App) -> Result<Option<Self>, Failure> {
        let dir = app.spare_source_dir();
        let parse = |name: String| {
            let (commit, bytes) = name.split_once('.')?;
            Some(Self { path: dir.join(&name), commit: Commit::parse(commit)?, bytes: bytes.parse().ok()? })
        };
        Ok(fs::names(&dir)?.into_iter().find_map(parse))
    }
}

/// Writes the tree of a commit into `into`, a directory that is empty; what comes back is as from [`git::archive`].
pub fn write(host: &Host, app: &App, commit: &Commit, into: &Path) -> Result<Vec<PathBuf>, Failure> {
    if let Some(small) = take(host, app, commit, into)? {
        return Ok(small);
    }
    git::archive(host, app.repo(), commit, &[], into).map(|archived| archived.small)
}

/// `None` where there is no spare or it is of no use; then `into` is as empty as it was.
fn take(host: &Host, app: &App, commit: &Commit, into: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let Some(spare) = Spare::of(app)? else { return Ok(None) };
    let Some(changes) = changes::between(host, app.repo(), &spare.commit, commit) else { return Ok(None) };
    if fs::rename_report(&spare.path, into).is_err() {
        // Another one that was made meanwhile has taken its place.
        return Ok(None);
    }
    let updated = if weight(into) == spare.bytes { update(host, app, commit, &changes, into).ok() } else { None };
    match updated {
        Some(archived) if spare.bytes + archived.bytes <= host.conf.tree_bytes => Ok(Some(archived.small)),
        // Somebody has spoilt it, or it becomes too large: what is wrong is said by whoever writes the whole.
        _ => {
            fs::remove_tree(into)?;
            fs::make_dir(into, fs::PRIVATE_DIR)?;
            Ok(None)
        }
    }
}

/// Bytes in its files: what was kept is weighed before it is used.
fn weight(tree: &Path) -> u64 {
    let files = walkdir::WalkDir::new(tree).into_iter().filter_map(Result::ok).filter(|one| one.file_type().is_file());
    files.filter_map(|one| Some(one.metadata().ok()?.len())).sum()
}

/// All that goes is gone before anything comes: a file may become a directory, and a directory a symbolic link.
fn update(host: &Host, app: &App, commit: &Commit, changes: &Changes, tree: &Path) -> Result<Archived, Failure> {
    changes.gone.iter().try_for_each(|path| remove(tree, path))?;
    match changes.written.as_slice() {
        [] => Ok(Archived::default()),
        paths => git::archive(host, app.repo(), commit, paths, tree),
    }
}

/// With the directories that are empty then: git knows none. A link on the way there was made by nobody here.
fn remove(tree: &Path, path: &Path) -> Result<(), Failure> {
    let above: Vec<&Path> = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()).collect();
    if above.iter().any(|above| tree.join(above).is_symlink()) {
        return Err(Failure::new(Exit::Failed, "there is a link in the spare tree"));
    }
    fs::remove(&tree.join(path))?;
    for above in above {
        if std::fs::remove_dir(tree.join(above)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Whether one is to be made: looked at by whoever has deployed, so it costs little.
pub fn is_due(app: &App) -> Result<bool, Failure> {
    let Some(tree) = releases::current(app)? else { return Ok(false) };
    Ok(walkdir::WalkDir::new(tree.path()).into_iter().take(LEAST_FILES).count() == LEAST_FILES)
}

/// Makes the spare of what is live, where it is large, git alone decides what is in it, and half of the disk stays free;
/// otherwise there is to be none.
pub fn make(host: &Host, app: &App) -> Result<(), Failure> {
    let Some(commit) = live(app)? else { return forget(host, app) };
    if Spare::of(app)?.is_some_and(|spare| spare.commit == commit) {
        return Ok(());
    }
    if !is_due(app)? || !has_come(host, app, &commit) || !is_worth_it(host, app, &commit)? {
        return forget(host, app);
    }
    let beside = host.tmp_dir().join(format!("source-{}-{}", app.name, std::process::id()));
    let made = match fill(host, app, &commit, &beside) {
        // Of two that were at work the slower one may be that of an older push.
        Ok(Some(_)) if live(app)?.as_ref() != Some(&commit) => Ok(()),
        Ok(Some(bytes)) => put(host, app, bytes, &commit, &beside),
        Ok(None) => forget(host, app),
        Err(failure) => Err(failure),
    };
    // What a killed one leaves is removed when it is a day old, as all of that directory.
    fs::remove_tree(&beside)?;
    made
}

/// The commit that is live.
fn live(app: &App) -> Result<Option<Commit>, Failure> {
    let live = ledger::live(app)?.map(|live| ledger::record(app, live.version)).transpose()?.flatten();
    Ok(live.and_then(|record| Commit::parse(&record.commit?)))
}

/// git takes the objects of a push in when its hook has ended, which is what has started this.
fn has_come(host: &Host, app: &App, commit: &Commit) -> bool {
    let until = Instant::now() + PATIENCE;
    let tree = format!("{}^{{tree}}", commit.id());
    while git::object(host, app.repo(), &tree).is_none() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

fn is_worth_it(host: &Host, app: &App, commit: &Commit) -> Result<bool, Failure> {
    let (size, free) = (changes::size_of(host, app.repo(), commit), room::free(host)?);
    let fits = |size: &Size| size.bytes <= free.bytes / 2 && free.inodes.is_none_or(|inodes| size.files <= inodes / 2);
    Ok(size.is_some_and(|size| size.files >= LEAST_FILES as u64 && fits(&size)))
}

/// How many bytes it has; `None` where a push is to say something about each file of it.
fn fill(host: &Host, app: &App, commit: &Commit, into: &Path) -> Result<Option<u64>, Failure> {
    fs::make_dir(into, fs::PRIVATE_DIR)?;
    let archived = git::archive(host, app.repo(), commit, &[], into)?;
    fs::sync_tree(into)?;
    Ok(Some(weight(into)).filter(|_| !pushed_tree::has_pointer(&archived.small)))
}

/// In the place of those before. Whether a push has just taken one of them makes no difference.
fn put(host: &Host, app: &App, bytes: u64, commit: &Commit, beside: &Path) -> Result<(), Failure> {
    let name = format!("{}.{bytes}", commit.id());
    fs::make_dirs(&app.spare_source_dir(), fs::PRIVATE_DIR)?;
    clear(host, app, &name)?;
    match fs::rename(beside, &app.spare_source_dir().join(&name)) {
        // Another one was quicker.
        Err(_) if app.spare_source_dir().join(&name).is_dir() => Ok(()),
        renamed => Ok(renamed?),
    }
}

/// Removes all but the one of this name. Each goes out of the way first: a push must not take what is half removed.
fn clear(host: &Host, app: &App, kept: &str) -> Result<(), Failure> {
    let dir = app.spare_source_dir();
    for name in fs::names(&dir)?.into_iter().filter(|name| name != kept) {
        let aside = prune::rubbish(host, &format!("source-{}-{}-{name}", app.name, std::process::id()));
        match fs::rename_report(&dir.join(&name), &aside) {
            Err(e) if !e.is_not_found() => return Err(e.into()),
            _ => fs::remove_tree(&aside)?,
        }
    }
    Ok(())
}

/// The next push writes every file.
pub fn forget(host: &Host, app: &App) -> Result<(), Failure> {
    clear(host, app, "")?;
    // It stays where somebody puts another one there.
    let _ = std::fs::remove_dir(app.spare_source_dir());
    Ok(())
}
