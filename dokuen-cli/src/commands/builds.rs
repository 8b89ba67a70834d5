//! `builds`, `builds:output`, `deploys:cancel`: what builds said, and calling one off.

use std::thread;
use std::time::{Duration, Instant};

use dokuen_core::ledger::{self, Record, Version};
use dokuen_core::releases::Tree;
use dokuen_core::{App, Host, LockError, Transcript, fs, shown};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::show::{Table, for_people, left, moment, right, short};
use crate::topics::AppData;
use crate::{build_log, cancel, place};

/// A build as programs see it.
#[derive(Debug, Serialize)]
struct Build {
    release: String,
    at: String,
    by: String,
    commit: Option<String>,
    lines: usize,
}

/// Newest first; only those whose files are still there.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let build = |(record, log): (Record, Vec<u8>)| Build {
        release: record.version.to_string(),
        at: moment(&record.at),
        by: record.by,
        commit: record.commit,
        lines: log.iter().filter(|byte| **byte == b'\n').count(),
    };
    let all: Vec<Build> = built(&app)?.into_iter().rev().map(build).collect();
    out.data(args.form, &all, |all| {
        let mut table = Table::new([left("release"), left("at"), left("commit"), left("by"), right("lines")]);
        for one in all {
            let commit = short(one.commit.as_deref());
            table.row([one.release.clone(), for_people(&one.at), commit, one.by.clone(), one.lines.to_string()]);
        }
        table
    });
    Ok(())
}

/// What the build of a release said; of the newest one when none is named.
pub fn output(host: &Host, name: &str, version: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let parse =
        |text| Version::parse(text).ok_or_else(|| Failure::usage(format!("{} is no release number", shown(text))));
    let wanted = version.map(parse).transpose()?;
    let found = built(&app)?.into_iter().rev().find(|(record, _)| wanted.is_none_or(|v| record.version == v));
    let (_, log) = found.ok_or_else(|| {
        let what = wanted.map_or_else(|| "a build".to_owned(), |v| format!("what the build of {v} said"));
        let text = format!("{} has not kept {what}", app.name);
        Failure::new(Exit::NotFound, text).hint(format!("dokuen builds --application={}", app.name))
    })?;
    out.out(&log);
    Ok(())
}

/// Deploys whose trees are there with what their builds said, oldest first. A rollback or a changed config runs a tree
/// that an earlier release has built.
fn built(app: &App) -> Result<Vec<(Record, Vec<u8>)>, Failure> {
    let mut all = Vec::new();
    for version in ledger::versions(app)? {
        let Some(record) = ledger::record(app, version)?.filter(|record| record.what == "deploy") else { continue };
        let log = Tree::named(app, &record.tree).map(|tree| build_log::read(&tree)).transpose()?.flatten();
        all.extend(log.map(|log| (record, log)));
    }
    Ok(all)
}

/// A build hears of it within a moment; a deploy that is past its build goes on.
const PATIENCE: Duration = Duration::from_secs(3);

/// Calls off the build that runs.
pub fn cancel(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    match app.lock("looking for a deploy").map(drop) {
        Ok(()) => return Err(Failure::new(Exit::Failed, format!("nothing of {} is being deployed", app.name))),
        Err(LockError::Busy { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    let request = cancel::request(host, &app);
    fs::replace_report(&request, b"", fs::PRIVATE_FILE)?;
    let until = Instant::now() + PATIENCE;
    while request.exists() {
        if Instant::now() > until {
            fs::remove(&request)?;
            return Err(Failure::new(Exit::Busy, format!("{} is busy, but not with a build", app.name)));
        }
        thread::sleep(Duration::from_millis(20));
    }
    out.step(&format!("called off the build of {}", app.name));
    Ok(())
}
