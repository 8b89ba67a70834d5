//! The tick: once a minute, whatever is due is started.

use dokuen_core::{App, Host, Lock, LockError, Stamp, Transcript, Zone, fs, ledger};

use super::{WINDOW, is_running, jobs, lock, start};
use crate::app_json::Job;
use crate::exit::{Exit, Failure};
use crate::front_door;
use crate::oneoffs;
use crate::printer::Printer;

/// Starts every job that is due, each app on its own. A tick that finds another at work leaves it to that one.
pub fn tick(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let _lock = match Lock::try_take(&host.tick_lock(), "starting scheduled jobs", "starting scheduled jobs") {
        Err(LockError::Busy { .. }) => return Ok(()),
        other => other?,
    };
    let now = Stamp::now();
    fs::replace_report(&host.tick_file(), now.to_string().as_bytes(), fs::PRIVATE_FILE)?;
    if let Err(failure) = front_door::tend_logs(host) {
        out.problem(&failure.to_string());
    }
    let mut failed = 0;
    for app in host.apps()?.into_iter().filter(|app| !app.stopped_file().exists()) {
        if let Err(failure) = of_app(host, &app, now, out) {
            out.problem(&format!("{}: {failure}", app.name));
            failed += 1;
        }
    }
    match failed {
        0 => Ok(()),
        count => Err(Failure::new(Exit::Failed, format!("jobs of {count} apps could not be started"))),
    }
}

fn of_app(host: &Host, app: &App, now: Stamp, out: &mut Printer) -> Result<(), Failure> {
    let jobs = jobs(app)?;
    if jobs.is_empty() && !app.cron_dir().exists() {
        return Ok(());
    }
    let _lock = lock(app)?;
    // A job that the live release does not have begins anew when it comes back.
    for name in fs::names(&app.cron_dir())?.iter().filter(|name| !name.starts_with('.')) {
        if !jobs.iter().any(|job| job.name.as_str() == name) {
            fs::remove(&app.cron_dir().join(name))?;
        }
    }
    for job in jobs.iter().filter(|job| !job.paused) {
        if let Err(failure) = of_job(host, app, job, now, out) {
            out.problem(&format!("{}: {}: {failure}", app.name, job.name));
        }
    }
    Ok(())
}

fn of_job(host: &Host, app: &App, job: &Job, now: Stamp, out: &mut Printer) -> Result<(), Failure> {
    // One from a time when the machine's clock was ahead would keep the job waiting for that.
    let done = done_until(app, job)?.filter(|done| done.seconds_since(now) <= WINDOW);
    let since = done.unwrap_or(released_at(app)?.unwrap_or(now).min(now)).max(now.back(WINDOW));
    let Some(due) = job.schedule.newest_due(since, now, &Zone::here()) else {
        return if done.is_none() { note(app, job, since) } else { Ok(()) };
    };
    oneoffs::forget_unbegun(app, job.name.as_str())?;
    let is_it = |run: &oneoffs::Run| {
        run.spec.job.as_deref() == Some(job.name.as_str()) && run.spec.due == Some(due.to_string())
    };
    if oneoffs::all(app)?.iter().any(is_it) {
        // The tick that has started it was killed before it could say so.
    } else if is_running(app, &job.name)? {
        out.problem(&format!("{}: {} still runs: the run of {} is left out", app.name, job.name, due.for_people()));
    } else {
        let run = start(host, app, job, Some(due))?;
        out.fact(&format!("{}: {} runs as {}", app.name, job.name, run.name));
    }
    note(app, job, due)
}

/// Up to when nothing is left to be done; `None` for a job that was never looked at.
fn done_until(app: &App, job: &Job) -> Result<Option<Stamp>, Failure> {
    let bytes = fs::read_if_there(&app.cron_file(&job.name))?;
    Ok(bytes.and_then(|bytes| Stamp::parse(String::from_utf8_lossy(&bytes).trim())))
}

fn note(app: &App, job: &Job, moment: Stamp) -> Result<(), Failure> {
    Ok(fs::replace(&app.cron_file(&job.name), moment.to_string().as_bytes(), fs::PRIVATE_FILE)?)
}

/// A job is never due for a moment before its release.
fn released_at(app: &App) -> Result<Option<Stamp>, Failure> {
    let Some(live) = ledger::live(app)? else { return Ok(None) };
    Ok(ledger::record(app, live.version)?.and_then(|record| Stamp::parse_for_people(&record.at)))
}
