//! A deploy as a user sees it: under the app's lock, from the first step to the URL and the time it took.

use std::time::Instant;

use dokuen_core::{App, Host, Transcript, fs};

use crate::accepted::{self, Pushed};
use crate::commands::freeze;
use crate::exit::Failure;
use crate::git::{self, Commit};
use crate::{front_door, place, postdeploy, prune, reconcile, spare_tree, walk};

/// Deploys a commit; on the first success the branch it was pushed to is remembered.
pub fn deploy(
    host: &Host,
    app: &App,
    commit: &Commit,
    pushed: Option<&Pushed>,
    out: &mut dyn Transcript,
) -> Result<(), Failure> {
    let _lock = app.lock("deploying")?;
    deploy_locked(host, app, commit, pushed, out)
}

/// As [`deploy`]. The app's lock must be held.
pub fn deploy_locked(
    host: &Host,
    app: &App,
    commit: &Commit,
    pushed: Option<&Pushed>,
    out: &mut dyn Transcript,
) -> Result<(), Failure> {
    let begun = Instant::now();
    freeze::refuse_if_locked(app)?;
    pushed.map_or(Ok(()), |pushed| accepted::is_next(host, app, pushed))?;
    reconcile::reconcile(host, app)?;
    out.step(&format!("deploying {} to {}", commit.short(), app.name));
    let url = front_door::url(host, app)?;
    let record = walk::deploy(host, app, commit, &place::who(), out)?;
    // It is live: from here on git must take the push, or it and the disk would disagree.
    walk::finish(out, "noting what git takes", remember(app, pushed, commit));
    let head = pushed.map_or(Ok(()), |pushed| git::point_head(host, app.repo(), &pushed.branch));
    walk::finish(out, "noting what a clone checks out", head);
    walk::finish(out, "removing old releases", prune(host, app));
    if let Err(failure) = postdeploy::run(host, app, out) {
        failure.lines().iter().for_each(|line| out.problem(line));
    }
    let took = begun.elapsed();
    out.step(&format!("deployed {} {} in {}.{:03} s", app.name, record.version, took.as_secs(), took.subsec_millis()));
    out.fact(&url);
    Ok(())
}

fn remember(app: &App, pushed: Option<&Pushed>, commit: &Commit) -> Result<(), Failure> {
    let Some(pushed) = pushed else { return Ok(()) };
    if !app.branch_file().exists() {
        fs::replace(&app.branch_file(), pushed.branch.as_bytes(), fs::PRIVATE_FILE)?;
    }
    accepted::note(app, pushed, commit)
}

fn prune(host: &Host, app: &App) -> Result<(), Failure> {
    let surplus = prune::due(host, app)?;
    prune::set_aside(host, app, &surplus)?;
    let cached = !fs::names(&app.cache())?.is_empty() || !fs::names(&host.buildpack_cache())?.is_empty();
    let is_due = !surplus.is_empty() || cached || spare_tree::is_due(app)?;
    if is_due { prune::tidy_aside(host) } else { Ok(()) }
}
