//! What goes of one-offs: the oldest that have ended, and what those left that were killed before they began.

use std::time::Duration;

use dokuen_core::{App, Host, Lock, LockError, fs};
use dokuen_proc::Group;

use super::{LOCK, Run, SPEC, State, all, number, on_disk};
use crate::exit::Failure;

/// So many ended ones are kept, with their logs.
const KEPT: usize = 50;

/// Removes runs of a job whose attendant never began: whoever was to start it was killed over it. Nothing of them ran.
pub fn forget_unbegun(app: &App, job: &str) -> Result<(), Failure> {
    let of_job = |run: &Run| run.spec.job.as_deref() == Some(job) && run.outcome.is_none();
    for run in all(app)?.into_iter().filter(of_job) {
        let path = run.dir.join(LOCK);
        if path.exists() {
            continue;
        }
        // Held while it is removed: an attendant that is late finds it taken, or gone.
        match Lock::try_take(&path, &run.name, "removing it") {
            Err(LockError::Busy { .. }) => {}
            Err(other) => return Err(other.into()),
            Ok(_lock) => fs::remove_tree(&run.dir)?,
        }
    }
    Ok(())
}

/// Removes the oldest of those that have ended, with their logs; of each scheduled job the last stays.
pub fn forget_old(host: &Host, app: &App) -> Result<(), Failure> {
    remove_cgroups(host, app);
    for run in on_disk(app)?.iter().filter(|run| run.spec.attached.is_some()) {
        if run.state()? == State::Ended {
            fs::remove_tree(&run.dir)?;
        }
    }
    forget_unnamed(app)?;
    let runs = all(app)?;
    let mut over = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let is_last = run.spec.job.is_some() && !runs[at + 1..].iter().any(|later| later.spec.job == run.spec.job);
        if run.state()? != State::Running && !is_last {
            over.push(run);
        }
    }
    let surplus = over.len().saturating_sub(KEPT);
    for run in over.into_iter().take(surplus) {
        let log = app.named_log(&run.name);
        let lead = log.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_part = |name: &&String| **name == lead || name.starts_with(&format!("{lead}."));
        for name in fs::names(&app.logs_dir())?.iter().filter(is_part) {
            fs::remove(&app.logs_dir().join(name))?;
        }
        fs::remove_tree(&run.dir)?;
    }
    Ok(())
}

/// Removes the cgroups of those that run no more: nobody was there to do it for one that took the place of `dokuen`, or
/// whose attendant was killed. One in which something was left running stays as long as that does.
pub fn remove_cgroups(host: &Host, app: &App) {
    cgroups_left(host, app).into_iter().for_each(|(group, _)| group.remove());
}

/// The cgroups of those that run no more, and what has become of these.
pub fn cgroups_left(host: &Host, app: &App) -> Vec<(Group, State)> {
    let Some(dir) = &host.conf.cgroup else { return Vec::new() };
    let is_ours = |name: &&String| {
        name.strip_prefix(app.name.as_str()).and_then(|rest| number(rest.strip_prefix('.')?)).is_some()
    };
    // Listed first: the cgroup of one that begins only now is not among them.
    let names = fs::names(dir).unwrap_or_default();
    let mut left: Vec<_> = names.iter().filter(is_ours).map(|name| (dir.join(name), State::Ended)).collect();
    for name in fs::names(&app.runs_dir()).unwrap_or_default() {
        let run = Run::load(app, &name).ok().flatten();
        // One that cannot be read may run.
        let state = run.as_ref().and_then(|run| run.state().ok()).unwrap_or(State::Running);
        let own = run.and_then(|run| run.spec.cgroup).or_else(|| dokuen_proc::cgroup_of_one_off(host, app, &name));
        left.retain(|(dir, _)| Some(dir) != own.as_ref());
        left.extend(own.filter(|_| state != State::Running).map(|dir| (dir, state)));
    }
    left.into_iter().filter(|(dir, _)| dir.exists()).map(|(dir, state)| (Group::at(&dir), state)).collect()
}

/// Directories of those that were killed before they had said what they run. A younger one may say it yet.
fn forget_unnamed(app: &App) -> Result<(), Failure> {
    for name in fs::names(&app.runs_dir())?.iter().filter(|name| number(name).is_some()) {
        let dir = app.runs_dir().join(name);
        let age = dir.symlink_metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if !dir.join(SPEC).exists() && age.is_some_and(|age| age > UNNAMED) {
            fs::remove_tree(&dir)?;
        }
    }
    Ok(())
}

/// Nobody needs as long to write down what it runs.
const UNNAMED: Duration = Duration::from_secs(60);
