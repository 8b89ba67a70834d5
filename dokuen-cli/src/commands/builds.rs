//! `builds`, `builds:output`, `deploys:cancel`: what builds said, and calling one off.

use std::thread;
use std::time::{Duration, Instant};

use dokuen_core::ledger::{self, Record, Version};
use dokuen_core::releases::Tree;
use dokuen_core::{App, Host, LockError, Stamp, Transcript, fs, shown};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::failed_builds::{self, FailedBuild};
use crate::printer::Printer;
use crate::show::{Table, for_people, left, moment, right, short};
use crate::topics::AppData;
use crate::{build_log, place};

/// A build as programs see it.
#[derive(Debug, Serialize)]
struct Build {
    /// What `builds:output` calls it: its release, or the time of one that failed.
    build: String,
    state: &'static str,
    release: Option<String>,
    at: String,
    by: String,
    commit: Option<String>,
    error: Option<String>,
    lines: usize,
    #[serde(skip)]
    log: Vec<u8>,
}

/// Newest first; only those whose files are still there, and the last failed ones.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    out.data(args.form, &all(&app)?, |all| {
        let mut table =
            Table::new([left("build"), left("state"), left("at"), left("commit"), left("by"), right("lines")]);
        for one in all {
            let commit = short(one.commit.as_deref());
            let (build, state, by, lines) =
                (one.build.clone(), one.state.into(), one.by.clone(), one.lines.to_string());
            table.row([build, state, for_people(&one.at), commit, by, lines]);
        }
        table
    });
    Ok(())
}

/// What a build said; the newest one when none is named.
pub fn output(host: &Host, name: &str, wanted: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let is_name = |text: &str| Version::parse(text).is_some() || Stamp::parse(text).is_some();
    if let Some(text) = wanted.filter(|text| !is_name(text)) {
        return Err(Failure::usage(format!("{} is no release number and no failed build", shown(text))));
    }
    let found = all(&app)?.into_iter().find(|one| wanted.is_none_or(|wanted| one.build == wanted));
    let one = found.ok_or_else(|| {
        let what = wanted.map_or_else(|| "a build".to_owned(), |name| format!("what the build of {name} said"));
        let text = format!("{} has not kept {what}", app.name);
        Failure::new(Exit::NotFound, text).hint(format!("dokuen builds --application={}", app.name))
    })?;
    out.out(&one.log);
    Ok(())
}

/// Those that made releases and those that failed, newest first.
fn all(app: &App) -> Result<Vec<Build>, Failure> {
    let lines = |log: &[u8]| log.iter().filter(|byte| **byte == b'\n').count();
    let good = built(app)?.into_iter().map(|(record, log)| Build {
        build: record.version.to_string(),
        state: "built",
        release: Some(record.version.to_string()),
        at: moment(&record.at),
        by: record.by,
        commit: record.commit,
        error: None,
        lines: lines(&log),
        log,
    });
    let failed = failed_builds::all(app)?.into_iter().map(|FailedBuild { id, head, log }| Build {
        build: id,
        state: "failed",
        release: None,
        at: moment(&head.at),
        by: head.by,
        commit: Some(head.commit),
        error: Some(head.error),
        lines: lines(&log),
        log,
    });
    let mut all: Vec<Build> = good.chain(failed).collect();
    // A stable sort: of one second, the failed one came after.
    all.sort_by(|a, b| a.at.cmp(&b.at));
    all.reverse();
    Ok(all)
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

/// A deploy hears of it within a moment; one that is live by now goes on.
const PATIENCE: Duration = Duration::from_secs(3);

/// Calls off the deploy that is under way.
pub fn cancel(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let busy = match app.lock("looking for a deploy").map(drop) {
        Ok(()) => return Err(Failure::new(Exit::Failed, format!("nothing of {} is being deployed", app.name))),
        Err(busy @ LockError::Busy { .. }) => busy,
        Err(other) => return Err(other.into()),
    };
    let request = host.cancel_file(&app.name);
    fs::replace_report(&request, b"", fs::PRIVATE_FILE)?;
    let until = Instant::now() + PATIENCE;
    while request.exists() {
        if Instant::now() > until {
            fs::remove(&request)?;
            return Err(Failure::from(busy).hint("only a deploy that is not live yet can be called off"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    out.step(&format!("called off the deploy of {}", app.name));
    Ok(())
}
