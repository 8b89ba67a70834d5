//! What a killed command left behind is finished or undone here. Safe at any time; the app's lock must be held.
//!
//! The order of truth: `current` says which tree is live; `live` says which generation serves it, when it fits that
//! tree; otherwise the newest generation that runs from it. Routing is put back to that first, strays are drained after.

use dokuen_core::ledger::{self, Live, Record, Version};
use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, Host, Stamp};
use dokuen_proc::Instance;

use crate::exit::Failure;

/// Makes routing, wrappers and directories agree with what is live. `None`: nothing was ever deployed, or the app is
/// shut down. `Some(live)` does not mean that all of it runs: see [`crate::commands::boot`].
pub fn reconcile(host: &Host, app: &App) -> Result<Option<Live>, Failure> {
    releases::sweep(app)?;
    let live = settle(app)?;
    if let Some(live) = live {
        forget_later_than(app, live.version)?;
    }
    let serving = live.filter(|_| !app.stopped_file().exists());
    match serving {
        Some(live) => serve(host, app, live)?,
        None => dokuen_proc::clear_route(app)?,
    }
    let strays: Vec<Instance> = dokuen_proc::instances(app)?
        .into_iter()
        .filter(|i| i.is_retired() || Some(i.id.generation) != serving.map(|l| l.generation))
        .collect();
    dokuen_proc::retire(&strays)?;
    dokuen_proc::sweep(app)?;
    Ok(serving)
}

/// The instances of one generation, without those that a scale-down has told to go.
pub fn of_generation(app: &App, generation: u32) -> Result<Vec<Instance>, Failure> {
    Ok(dokuen_proc::instances(app)?.into_iter().filter(|i| i.id.generation == generation && !i.is_retired()).collect())
}

fn settle(app: &App) -> Result<Option<Live>, Failure> {
    let Some(current) = releases::current(app)? else { return Ok(None) };
    if let Some(live) = ledger::live(app)?
        && ledger::record(app, live.version)?.is_some_and(|r| r.tree == current.name())
    {
        return Ok(Some(live));
    }
    // A command was killed between `current` and `live`: what it started is what is to be live.
    let live = newest_running(app, &current)?;
    ledger::set_live(app, live)?;
    Ok(Some(live))
}

fn newest_running(app: &App, current: &Tree) -> Result<Live, Failure> {
    let of_tree = |i: &Instance| i.spec().is_ok_and(|spec| spec.tree == current.path());
    let generation = dokuen_proc::instances(app)?.into_iter().filter(of_tree).map(|i| i.id.generation).max();
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
    ledger::file(app, &record, &config)?;
    Ok(version)
}

/// Numbers above the live one belong to a command that was killed before its promotion.
fn forget_later_than(app: &App, version: Version) -> Result<(), Failure> {
    for later in ledger::versions(app)?.into_iter().filter(|v| *v > version) {
        ledger::forget(app, later)?;
    }
    Ok(())
}

fn serve(host: &Host, app: &App, live: Live) -> Result<(), Failure> {
    let instances = of_generation(app, live.generation)?;
    if !instances.is_empty() && dokuen_proc::live_generation(app) != Some(live.generation) {
        dokuen_proc::switch_to(app, &instances)?.keep();
    }
    for instance in instances {
        if !instance.is_alive()? {
            dokuen_proc::revive(&host.wrapper(), &instance)?;
        }
    }
    Ok(())
}
