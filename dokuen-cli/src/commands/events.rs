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
    let mut all = Vec::new();
    // From the newest month back, as far as is asked for.
    while let Some(month) = months.pop().filter(|_| all.len() < args.lines) {
        let mut older = wanted(host, &month, args)?;
        older.append(&mut all);
        all = older;
    }
    print(&all[all.len().saturating_sub(args.lines)..], args.form, out);
    let (mut month, mut seen) = newest(host, args)?;
    while args.tail && !out.reader_has_gone() {
        std::thread::sleep(PAUSE);
        let (now, count) = newest(host, args)?;
        if now != month {
            (month, seen) = (now, 0);
        }
        if count > seen {
            print(&wanted(host, &month, args)?[seen..], args.form, out);
            seen = count;
        }
    }
    Ok(())
}

fn newest(host: &Host, args: &EventsArgs) -> Result<(String, usize), Failure> {
    let month = fs::names(&host.events_dir())?.pop().unwrap_or_default();
    let count = if month.is_empty() { 0 } else { wanted(host, &month, args)?.len() };
    Ok((month, count))
}

fn wanted(host: &Host, month: &str, args: &EventsArgs) -> Result<Vec<Event>, Failure> {
    let bytes = fs::read(&host.events_dir().join(month))?;
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
