//! Every app that was not shut down runs as it should, and the ground it stands on is whole.

use dokuen_core::{App, Host, Silent, fs, ledger};

use super::{Check, Finding};
use crate::commands::boot;
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "apps", look, fix: Some(fix) };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    let (mut run, mut stopped, mut empty) = (0, 0, 0);
    for app in host.apps()? {
        let mend = format!("dokuen boot --application={}", app.name);
        let (hook, deploy) = (app.hook(), host.deploy_program());
        if !hook.is_file() {
            let says =
                format!("the repository of {} has lost its hook: pushes to it by path would not deploy", app.name);
            found.push(Finding::problem(says, format!("ln -sf '{}' '{}'", deploy.display(), hook.display())));
        }
        found.extend(torn_records(&app)?);
        if app.stopped_file().exists() {
            stopped += 1;
            continue;
        }
        found.extend(doomed(&app)?);
        match boot::missing(&app) {
            Ok(None) => empty += 1,
            Ok(Some(missing)) if missing.is_empty() => run += 1,
            Ok(Some(missing)) => {
                found.push(Finding::problem(
                    format!("{}: {} does not run, or nginx does not find it", app.name, missing.join(", ")),
                    mend,
                ));
            }
            Err(failure) => found.push(Finding::problem(format!("{}: {failure}", app.name), mend)),
        }
    }
    found.insert(0, Finding::ok(format!("{run} run, {stopped} are shut down, {empty} were never deployed")));
    Ok(found)
}

/// Releases that cannot be gone back to. What is live without a record gets another with the next command.
fn torn_records(app: &App) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for version in ledger::versions(app)? {
        if ledger::record(app, version)?.is_none() {
            let says = format!("the record of {version} of {} cannot be read: nothing can go back to it", app.name);
            let dir = app.ledger_dir().join(version.to_string());
            found.push(Finding::warning(says, format!("rm -r '{}'", dir.display())));
        }
    }
    Ok(found)
}

/// Processes that the kernel will end: only root can take such a limit away, and whoever started them has had it.
fn doomed(app: &App) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for instance in dokuen_proc::instances(app)? {
        let (report, name) = (instance.report(), instance.id.name());
        let child = report.child.filter(|pid| dokuen_proc::start_time(*pid) == report.child_started);
        if let Some(seconds) = child.and_then(dokuen_proc::cpu_limit) {
            let says =
                format!("{}: {name} ends after {seconds} s of CPU, a limit of the session that started it", app.name);
            let mend =
                format!("dokuen restart --application={}, from a session where `ulimit -t` is unlimited", app.name);
            found.push(Finding::warning(says, mend));
        }
    }
    Ok(found)
}

/// Hooks come back, and what should run is started; whatever runs is left alone. One that cannot be mended does not keep
/// the others from it.
fn fix(host: &Host) -> Result<(), Failure> {
    host.apps()?.iter().map(|app| mend(host, app)).fold(Ok(()), Result::and)
}

fn mend(host: &Host, app: &App) -> Result<(), Failure> {
    let hook = app.hook();
    fs::make_dirs(hook.parent().unwrap_or(app.repo()), fs::PRIVATE_DIR)?;
    fs::relink(&host.deploy_program(), &hook)?;
    let is_whole = |missing: Option<Vec<String>>| missing.is_none_or(|missing| missing.is_empty());
    if !app.stopped_file().exists() && !boot::missing(app).is_ok_and(is_whole) {
        boot::boot(host, app, boot::Which::NotShutDown, &mut Silent)?;
    }
    Ok(())
}
