//! Built trees under `apps/A/releases`: named by the second they were cut in, whole once they carry their mark.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::fs::{self, FsError};
use crate::layout::{App, own_dir_in};
use crate::stamp::Stamp;

/// A directory at its final path that a build may write into. It becomes a [`Tree`] by [`Unfinished::complete`];
/// dropped before that, it stays unmarked and is swept.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
}

/// A built tree that carries its completion mark: only such a one may be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    path: PathBuf,
    stamp: Stamp,
}

/// Cuts a new directory. Two within one second, or a clock that steps back, still give two names in the right order.
pub fn cut(app: &App, now: Stamp) -> Result<Unfinished, FsError> {
    let newest = stamps(app)?.into_iter().max();
    let mut stamp = newest.map_or(now, |last| now.max(last.next()));
    loop {
        let path = app.releases_dir().join(stamp.to_string());
        match fs::make_dir(&path, fs::PRIVATE_DIR) {
            Err(e) if e.source.kind() == std::io::ErrorKind::AlreadyExists => stamp = stamp.next(),
            made => return made.map(|()| Unfinished { path }),
        }
    }
}

/// A directory with a name that it had on another machine; one of that name must not be there.
pub fn cut_as(app: &App, stamp: Stamp) -> Result<Unfinished, FsError> {
    let path = app.releases_dir().join(stamp.to_string());
    fs::make_dir(&path, fs::PRIVATE_DIR).map(|()| Unfinished { path })
}

impl Unfinished {
    /// Where to build.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks the tree whole: everything in it is on the disk before the mark is.
    pub fn complete(self) -> Result<Tree, FsError> {
        let dir = own_dir_in(&self.path);
        fs::make_dirs(&dir, fs::PRIVATE_DIR)?;
        fs::sync_tree(&self.path)?;
        fs::replace(&dir.join(MARK), b"", fs::PRIVATE_FILE)?;
        fs::sync_dir(&self.path)?;
        fs::sync_dir(parent(&self.path))?;
        Tree::at(&self.path).ok_or_else(|| FsError {
            action: "complete",
            path: self.path.clone(),
            source: std::io::Error::other("its name is no release name"),
        })
    }
}

const MARK: &str = "complete";

impl Tree {
    /// The tree at `path`, when it is named like one and carries its mark. One that nobody may look into is taken for one:
    /// who wants to read it hears why, and nobody removes it for unfinished.
    pub fn at(path: &Path) -> Option<Self> {
        let stamp = Stamp::parse(path.file_name()?.to_str()?)?;
        let is_whole = match own_dir_in(path).join(MARK).metadata() {
            Ok(mark) => mark.is_file(),
            Err(e) => e.kind() == std::io::ErrorKind::PermissionDenied,
        };
        is_whole.then(|| Self { path: path.to_owned(), stamp })
    }

    /// The tree of this app with the given name.
    pub fn named(app: &App, name: &str) -> Option<Self> {
        Stamp::parse(name)?;
        Self::at(&app.releases_dir().join(name))
    }

    /// Where it is; absolute, and true as long as it exists.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, `YYYYmmddTHHMMSS`.
    pub fn name(&self) -> String {
        self.stamp.to_string()
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stamp.fmt(f)
    }
}

/// Every whole tree, oldest first.
pub fn all(app: &App) -> Result<Vec<Tree>, FsError> {
    let dir = app.releases_dir();
    Ok(fs::names(&dir)?.iter().filter_map(|name| Tree::at(&dir.join(name))).collect())
}

/// Whole trees, newest first; each is looked at when it is asked for, so that who wants a few does not wait for all.
pub fn newest_first(app: &App) -> Result<impl Iterator<Item = Tree>, FsError> {
    let dir = app.releases_dir();
    Ok(fs::names(&dir)?.into_iter().rev().filter_map(move |name| Tree::at(&dir.join(name))))
}

