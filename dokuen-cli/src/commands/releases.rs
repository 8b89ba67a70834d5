//! `releases` and `rollback`: what ran, and going back to it with its config.

use dokuen_core::ledger::{self, Version};
use dokuen_core::releases::Tree;
use dokuen_core::{Host, Transcript, shown};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::walk::{self, Next};
use crate::{place, prune, reconcile};

/// Newest first; the live one is marked.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let live = ledger::live(&app)?.map(|live| live.version);
    for version in ledger::versions(&app)?.into_iter().rev() {
        let Some(record) = ledger::record(&app, version)? else { continue };
        let mark = if Some(version) == live { '*' } else { ' ' };
        let commit = record.commit.as_deref().and_then(|c| c.get(..7)).unwrap_or("-");
        let line = format!(
            "{mark} {:<6} {}  {commit:<7}  {:<12} {}\n",
            version.to_string(),
            record.at,
            record.by,
            record.what
        );
        out.out(line.as_bytes());
    }
    Ok(())
}

/// Starts an earlier release again, as a new one: its tree, its config, today's scale.
pub fn rollback(host: &Host, name: &str, version: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("rolling back")?;
    reconcile::reconcile(host, &app)?;
    let no_such =
        |text: String| Failure::new(Exit::NotFound, text).hint(format!("dokuen releases --application={}", app.name));
    let to = match version {
        Some(text) => Version::parse(text)
            .ok_or_else(|| Failure::usage(format!("{} is no release number such as v12", shown(text))))?,
        None => {
            let live = ledger::live(&app)?.map(|live| live.version);
            let before = ledger::versions(&app)?.into_iter().rev().find(|v| Some(*v) < live);
            before.ok_or_else(|| no_such(format!("{} has no release before the live one", app.name)))?
        }
    };
    let record = ledger::record(&app, to)?.ok_or_else(|| no_such(format!("{} has no release {to}", app.name)))?;
    let tree = Tree::named(&app, &record.tree).ok_or_else(|| no_such(format!("the files of {to} were pruned")))?;
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
