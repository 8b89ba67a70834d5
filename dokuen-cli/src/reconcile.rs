//! What a killed command left behind is finished or undone here. Safe at any time; the app's lock must be held.
//!
//! The order of truth: `current` says which tree is live, and where it leads to none, the release that `live` names; `live`
//! says which generation serves it, when it fits that tree; otherwise the newest generation that runs from it;
//! `DOKUEN_SCALE` says which instances of it. Routing is put back to that first, strays are drained after.

use dokuen_core::ledger::{self, Live, Record, Version};
use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, Formation, Host, Stamp, fs};
use dokuen_proc::{Instance, InstanceError};

use crate::commands::rename;
use crate::exit::{Exit, Failure};
use crate::{front_door, oneoffs, walk};

/// Makes routing, wrappers and directories agree with what is live. `None`: nothing was ever deployed, or the app is
/// shut down. `Some(live)` does not mean that all of it runs: see [`crate::commands::boot`].
pub fn reconcile(host: &Host, app: &App) -> Result<Option<Live>, Failure> {
    rename::settle(host, app)?;
    let live = settle(app)?;
    ledger::take_back_config(app, live)?;
    let serving = live.filter(|_| !app.stopped_file().exists());
    let serve = |live| serve(host, app, live);
    let kept = serving
        .map(serve)
        .unwrap_or_else(|| dokuen_proc::clear_route(app).map(|()| Vec::new()).map_err(Failure::from))?;
    let strays: Vec<Instance> = dokuen_proc::instances(app)?.into_iter().filter(|i| !kept.contains(i)).collect();
    match dokuen_proc::retire(&strays) {
        // What hangs in the kernel waits for something else than us, and whoever uses the app does not wait for it. `doctor` names it.
        Err(InstanceError::Unending { .. }) => {}
        other => other?,
    }
    sweep(host, app, live)?;
    dokuen_proc::sweep(app)?;
    oneoffs::remove_cgroups(host, app);
    front_door::statics::show(host, app)?;
    Ok(serving)
}

/// What a killed command had not finished writing, trees that it had not finished building, and releases that it had not
/// made live.
fn sweep(host: &Host, app: &App, live: Option<Live>) -> Result<(), Failure> {
    releases::sweep(app)?;
    ledger::sweep(app, live.map(|live| live.version))?;
    let dirs = [app.dir(), &app.env().dir(), &app.access_dir(), app.run_dir()];
    dirs.into_iter().try_for_each(fs::sweep_unfinished)?;
    front_door::sweep(&app.front())?;
    Ok(fs::remove_tree(&host.scratch_of(&app.name))?)
}

/// The instances of one generation, without those that a scale-down has told to go.
pub fn of_generation(app: &App, generation: u32) -> Result<Vec<Instance>, Failure> {
    Ok(dokuen_proc::instances(app)?.into_iter().filter(|i| i.id.generation == generation && !i.is_retired()).collect())
}

fn settle(app: &App) -> Result<Option<Live>, Failure> {
    let Some(current) = releases::current(app)?.map_or_else(|| found_again(app), |tree| Ok(Some(tree)))? else {
        // What runs of a release whose files are gone may answer still: it is not ended for that.
        return Ok(ledger::live(app)?);
    };
    if let Some(live) = ledger::live(app)?
        && ledger::record(app, live.version)?.is_some_and(|r| r.tree == current.name())
    {
        return Ok(Some(live));
    }
    let generation = newest_running(app, &current)?;
    if generation.is_none()
        && let Some(live) = still_serving(app)?
    {
        return Ok(Some(live));
    }
    // A command was killed between `current` and `live`: what it started is what is to be live.
    let live = found_live(app, &current, generation)?;
    ledger::set_live(app, live)?;
    Ok(Some(live))
}

/// Somebody has removed `current`, or the mark of the tree that it leads to: what was live says which one that is.
fn found_again(app: &App) -> Result<Option<Tree>, Failure> {
    let Some(live) = ledger::live(app)? else { return Ok(None) };
    let Some(record) = ledger::record(app, live.version)? else { return Ok(None) };
    Ok(releases::promote_again(app, &record.tree)?)
}