/// How many directories there are, whole or not.
pub fn count(app: &App) -> Result<usize, FsError> {
    Ok(stamps(app)?.len())
}

/// The tree that `current` points at.
pub fn current(app: &App) -> Result<Option<Tree>, FsError> {
    linked(app, &app.current())
}

/// The tree that `previous` points at.
pub fn previous(app: &App) -> Result<Option<Tree>, FsError> {
    linked(app, &app.previous())
}

fn linked(app: &App, link: &Path) -> Result<Option<Tree>, FsError> {
    let target = target_at(link)?;
    Ok(target.as_deref().and_then(Path::file_name).and_then(|n| n.to_str()).and_then(|name| Tree::named(app, name)))
}

/// A file in its place, as some backups bring a link back, leads nowhere: it is replaced when the link is next made.
fn target_at(link: &Path) -> Result<Option<PathBuf>, FsError> {
    match fs::link_target(link) {
        Err(e) if e.source.kind() == std::io::ErrorKind::InvalidInput => Ok(None),
        other => other,
    }
}

/// Makes `tree` current. `previous` moves first, so that at no moment one of the two is missing or dangling.
/// After an error it may have been done all the same (a rename that could not be synced): see [`Links`].
pub fn promote(app: &App, tree: &Tree) -> Result<(), FsError> {
    let before = current(app)?;
    if before.as_ref() == Some(tree) {
        return Ok(());
    }
    if let Some(before) = &before {
        // One wait for the disk makes both last: they lie in the same directory.
        fs::relink_report(&target_of(before), &app.previous())?;
    }
    fs::relink(&target_of(tree), &app.current())
}

/// Makes the tree of this name current again, of which it is known that it was: the link was lost, or the tree has lost its
/// mark, say because the app cleaned its directory. `None` where the tree itself is gone.
pub fn promote_again(app: &App, name: &str) -> Result<Option<Tree>, FsError> {
    let path = app.releases_dir().join(name);
    if Stamp::parse(name).is_none() || !path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(None);
    }
    let tree = match Tree::at(&path) {
        Some(tree) => tree,
        None => Unfinished { path }.complete()?,
    };
    promote(app, &tree)?;
    Ok(Some(tree))
}

/// Where `current` and `previous` lead, to be put back when a promotion fails half-way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    current: Option<PathBuf>,
    previous: Option<PathBuf>,
}

impl Links {
    /// As they are now.
    pub fn of(app: &App) -> Result<Self, FsError> {
        Ok(Self { current: target_at(&app.current())?, previous: target_at(&app.previous())? })
    }

    /// Makes them so again, also where only one of them was moved.
    pub fn put_back(&self, app: &App) -> Result<(), FsError> {
        for (link, target) in [(app.current(), &self.current), (app.previous(), &self.previous)] {
            match target {
                Some(target) if target_at(&link)?.as_ref() != Some(target) => fs::relink(target, &link)?,
                Some(_) => {}
                None => fs::remove(&link)?,
            }
        }
        Ok(())
    }
}

/// Relative, so that a moved dokuen directory stays whole.
fn target_of(tree: &Tree) -> PathBuf {
    Path::new("releases").join(tree.name())
}

/// Removes directories that no build completed, and what is no release by its name. Only the holder of the app's lock may
/// call it, and before it cuts one: so what is not whole was cut after all that is, and no older tree is looked at.
pub fn sweep(app: &App) -> Result<(), FsError> {
    let mut are_whole = false;
    for name in fs::names(&app.releases_dir())?.into_iter().rev() {
        let path = app.releases_dir().join(&name);
        let is_named = Stamp::parse(&name).is_some();
        are_whole = are_whole || Tree::at(&path).is_some();
        if !(is_named && are_whole) {
            fs::remove_tree(&path)?;
        }
    }
    Ok(())
}

fn stamps(app: &App) -> Result<Vec<Stamp>, FsError> {
    Ok(fs::names(&app.releases_dir())?.iter().filter_map(|name| Stamp::parse(name)).collect())
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
