//! `releases` and `rollback`: what ran, and going back to it with its config.

mod info;
mod which;

pub use info::{diff, info};

use dokuen_core::ledger::{self, Record, Version};
use dokuen_core::releases::Tree;
use dokuen_core::{App, Host, Transcript};
use serde::Serialize;

use crate::commands::freeze;
use crate::exit::{Exit, Failure};
use crate::front_door::Tell;
use crate::printer::Printer;
use crate::show::{Table, for_people, left, moment, short};
use crate::topics::releases::ReleasesArgs;
use crate::walk::{self, Next};
use crate::{place, prune, reconcile};

/// A release as programs see it: what the ledger says of it.
#[derive(Debug, Serialize)]
struct Release {
    release: String,
    live: bool,
    at: String,
    by: String,
    what: String,
    commit: Option<String>,
    formation: String,
    tree: String,
}

impl Release {
    fn of(record: Record, live: Option<Version>) -> Self {
        Self {
            release: record.version.to_string(),
            live: Some(record.version) == live,
            at: moment(&record.at),
            by: record.by,
            what: record.what,
            commit: record.commit,
            formation: record.formation,
            tree: record.tree,
        }
    }
}

/// Newest first; the live one is marked.
pub fn list(host: &Host, args: &ReleasesArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let live = ledger::live(&app)?.map(|live| live.version);
    let mut all = Vec::new();
    for version in ledger::versions(&app)?.into_iter().rev().take(args.most.unwrap_or(usize::MAX)) {
        all.extend(ledger::record(&app, version)?.map(|record| Release::of(record, live)));
    }
    out.data(args.form, &all, |all| table(all));
    Ok(())
}

fn table(all: &[Release]) -> Table {
    let mut table = Table::new([left("  release"), left("at"), left("commit"), left("by"), left("what")]);
    for one in all {
        table.row([
            format!("{} {}", if one.live { '*' } else { ' ' }, one.release),
            for_people(&one.at),
            short(one.commit.as_deref()),
            one.by.clone(),
            one.what.clone(),
        ]);
    }
    table
}

/// With the releases whose files are there, the newest first.
fn pruned(app: &App, to: Version) -> Failure {
    let is_kept = |version: &Version| {
        let record = ledger::record(app, *version).ok().flatten();
        record.is_some_and(|record| Tree::named(app, &record.tree).is_some())
    };
    let kept = ledger::versions(app).unwrap_or_default().into_iter().rev().filter(is_kept);
    let kept: Vec<_> = kept.take(KEPT_TO_NAME).map(|version| version.to_string()).collect();
    let nothing = Failure::new(Exit::NotFound, format!("the files of {to} were pruned"));
    nothing.hint(format!("those of {} are there: dokuen rollback --application={} VERSION", kept.join(", "), app.name))
}

const KEPT_TO_NAME: usize = 10;

/// Starts an earlier release again, as a new one: its tree, its config, today's scale.
pub fn rollback(host: &Host, name: &str, version: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("rolling back")?;
    freeze::refuse_if_locked(&app)?;
    reconcile::reconcile(host, &app)?;
    let to = version.map_or_else(|| which::before_live(&app), which::typed)?;
    let record = which::record(&app, to)?;
    let tree = Tree::named(&app, &record.tree).ok_or_else(|| pruned(&app, to))?;
    let today = app.env().load()?;
    let mut config = ledger::config(&app, to)?.unwrap_or_default();
    // The scale is about today's traffic, not about the code of then.
    config.0.retain(|name, _| name.as_str() != "DOKUEN_SCALE");
    config.0.extend(today.0.into_iter().filter(|(name, _)| name.as_str() == "DOKUEN_SCALE"));
    let formation = walk::formation_for(&config, &walk::procfile_of(&tree)?)?;
    let next = Next {
        tree,
        commit: record.commit,
        config,
        formation,
        what: Some(format!("rollback to {to}")),
        by: place::who(),
        tell: Tell::First,
    };
    let made = walk::go_live(host, &app, next, out)?;
    out.step(&format!("rolled {} back to {to} as {}", app.name, made.version));
    Ok(())
}

/// Removes the trees of old releases, or says which would go. Their records stay.
pub fn prune(host: &Host, name: &str, dry_run: bool, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("pruning")?;
    let surplus = prune::surplus(host, &app)?;
    for tree in &surplus {
        let size = fs_extra::dir::get_size(tree.path()).unwrap_or(0);
        out.fact(&format!("{} {tree} ({} KiB)", if dry_run { "would remove" } else { "removed" }, size / 1024));
    }
    if surplus.is_empty() {
        out.fact("nothing to remove");
    }
    if dry_run || surplus.is_empty() {
        return Ok(());
    }
    prune::set_aside(host, &app, &surplus)?;
    prune::tidy_aside(host)
}
