//! Processes with Dokuen's mark that nobody looks after any more: their instance's directory is gone, or their one-off
//! has ended without them.

use std::io::ErrorKind;
use std::path::Path;

use dokuen_core::{App, AppName, Host};
use dokuen_proc::Marked;

use super::{Check, Finding};
use crate::exit::Failure;
use crate::oneoffs::{self, State};

pub const CHECK: Check = Check { about: "processes", look, fix: Some(fix) };

/// What a lost process has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// The directory of its instance; its wrapper is gone with it.
    Instance,
    /// Its one-off. Whoever typed that may have meant it to stay: only a person ends it.
    OneOff,
}

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let lost = lost(host)?;
    if lost.is_empty() {
        return Ok(vec![Finding::ok("each belongs to an instance or a one-off")]);
    }
    let finding = |(Marked { pid, dir, .. }, what): (Marked, Lost)| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let app = app_of(host, &dir).map(|app| app.name.to_string()).unwrap_or_default();
        let why = match what {
            Lost::Instance => "has no wrapper, and nobody will end it",
            Lost::OneOff => "was left when its one-off ended",
        };
        Finding::warning(format!("process {pid}, {name} of {app}, {why}"), format!("kill {pid}"))
    };
    Ok(lost.into_iter().map(finding).collect())
}

fn fix(host: &Host) -> Result<(), Failure> {
    for (Marked { pid, started, dir }, what) in lost(host)? {
        if what == Lost::Instance {
            dokuen_proc::end_process(&dir, None, (pid, started), host.conf.stop_timeout);
        }
    }
    Ok(())
}

fn lost(host: &Host) -> Result<Vec<(Marked, Lost)>, Failure> {
    let mut lost = Vec::new();
    for marked in dokuen_proc::marked_below(&host.apps_dir()) {
        if let Some(what) = what_is_lost(host, &marked.dir)? {
            lost.push((marked, what));
        }
    }
    Ok(lost)
}

/// By `APPS/APP/instances/g7.web.1` or `APPS/APP/runs/run.7`. A renamed app has a link under its former name; an
/// instance whose directory is there is the business of other checks.
fn what_is_lost(host: &Host, dir: &Path) -> Result<Option<Lost>, Failure> {
    let Some(app) = app_of(host, dir) else { return Ok(None) };
    let parent = dir.parent().unwrap_or(dir);
    if parent == app.instances_dir() {
        return Ok(is_gone(dir).then_some(Lost::Instance));
    }
    if parent != app.runs_dir() {
        return Ok(None);
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A one-off that goes at this very moment leaves no name behind.
    let runs = || oneoffs::named(&app, &name).is_ok_and(|run| run.state().is_ok_and(|state| state == State::Running));
    Ok((is_gone(dir) || !runs()).then_some(Lost::OneOff))
}

/// What cannot be looked at, for its mode or its owner, is there all the same.
fn is_gone(dir: &Path) -> bool {
    dir.metadata().is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

fn app_of(host: &Host, dir: &Path) -> Option<App> {
    let inside = dir.strip_prefix(host.apps_dir()).ok()?;
    let name = inside.components().next()?.as_os_str().to_str()?;
    Some(host.app_at(AppName::parse(name).ok()?))
}
