//! The files that nginx itself answers with (`static.`), where the machine's nginx can read them.
//!
//! Its workers are another account, which can look into no app. So the directories that the settings name, and nothing
//! else of the release, stand a second time below `nginx/static/APP/`: not as copies, but as further names of the same
//! files. `current` there is a symlink that follows the release, and what is shown before it never changes. An nginx of
//! Dokuen's own is the account itself and reads the release.

use std::path::{Path, PathBuf};

use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, Host, NginxKind, fs, ledger};

use super::sheets;
use crate::exit::Failure;

/// Where nginx finds the release's files.
pub fn root(host: &Host, app: &App) -> PathBuf {
    match host.conf.nginx {
        NginxKind::Own => app.current(),
        NginxKind::System => host.static_dir(&app.name).join(CURRENT),
    }
}

/// Makes the files of a tree ready to be shown, before it is the live one; its name among those of the app.
pub fn prepare(host: &Host, app: &App, tree: &Tree) -> Result<Option<String>, Failure> {
    let wanted = wanted(host, app)?;
    if wanted.is_empty() {
        return Ok(None);
    }
    let shown = host.static_dir(&app.name);
    let name = format!("{}-{:016x}", tree.name(), dokuen_core::fnv1a(wanted.join("\0").as_bytes()));
    if shown.join(&name).exists() {
        return Ok(Some(name));
    }
    let half = shown.join(HALF);
    fs::remove_tree(&half)?;
    fs::make_dirs(&half, fs::PUBLIC_DIR)?;
    for dir in &wanted {
        if is_plain(tree.path(), dir) {
            fs::make_dirs(&half.join(dir), fs::PUBLIC_DIR)?;
            show_tree(&tree.path().join(dir), &half.join(dir))?;
        }
    }
    fs::rename(&half, &shown.join(&name))?;
    Ok(Some(name))
}

/// Whether there is, or should be, anything of the app to show.
pub fn concern(host: &Host, app: &App) -> Result<bool, Failure> {
    Ok(!wanted(host, app)?.is_empty() || host.static_dir(&app.name).exists())
}

/// Shows the files of the live tree, and no others.
pub fn show(host: &Host, app: &App) -> Result<(), Failure> {
    if host.conf.nginx == NginxKind::Own || wanted(host, app).is_err() {
        // Settings that cannot be read are named by whoever routes the app; what is shown stays.
        return Ok(());
    }
    let (shown, tree) = (host.static_dir(&app.name), releases::current(app)?);
    if tree.is_none() && ledger::live(app)?.is_some() {
        // Its tree is gone; what is shown are other names of the same files, and stays while it runs.
        return Ok(());
    }
    let Some(name) = tree.map(|tree| prepare(host, app, &tree)).transpose()?.flatten() else {
        return Ok(fs::remove_tree(&shown)?);
    };
    let current = shown.join(CURRENT);
    if fs::link_target(&current)?.as_deref() != Some(Path::new(&name)) {
        fs::relink(Path::new(&name), &current)?;
    }
    for other in fs::names(&shown)?.into_iter().filter(|other| *other != name && other != CURRENT) {
        fs::remove_tree(&shown.join(other))?;
    }
    Ok(())
}

/// Shows nothing of the app any more.
pub fn forget(host: &Host, app: &App) -> Result<(), Failure> {
    Ok(fs::remove_tree(&host.static_dir(&app.name))?)
}

const CURRENT: &str = "current";
const HALF: &str = ".half";

/// The directories of the release that the settings name, sorted; none where nginx reads the release itself.
fn wanted(host: &Host, app: &App) -> Result<Vec<String>, Failure> {
    if host.conf.nginx == NginxKind::Own {
        return Ok(Vec::new());
    }
    let settings = sheets::load(&app.front())?.over(&sheets::load(&host.front())?);
    let mut dirs: Vec<String> = settings.family("static.").map(|(_, dir)| dir.to_owned()).collect();
    dirs.sort();
    dirs.dedup();
    Ok(dirs)
}

/// Whether it is a directory of the tree that no symlink leads to.
fn is_plain(tree: &Path, dir: &str) -> bool {
    let mut path = tree.to_owned();
    Path::new(dir).iter().all(|part| {
        path.push(part);
        path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    })
}

/// Directories and plain files; symlinks are not followed by nginx either.
fn show_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    for name in fs::names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        let meta = fs::at("look at", &from, from.symlink_metadata())?;
        if meta.is_dir() {
            fs::make_dirs(&to, fs::PUBLIC_DIR)?;
            show_tree(&from, &to)?;
        } else if meta.is_file() {
            fs::name_again(&from, &to)?;
        }
    }
    Ok(())
}
