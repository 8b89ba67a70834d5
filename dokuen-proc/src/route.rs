//! The route of an app: a directory of numbered symlinks to the sockets of its `web` instances, and `live`, the
//! symlink that says which such directory is in force. nginx knows only `live/1`, `live/2`, ...
//!
//! One rename of `live` moves every slot at once, so traffic is never split by a half-done switch, and nginx reloads
//! for it never.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};
use dokuen_core::{App, slots_for};

use crate::boot::Started;
use crate::instance::Instance;
use crate::spec::InstanceId;

/// A slot that every route has, for an instance to pass requests on through.
pub(crate) fn slot_of(index: u16) -> u16 {
    (index.max(1) - 1) % slots_for(0) + 1
}

/// A route that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to switch {app} over")]
pub struct RouteError {
    /// The app.
    pub app: String,
    /// What failed.
    pub source: FsError,
}

/// The traffic has moved. Dropped un-kept, it moves back, and instances that came with it are stopped.
#[derive(Debug)]
#[must_use = "a switch that nobody keeps is undone"]
pub struct Switched {
    // Order matters: the route goes back before the instances are stopped.
    undo: Undo,
    started: Option<Started>,
}

#[derive(Debug)]
struct Undo {
    app: App,
    before: Option<PathBuf>,
    kept: bool,
}

/// Leads the app's traffic to the `web` instances among `instances`; without any, nothing is live.
pub fn switch_to(app: &App, instances: &[Instance]) -> Result<Switched, RouteError> {
    let failed = |source| RouteError { app: app.name.to_string(), source };
    let web: Vec<_> = instances.iter().filter(|i| i.id.kind.is_web()).collect();
    let before = fs::link_target(&app.live_route()).map_err(failed)?;
    let undo = Undo { app: app.clone(), before: before.clone(), kept: false };
    if web.is_empty() {
        fs::remove(&app.live_route()).map_err(failed)?;
    } else {
        let table = write_table(app, &web).map_err(failed)?;
        fs::relink_report(&table, &app.live_route()).map_err(failed)?;
        sweep_tables(app, &table, before.as_deref()).map_err(failed)?;
    }
    Ok(Switched { undo, started: None })
}

/// Nothing of the app is live any more.
pub fn clear_route(app: &App) -> Result<(), RouteError> {
    switch_to(app, &[]).map(Switched::keep)
}

/// Whether the route leads to the `web` instances among these and to no others, as the disk says.
pub fn leads_to(app: &App, instances: &[Instance]) -> bool {
    let slots = fs::names(&app.live_route()).unwrap_or_default();
    let target = |slot: &String| fs::link_target(&app.live_route().join(slot)).ok().flatten();
    let parse = |target: PathBuf| InstanceId::parse(target.file_name()?.to_str()?);
    let routed: BTreeSet<_> = slots.iter().filter_map(target).filter_map(parse).collect();
    let wanted: BTreeSet<_> = instances.iter().filter(|i| i.id.kind.is_web()).map(|i| i.id.clone()).collect();
    routed == wanted
}

/// Whether nginx finds the instance where it looks for it; true of what it does not look for.
pub fn has_door(app: &App, instance: &Instance) -> bool {
    !instance.id.kind.is_web() || app.sockets_dir().join(instance.id.to_string()).exists()
}

fn write_table(app: &App, web: &[&Instance]) -> Result<PathBuf, FsError> {
    let name = PathBuf::from(format!("r{}", newest_table(app)? + 1));
    let dir = app.run_dir().join(&name);
    fs::make_dir(&dir, fs::PUBLIC_DIR)?;
    let slots = slots_for(u16::try_from(web.len()).unwrap_or(u16::MAX));
    for (slot, instance) in (1..).zip(web) {
        let target = Path::new("../i").join(instance.id.to_string());
        fs::links(&target, (slot..=slots).step_by(web.len()).map(|slot| dir.join(slot.to_string())))?;
    }
    Ok(name)
}

fn newest_table(app: &App) -> Result<u64, FsError> {
    Ok(tables(app)?.last().map_or(0, |(number, _)| *number))
}

fn tables(app: &App) -> Result<Vec<(u64, PathBuf)>, FsError> {
    let names = fs::names(app.run_dir())?;
    let mut all: Vec<_> =
        names.iter().filter_map(|n| Some((n.strip_prefix('r')?.parse().ok()?, PathBuf::from(n)))).collect();
    all.sort();
    Ok(all)
}

/// The table before the switch stays until the next one: somebody may be on the way through it this very moment.
fn sweep_tables(app: &App, now: &Path, before: Option<&Path>) -> Result<(), FsError> {
    for (_, name) in tables(app)? {
        if name != now && Some(name.as_path()) != before {
            fs::remove_tree(&app.run_dir().join(name))?;
        }
    }
    Ok(())
}

impl Switched {
    pub(crate) fn with(mut self, started: Started) -> Self {
        self.started = Some(started);
        self
    }

    /// Past the point of undoing.
    pub fn keep(mut self) {
        self.undo.kept = true;
        if let Some(started) = &mut self.started {
            started.kept = true;
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Should this fail too, the next command finds the route and puts it right.
        let _ = match &self.before {
            Some(before) => fs::relink_report(before, &self.app.live_route()),
            None => fs::remove(&self.app.live_route()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_slot_that_every_route_has() {
        assert_eq!([1, 12, 13, 500].map(slot_of), [1, 12, 1, 8]);
    }
}