/// Why nothing of the app can be started: it was never deployed, or the files of what is live are gone.
pub fn nothing_to_start(app: &App) -> Failure {
    let name = &app.name;
    let Ok(Some(live)) = ledger::live(app) else {
        return Failure::new(Exit::NotFound, format!("{name} has no release yet")).hint("git push dokuen master");
    };
    let (again, before) =
        (format!("dokuen deploy --application={name}"), format!("dokuen rollback --application={name}"));
    Failure::new(Exit::NotFound, format!("{} of {name} is live, and its files are gone", live.version))
        .hint(format!("{again} builds them again, {before} takes the release before"))
}

fn newest_running(app: &App, tree: &Tree) -> Result<Option<u32>, Failure> {
    let of_tree = |i: &Instance| i.spec().is_ok_and(|spec| spec.tree == tree.path());
    Ok(dokuen_proc::instances(app)?.into_iter().filter(of_tree).map(|i| i.id.generation).max())
}

/// A promotion failed on a disk that moved `current` and then would not move it back: what it started was ended again,
/// and the release before serves still. It is current again.
fn still_serving(app: &App) -> Result<Option<Live>, Failure> {
    let Some(live) = ledger::live(app)? else { return Ok(None) };
    let record = ledger::record(app, live.version)?;
    let Some(tree) = record.and_then(|record| Tree::named(app, &record.tree)) else { return Ok(None) };
    if newest_running(app, &tree)? != Some(live.generation) {
        return Ok(None);
    }
    releases::promote(app, &tree)?;
    Ok(Some(live))
}

fn found_live(app: &App, current: &Tree, generation: Option<u32>) -> Result<Live, Failure> {
    let mut versions = ledger::versions(app)?;
    versions.reverse();
    let with_tree = |v: &Version| ledger::record(app, *v).ok().flatten().is_some_and(|r| r.tree == current.name());
    let version = match versions.into_iter().find(with_tree) {
        Some(version) => version,
        None => file_lost(app, current)?,
    };
    // No generation runs from it (a power cut): a number that no instance has, so that all of them are strays.
    Ok(Live { version, generation: generation.map_or_else(|| dokuen_proc::next_generation(app, None), Ok)? })
}

/// Someone removed the ledger entry of a tree that is current: it gets one again, with the config of today.
fn file_lost(app: &App, current: &Tree) -> Result<Version, Failure> {
    let version = ledger::next(app)?;
    let config = app.env().load()?;
    let (tree, at) = (current.name(), Stamp::now().for_people());
    let what = "found as current".to_owned();
    let record = Record { version, tree, commit: None, at, by: "dokuen".to_owned(), what, formation: String::new() };
    ledger::write(app, &record, &config)?.file()?;
    Ok(version)
}

/// Traffic leads to the live instances that are asked for, and each has a wrapper. What comes back stays.
fn serve(host: &Host, app: &App, live: Live) -> Result<Vec<Instance>, Failure> {
    // A reboot has emptied the run directory, or whoever tidies up.
    fs::make_dirs(&app.sockets_dir(), fs::PUBLIC_DIR)?;
    let asked = asked_for(app)?;
    let mut kept = of_generation(app, live.generation)?;
    kept.retain(|i| asked.as_ref().is_none_or(|asked| i.id.index <= asked.count(&i.id.kind)));
    // One that is not whole is that of a killed command or a power cut, or its wrapper is leaving this very moment.
    kept.retain(|i| i.is_whole());
    if !kept.is_empty() && !dokuen_proc::leads_to(app, &kept) {
        dokuen_proc::switch_to(app, &kept)?.keep();
    }
    for instance in &kept {
        if !instance.is_alive()? {
            dokuen_proc::revive(&host.wrapper(), instance)?;
        } else if !dokuen_proc::has_door(app, instance) {
            fs::make_dirs(&app.own_sockets_dir(), fs::PUBLIC_DIR)?;
            instance.open_again()?;
        }
    }
    Ok(kept)
}

/// The formation that config and Procfile ask for: a `scale` that was killed before it was kept left more than that,
/// or less than it was to be. `None` where they cannot be read; then all that is live stays.
fn asked_for(app: &App) -> Result<Option<Formation>, Failure> {
    let Some(tree) = releases::current(app)? else { return Ok(None) };
    let procfile = walk::procfile_of(&tree).ok();
    let config = app.env().load()?;
    Ok(procfile.and_then(|procfile| walk::formation_for(&config, &procfile).ok()))
}
