//! What commands that were killed have left behind: instances nobody needs, half-made apps, scratch.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dokuen_core::{App, Host, LockError, fs, ledger};
use dokuen_proc::Instance;

use super::{Check, Finding};
use crate::exit::Failure;
use crate::{prune, reconcile};

pub const CHECK: Check = Check { about: "strays", look, fix: Some(fix) };

/// Younger scratch may be that of a command at work.
const OLD: Duration = Duration::from_secs(60 * 60);

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for app in host.apps()? {
        found.extend(strays(&app)?.iter().map(|stray| about(&app, stray)));
    }
    for path in rubbish(host)? {
        let path = path.display();
        found.push(Finding::warning(
            format!("`{path}` is left from a command that was killed"),
            format!("rm -rf '{path}'"),
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok("nothing is left behind"));
    }
    Ok(found)
}

fn about(app: &App, stray: &Instance) -> Finding {
    let (id, name) = (&stray.id, &app.name);
    match stray.unending() {
        Some(pids) => Finding::warning(
            format!("{id} of {name} does not end, not even by KILL: process {pids} hangs in the kernel"),
            format!("ps -o pid,stat,wchan:30,args -p '{pids}'"),
        ),
        None => Finding::warning(
            format!("{id} of {name} is left from a command that was killed"),
            format!("dokuen restart --application={name}"),
        ),
    }
}

/// While a command holds the app they are its business. Where there are none nobody is kept from holding it.
fn strays(app: &App) -> Result<Vec<Instance>, Failure> {
    if seen(app)?.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = match app.lock("looking for strays") {
        Err(LockError::Busy { .. } | LockError::Gone { .. }) => return Ok(Vec::new()),
        other => other?,
    };
    seen(app)
}

/// Instances of another generation than the live one that nobody has told to go, and dead ones that were not swept.
fn seen(app: &App) -> Result<Vec<Instance>, Failure> {
    let live = ledger::live(app)?.map(|live| live.generation).filter(|_| !app.stopped_file().exists());
    let mut strays = Vec::new();
    for instance in dokuen_proc::instances(app)? {
        let ended = instance.report().phase == "gone" && !instance.is_alive()?;
        // One of the live generation that lost its wrapper is an app that does not run as it should.
        let is_live = Some(instance.id.generation) == live;
        let goes = instance.is_retired() && instance.is_alive()?;
        if !ended && !is_live && !goes {
            strays.push(instance);
        }
    }
    Ok(strays)
}

fn rubbish(host: &Host) -> Result<Vec<PathBuf>, Failure> {
    let places = [(host.apps_dir(), ".new-"), (host.repos_dir(), ".new-"), (host.tmp_dir(), "")];
    let mut all = Vec::new();
    for (dir, lead) in places {
        let names = fs::names(&dir)?;
        all.extend(
            names.iter().filter(|name| name.starts_with(lead)).map(|name| dir.join(name)).filter(|path| is_old(path)),
        );
    }
    Ok(all)
}

fn is_old(path: &Path) -> bool {
    let changed = path.symlink_metadata().and_then(|meta| meta.modified()).ok();
    changed.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > OLD)
}

fn fix(host: &Host) -> Result<(), Failure> {
    for app in host.apps()? {
        match app.lock("looking after strays") {
            Ok(_lock) => drop(reconcile::reconcile(host, &app)?),
            Err(LockError::Busy { .. } | LockError::Gone { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    for path in rubbish(host)? {
        fs::remove_tree(&path)?;
    }
    prune::tidy(host)
}
