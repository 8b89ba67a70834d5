//! `ps`: what really runs.

use std::collections::BTreeMap;
use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{App, Host};
use dokuen_proc::Instance;
use serde::Serialize;

use crate::exit::Failure;
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, for_people, left, moment, right};
use crate::topics::processes::PsArgs;

/// An instance as programs see it.
#[derive(Debug, Serialize)]
struct Process {
    app: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    index: u16,
    /// `up`, `waiting`, `crashed`, `draining`, `ending`, or `lost`: its wrapper was killed, and the next command gives it another.
    state: String,
    pid: Option<i32>,
    port: Option<u16>,
    since: String,
    restarts: u32,
    /// With everything it has started.
    memory_bytes: Option<u64>,
    cpu_percent: Option<f64>,
    release: String,
    last_end: Option<String>,
}

/// A line per instance, of one app or of every app that whoever is at work may see.
pub fn run(host: &Host, args: &PsArgs, out: &mut Printer) -> Result<(), Failure> {
    let apps = match &args.app.application {
        Some(name) => vec![place::app(host, name)?],
        None => super::apps::visible(host)?,
    };
    let usage = Usage::now(host);
    let mut all = Vec::new();
    for app in &apps {
        for instance in dokuen_proc::instances(app)? {
            all.extend(process(app, &instance, &usage)?);
        }
    }
    let of_many = args.app.application.is_none();
    out.data(args.form, &all, |all| table(all, of_many));
    Ok(())
}

/// `None` for one that ended in order: its directory is being removed, or the next command sweeps it.
fn process(app: &App, instance: &Instance, usage: &Usage) -> Result<Option<Process>, Failure> {
    let report = instance.report();
    let alive = instance.is_alive()?;
    // The spec is what goes first when a wrapper leaves.
    if report.phase == "gone" || !alive && !instance.is_complete() {
        return Ok(None);
    }
    let state = match alive {
        true => report.phase,
        // The next command gives it no other wrapper: it ends what is left of it.
        false if instance.is_retired() => "ending".to_owned(),
        false => "lost".to_owned(),
    };
    let used = report.child.and_then(|pid| usage.of(pid));
    Ok(Some(Process {
        app: app.name.to_string(),
        name: instance.id.name(),
        kind: instance.id.kind.to_string(),
        index: instance.id.index,
        state,
        pid: report.child,
        port: report.port.map(|port| port.get()),
        since: moment(&report.since),
        restarts: report.restarts,
        memory_bytes: used.map(|used| used.0),
        cpu_percent: used.map(|used| (used.1 * 10.0).round() / 10.0),
        release: instance.spec().map(|spec| spec.version).unwrap_or_default(),
        last_end: Some(report.last_end).filter(|end| !end.is_empty()),
    }))
}

fn table(all: &[Process], of_many: bool) -> Table {
    let columns = [
        left("process"),
        left("state"),
        right("pid"),
        right("port"),
        left("since"),
        right("restarts"),
        right("memory"),
        right("cpu"),
        left("release"),
        left("last end"),
    ];
    let mut table = Table::new(of_many.then(|| left("app")).into_iter().chain(columns).collect::<Vec<_>>());
    for one in all {
        let number = |n: Option<String>| n.unwrap_or_else(|| "-".to_owned());
        let cells = [
            one.name.clone(),
            one.state.clone(),
            number(one.pid.map(|pid| pid.to_string())),
            number(one.port.map(|port| port.to_string())),
            for_people(&one.since),
            one.restarts.to_string(),
            number(one.memory_bytes.map(|bytes| format!("{} MiB", bytes.div_ceil(1024 * 1024)))),
            number(one.cpu_percent.map(|percent| format!("{percent:.1}%"))),
            one.release.clone(),
            number(one.last_end.clone()),
        ];
        table.row(of_many.then(|| one.app.clone()).into_iter().chain(cells).collect::<Vec<_>>());
    }
    table
}

/// What each process of the machine uses, as `ps` says it: the same on Linux and macOS.
#[derive(Debug, Default)]
struct Usage {
    /// Parent, bytes in memory, percent of a processor over its life.
    of: BTreeMap<i32, (i32, u64, f64)>,
}

impl Usage {
    /// Nothing where there is no `ps`: then the columns say so.
    fn now(host: &Host) -> Self {
        let ps = Cmd::new("ps", Path::new("/")).env("PATH", host.conf.search_path()).env("LC_ALL", "C");
        let said = ps.args(["-A", "-o", "pid=,ppid=,rss=,pcpu="]).run().map(|output| output.stdout).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&said))
    }

    fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let (kib, percent): (u64, f64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((pid, (parent, kib * 1024, percent)))
        };
        Self { of: text.lines().filter_map(line).collect() }
    }

    /// Of a process and all that it has started.
    fn of(&self, pid: i32) -> Option<(u64, f64)> {
        let (_, mut bytes, mut percent) = *self.of.get(&pid)?;
        for (child, _) in self.of.iter().filter(|(child, of)| of.0 == pid && **child != pid) {
            let (more, also) = self.of(*child)?;
            (bytes, percent) = (bytes + more, percent + also);
        }
        Some((bytes, percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_counted_with_its_children() {
        let usage = Usage::parse("  1  0 10 0.0\n 7 1 100 1.5\n 8 7 20 0.5\n 9 8 3 0.0\n10 1 999 50.0\nrubbish\n");
        assert_eq!(usage.of(7), Some((123 * 1024, 2.0)));
        assert_eq!(usage.of(99), None);
    }
}
