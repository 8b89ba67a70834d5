//! `logs`: the last lines of an app's processes, its builds or its nginx, merged in time, and what comes after: across
//! rotations and deploys.

mod build;
mod files;
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
use line::Line;
use nginx::Which;

/// How often new lines are looked for.
const PAUSE: Duration = Duration::from_millis(250);

/// Prints the last lines, and with `-t` follows until the reader goes.
pub fn run(host: &Host, args: &LogsArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    out.look.color |= args.color;
    if args.source != Source::App && !args.process.is_empty() {
        return Err(Failure::usage("--process is for what processes say, not for other sources"));
    }
    let since = args.since.as_deref().map(since::parse).transpose()?;
    let processes = Processes { app: &app, only: &args.process };
    let nginx = |which: &[Which]| Ok::<_, Failure>(Follow::of(nginx::Logs::of(host, &app, which)?));
    let mut follow = match args.source {
        Source::App => Follow::of(processes),
        Source::Build => Follow::of(build::Running(&app)),
        Source::Nginx => nginx(&[Which::Access, Which::Error])?,
        Source::NginxAccess => nginx(&[Which::Access])?,
        Source::NginxError => nginx(&[Which::Error])?,
    };
    let mut lines = match args.source {
        Source::Build if !args.tail => build::of_live(&app)?,
        _ => follow.begin(args.lines, since.as_deref())?,
    };
    if lines.is_empty() && !args.process.is_empty() && !args.tail && processes.paths()?.is_empty() {
        return Err(no_log(&app, &args.process));
    }
    lines.retain(|line| since.as_ref().is_none_or(|since| line.at.as_str() >= since.as_str()));
    // Stamps sort as text; a stable sort keeps the order within one second and file.
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    print(&lines[lines.len().saturating_sub(args.lines)..], args, out);
    while args.tail && !out.reader_has_gone() {
        std::thread::sleep(PAUSE);
        let mut lines = follow.more()?;
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        print(&lines, args, out);
    }
    Ok(())
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
