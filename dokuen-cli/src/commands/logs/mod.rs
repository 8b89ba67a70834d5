//! `logs`: the last lines of an app's processes, its builds or its nginx, merged in time, and what comes after: across
//! rotations and deploys.

mod build;
mod files;
mod home;
mod line;
mod nginx;
mod since;

use std::time::Duration;

use dokuen_core::{App, Host, shown};

use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::topics::processes::{LogsArgs, Source};
use files::{Files, Follow, Processes};
use home::Home;
use line::Line;
use nginx::Which;

/// How often new lines are looked for.
const PAUSE: Duration = Duration::from_millis(250);

/// Prints the last lines, and with `-t` follows until the reader goes, or the app.
pub fn run(host: &Host, args: &LogsArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    out.look.color |= args.color;
    if args.source != Source::App && !args.process.is_empty() {
        return Err(Failure::usage("--process is for what processes say, not for other sources"));
    }
    let since = args.since.as_deref().map(since::parse).transpose()?;
    let home = Home::of(&app)?;
    let mut follow = Follow::of(files(host, &app, args)?);
    let mut lines = match args.source {
        Source::Build if !args.tail => build::of_live(&app)?,
        _ => follow.begin(args.lines, since.as_deref())?,
    };
    if lines.is_empty() && !args.process.is_empty() && !args.tail && processes(&app, args).paths()?.is_empty() {
        return Err(no_log(&app, &args.process));
    }
    lines.retain(|line| since.as_ref().is_none_or(|since| line.at.as_str() >= since.as_str()));
    // Stamps sort as text; a stable sort keeps the order within one second and file.
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    print(&lines[lines.len().saturating_sub(args.lines)..], args, out);
    if args.tail { go_on(host, app, &home, follow, args, out) } else { Ok(()) }
}

/// Until the reader goes or the app does.
fn go_on<'a>(
    host: &Host,
    mut app: App,
    home: &Home,
    mut follow: Follow<'a>,
    args: &'a LogsArgs,
    out: &mut Printer,
) -> Result<(), Failure> {
    while !out.reader_has_gone() {
        std::thread::sleep(PAUSE);
        let lines = follow.more();
        // Asked after what was read: it may be the next app's of this name, which is nobody's here.
        let now = home.now(host, &app)?;
        let mut lines = lines?;
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        print(&lines, args, out);
        if now.name != app.name {
            follow.turn_to(files(host, &now, args)?);
            app = now;
        }
    }
    Ok(())
}

/// What is asked for.
fn files<'a>(host: &Host, app: &App, args: &'a LogsArgs) -> Result<Box<dyn Files + 'a>, Failure> {
    let nginx = |which: &[Which]| Ok::<Box<dyn Files + 'a>, Failure>(Box::new(nginx::Logs::of(host, app, which)?));
    match args.source {
        Source::App => Ok(Box::new(processes(app, args))),
        Source::Build => Ok(Box::new(build::Running(app.clone()))),
        Source::Nginx => nginx(&[Which::Access, Which::Error]),
        Source::NginxAccess => nginx(&[Which::Access]),
        Source::NginxError => nginx(&[Which::Error]),
    }
}

fn processes<'a>(app: &App, args: &'a LogsArgs) -> Processes<'a> {
    Processes { app: app.clone(), only: &args.process }
}

fn no_log(app: &App, processes: &[String]) -> Failure {
    let names = processes.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    let text = format!("{} has no log of {names}", app.name);
    Failure::new(Exit::NotFound, text).hint(format!("dokuen ps --application={}", app.name))
}

fn print(lines: &[Line], args: &LogsArgs, out: &mut Printer) {
    for line in lines {
        if args.form.is_json() {
            out.json_line(&line.as_json());
        } else {
            let text = line.for_people(&out.look);
            out.out(text.as_bytes());
        }
    }
}
