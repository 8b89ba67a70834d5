//! `run:detached`, `run:list`, `run:stop`, `run:logs`: one-offs that outlive whoever has started them.

use dokuen_core::{App, Host, Transcript};
use serde::Serialize;

use super::logs;
use crate::exit::{Exit, Failure};
use crate::oneoffs::{self, Run, State, all, limit, named, pairs};
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, for_people, left, moment, right};
use crate::topics::AppData;
use crate::topics::oneoffs::{RunArgs, RunLogsArgs, RunStopArgs};
use crate::topics::processes::LogsArgs;

/// A one-off, as programs see it.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    state: State,
    attached: bool,
    command: Vec<String>,
    by: String,
    at: String,
    release: String,
    job: Option<String>,
    exit: Option<u8>,
    ended_at: Option<String>,
}

/// Starts one and says its name.
pub fn detached(host: &Host, args: &RunArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let run = oneoffs::start(host, &app, &args.words, pairs(&args.env)?, None)?;
    if out.look.quiet {
        out.out(format!("{}\n", run.name).as_bytes());
        return Ok(());
    }
    out.step(&format!("{} runs in the background", run.name));
    out.fact(&format!("dokuen run:logs --application={} {}", app.name, run.name));
    Ok(())
}

/// Newest first.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let entries = all(&app)?.into_iter().rev().map(entry).collect::<Result<Vec<_>, _>>()?;
    out.data(args.form, &entries, |entries| {
        let mut table = Table::new([
            left("name"),
            left("state"),
            left("how"),
            right("exit"),
            left("since"),
            left("release"),
            left("by"),
            left("command"),
        ]);
        for one in entries {
            let state = serde_json::to_value(one.state).ok().and_then(|v| v.as_str().map(str::to_owned));
            let exit = one.exit.map_or_else(|| "-".to_owned(), |exit| exit.to_string());
            let by = one.job.clone().unwrap_or_else(|| one.by.clone());
            let (since, command) = (for_people(&one.at), one.command.join(" "));
            let how = if one.attached { "attached" } else { "detached" }.to_owned();
            let (name, release) = (one.name.clone(), one.release.clone());
            table.row([name, state.unwrap_or_default(), how, exit, since, release, by, command]);
        }
        table
    });
    Ok(())
}

fn entry(run: Run) -> Result<Entry, Failure> {
    Ok(Entry {
        state: run.state()?,
        attached: run.spec.attached.is_some(),
        name: run.name,
        command: run.spec.words,
        by: run.spec.by,
        at: moment(&run.spec.at),
        release: run.spec.release,
        job: run.spec.job,
        exit: run.outcome.as_ref().map(|outcome| outcome.exit),
        ended_at: run.outcome.map(|outcome| moment(&outcome.at)),
    })
}

/// Ends some, or all.
pub fn stop(host: &Host, args: &RunStopArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let chosen = match args.all {
        true => all(&app)?,
        false => args.names.iter().map(|name| named(&app, name)).collect::<Result<_, _>>()?,
    };
    for run in chosen {
        match run.state()? {
            State::Ended if args.all => {}
            State::Ended => out.fact(&format!("{} has ended already", run.name)),
            // What a killed attendant has left behind ends too.
            State::Running | State::Lost => {
                run.stop(limit(host))?;
                out.step(&format!("ended {} of {}", run.name, app.name));
            }
        }
    }
    Ok(())
}

/// What one has said; the newest when none is named.
pub fn show_logs(host: &Host, args: &RunLogsArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let run = match &args.name {
        Some(name) => named(&app, name)?,
        None => newest(&app)?,
    };
    if run.spec.attached.is_some() {
        let text = format!("what {} says goes to {}, who is attached to it", run.name, run.spec.by);
        return Err(Failure::new(Exit::NotFound, text));
    }
    // It has only just begun, and has said nothing.
    if !args.tail && run.state()? == State::Running && !app.named_log(&run.name).exists() {
        return Ok(());
    }
    let logs = LogsArgs { process: vec![run.name], lines: args.lines, tail: args.tail, ..LogsArgs::of(&args.app) };
    logs::run(host, &logs, out)
}

fn newest(app: &App) -> Result<Run, Failure> {
    let none = || Failure::new(Exit::NotFound, format!("{} has had no one-off in the background", app.name));
    all(app)?.into_iter().rfind(|run| run.spec.attached.is_none()).ok_or_else(none)
}
