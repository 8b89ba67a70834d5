//! `logs`: the last lines of an app's processes, merged in time, and what comes after: across rotations and deploys.

mod files;
mod line;
mod since;

use std::time::Duration;

use dokuen_core::{App, Host, fs, ledger, releases, shown};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::processes::{LogsArgs, Source};
use crate::{build_log, place};
use files::Follow;
use line::Line;

/// How often new lines are looked for.
const PAUSE: Duration = Duration::from_millis(250);
/// How much of the end of nginx's log is looked at: it is that of all apps.
const END: usize = 4 * 1024 * 1024;

/// Prints the last lines, and with `-t` follows until the reader goes.
pub fn run(host: &Host, args: &LogsArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    out.look.color |= args.color;
    let since = args.since.as_deref().map(since::parse).transpose()?;
    let mut follow = Follow::of(&app, &args.process);
    let mut lines = match args.source {
        Source::App => follow.begin(args.lines, since.as_deref())?,
        Source::Build => build(&app)?,
        Source::Nginx => nginx(host, &app)?,
    };
    if lines.is_empty() && !args.process.is_empty() && !args.tail && !follow.has_files()? {
        let names = args.process.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
        let text = format!("{} has no log of {names}", app.name);
        return Err(Failure::new(Exit::NotFound, text).hint(format!("dokuen ps --application={}", app.name)));
    }
    lines.retain(|line| since.as_ref().is_none_or(|since| line.at.as_str() >= since.as_str()));
    // Stamps sort as text; a stable sort keeps the order within one second and file.
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    print(&lines[lines.len().saturating_sub(args.lines)..], args, out);
    while args.tail && args.source == Source::App && !out.reader_has_gone() {
        std::thread::sleep(PAUSE);
        let mut lines = follow.more()?;
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        print(&lines, args, out);
    }
    Ok(())
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

/// What the build of the live release said; it has one time, that of the release.
fn build(app: &App) -> Result<Vec<Line>, Failure> {
    let nothing = || Failure::new(Exit::NotFound, format!("{} has no release yet", app.name));
    let (Some(tree), Some(live)) = (releases::current(app)?, ledger::live(app)?) else { return Err(nothing()) };
    let at = ledger::record(app, live.version)?.map(|record| record.at).unwrap_or_default();
    let log = build_log::read(&tree)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&log).lines().map(|text| Line::new(&at, "build", text)).collect())
}

/// Lines of the error log that name the app's domain. The machine's nginx has its log where only its admins read it.
fn nginx(host: &Host, app: &App) -> Result<Vec<Line>, Failure> {
    let path = host.own_nginx_dir().join("error.log");
    let Some(bytes) = fs::read_if_there(&path)? else {
        let text = "nginx is the machine's own here, and so is its log";
        return Err(Failure::new(Exit::NotFound, text).hint("sudo tail -f /var/log/nginx/error.log"));
    };
    let name = format!("host: \"{}", app.domain(&host.conf)?);
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(END)..]).into_owned();
    Ok(text.lines().filter(|line| line.contains(&name)).filter_map(Line::of_nginx).collect())
}
