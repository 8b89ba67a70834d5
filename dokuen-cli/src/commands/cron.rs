//! `cron`, `cron:run`, `cron:logs`: an app's scheduled jobs.

use std::time::Duration;

use dokuen_core::{App, Host, Stamp, Transcript, Zone};
use serde::Serialize;

use super::logs as log;
use crate::app_json::Job;
use crate::cron;
use crate::exit::{Exit, Failure};
use crate::oneoffs::{self, State};
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, for_people, left, moment, right};
use crate::topics::AppData;
use crate::topics::cron::{CronLogsArgs, CronRunArgs};
use crate::topics::processes::LogsArgs;

/// A job as programs see it.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    schedule: String,
    command: String,
    paused: bool,
    timeout: Option<u64>,
    next_at: Option<String>,
    last_run: Option<Last>,
}

/// Its last run.
#[derive(Debug, Serialize)]
struct Last {
    name: String,
    state: State,
    at: String,
    ended_at: Option<String>,
    exit: Option<u8>,
    timed_out: bool,
    release: String,
}

/// In the order of `app.json`.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let entries = cron::jobs(&app)?.iter().map(|job| entry(&app, job)).collect::<Result<Vec<_>, _>>()?;
    out.data(args.form, &entries, |entries| {
        let mut table = Table::new([
            left("name"),
            left("schedule"),
            left("next (UTC)"),
            left("last"),
            left("state"),
            right("exit"),
            left("run"),
            left("command"),
        ]);
        for one in entries {
            let last = one.last_run.as_ref();
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            table.row([
                one.name.clone(),
                one.schedule.clone(),
                if one.paused { "paused".to_owned() } else { or_none(one.next_at.as_deref().map(for_people)) },
                or_none(last.map(|last| for_people(&last.at))),
                or_none(last.map(|last| if last.timed_out { "timed out".to_owned() } else { last.state.to_string() })),
                or_none(last.and_then(|last| last.exit).map(|exit| exit.to_string())),
                or_none(last.map(|last| last.name.clone())),
                one.command.clone(),
            ]);
        }
        table
    });
    Ok(())
}

fn entry(app: &App, job: &Job) -> Result<Entry, Failure> {
    let last = cron::last_run(app, &job.name)?;
    let next = job.schedule.next(Stamp::now(), &Zone::here()).filter(|_| !job.paused);
    let last_run = last.map(|run| {
        Ok::<_, Failure>(Last {
            state: run.state()?,
            at: moment(&run.spec.at),
            ended_at: run.outcome.as_ref().map(|outcome| moment(&outcome.at)),
            exit: run.outcome.as_ref().map(|outcome| outcome.exit),
            timed_out: run.outcome.as_ref().is_some_and(|outcome| outcome.timed_out),
            release: run.spec.release,
            name: run.name,
        })
    });
    Ok(Entry {
        name: job.name.to_string(),
        schedule: job.written.clone(),
        command: job.command.clone(),
        paused: job.paused,
        timeout: job.timeout,
        next_at: next.map(|next| moment(&next.for_people())),
        last_run: last_run.transpose()?,
    })
}

/// Runs a job now, also one that is paused; its exit status is the job's.
pub fn run(host: &Host, args: &CronRunArgs, out: &mut Printer) -> Result<u8, Failure> {
    let app = place::app(host, &args.app.application)?;
    let job = cron::job(&app, &args.job)?;
    let run = {
        let _lock = cron::lock(&app)?;
        if cron::is_running(&app, &job.name)? {
            return Err(Failure::new(Exit::Busy, format!("{} of {} runs already", job.name, app.name)));
        }
        cron::start(host, &app, &job, None)?
    };
    out.step(&format!("{} runs as {}", job.name, run.name));
    if args.detached {
        return Ok(0);
    }
    while run.state()? == State::Running {
        std::thread::sleep(PAUSE);
    }
    log::run(host, &LogsArgs { process: vec![run.name.clone()], lines: 1000, ..LogsArgs::of(&args.app) }, out)?;
    match oneoffs::named(&app, &run.name)?.outcome {
        Some(outcome) => Ok(outcome.exit),
        None => Err(Failure::new(Exit::Failed, format!("{} was lost: what attended to it was killed", run.name))),
    }
}

/// How often a run is looked at that is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// What the last run of a job has said.
pub fn logs(host: &Host, args: &CronLogsArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let job = cron::job(&app, &args.job)?;
    let none = || Failure::new(Exit::NotFound, format!("{} of {} has not run yet", job.name, app.name));
    let run = cron::last_run(&app, &job.name)?.ok_or_else(none)?;
    log::run(host, &LogsArgs { process: vec![run.name], lines: args.lines, ..LogsArgs::of(&args.app) }, out)
}
