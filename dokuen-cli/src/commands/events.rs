//! `events`: who did what and when, oldest first, and what comes after.

use std::time::Duration;

use dokuen_core::{Host, fs, shown};

use crate::events::Event;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::{Form, moment};
use crate::topics::people::EventsArgs;

/// How often new events are looked for.
const PAUSE: Duration = Duration::from_millis(250);

/// Prints the last events, and with `-t` follows until the reader goes.
pub fn run(host: &Host, args: &EventsArgs, out: &mut Printer) -> Result<(), Failure> {
    let mut months = fs::names(&host.events_dir())?;
    let mut month = months.last().cloned().unwrap_or_default();
    let mut seen = wanted(host, &month, args)?.len();
    let mut all = Vec::new();
    // From the newest month back, as far as is asked for.
    while let Some(name) = months.pop().filter(|_| all.len() < args.lines) {
        let mut older = wanted(host, &name, args)?;
        if name == month {
            seen = older.len();
        }
        older.append(&mut all);
        all = older;
    }
    print(&all[all.len().saturating_sub(args.lines)..], args.form, out);
    while args.tail && !out.reader_has_gone() {
        std::thread::sleep(PAUSE);
        let next = newest(host)?;
        seen = print_from(seen, host, &month, args, out)?;
        if next != month {
            seen = print_from(0, host, &next, args, out)?;
            month = next;
        }
    }
    Ok(())
}

fn newest(host: &Host) -> Result<String, Failure> {
    Ok(fs::names(&host.events_dir())?.pop().unwrap_or_default())
}

/// What has come to a month since so many were seen; how many there are now.
fn print_from(seen: usize, host: &Host, month: &str, args: &EventsArgs, out: &mut Printer) -> Result<usize, Failure> {
    let all = wanted(host, month, args)?;
    print(all.get(seen..).unwrap_or_default(), args.form, out);
    Ok(all.len())
}

/// Those of a month that are asked for; none, when it has no file.
fn wanted(host: &Host, month: &str, args: &EventsArgs) -> Result<Vec<Event>, Failure> {
    let path = host.events_dir().join(month);
    let bytes = if month.is_empty() { Vec::new() } else { fs::read_if_there(&path)?.unwrap_or_default() };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let of_app = |event: &Event| args.app.application.is_none() || args.app.application == event.app;
    Ok(text.lines().filter_map(Event::parse).filter(of_app).collect())
}

fn print(events: &[Event], form: Form, out: &mut Printer) {
    for event in events {
        if form.is_json() {
            out.json_line(&Event { at: moment(&event.at), ..event.clone() }.to_json());
        } else {
            out.out(format!("{}\n", for_people(event)).as_bytes());
        }
    }
}

fn for_people(event: &Event) -> String {
    let exit = match event.exit {
        Some(0) => "ok".to_owned(),
        Some(exit) => format!("exit {exit}"),
        None => "-".to_owned(),
    };
    let quoted = shown(&event.what);
    // Names of branches and config vars are other people's text: nothing of it may reach a terminal as code.
    let what = quoted.trim_matches('"');
    let app = event.app.as_deref().unwrap_or("-");
    format!("{}  {:<12} {:<16} {exit:<7} {what}", event.at, event.by, app)
}
