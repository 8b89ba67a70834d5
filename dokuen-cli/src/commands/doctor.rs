//! `doctor`: what is wrong with this host, and the command that mends it.

use dokuen_core::Host;
use serde::Serialize;

use crate::doctor::{Finding, State, checks, examine};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::machine::DoctorArgs;

/// The report as programs see it.
#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    check: &'static str,
    state: State,
    says: String,
    mend: Option<String>,
    mended: bool,
}

/// Looks at everything; the exit status says whether there is a problem that is not mended. Warnings do not count.
pub fn run(host: &Host, args: &DoctorArgs, out: &mut Printer) -> Result<u8, Failure> {
    let entry = |about, Finding { state, says, mend, mended }| Entry { check: about, state, says, mend, mended };
    let found = |check: &'static crate::doctor::Check| {
        examine(host, check, args.fix).into_iter().map(move |finding| entry(check.about, finding))
    };
    let checks: Vec<Entry> = checks().iter().flat_map(found).collect();
    let problems = checks.iter().filter(|entry| entry.state == State::Problem && !entry.mended).count();
    let report = Report { healthy: problems == 0, checks };
    if args.form.is_json() {
        out.json(&report);
    } else {
        print(&report, problems, out);
    }
    Ok(if report.healthy { 0 } else { Exit::HostNotReady as u8 })
}

fn print(report: &Report, problems: usize, out: &mut Printer) {
    let quiet = out.look.quiet;
    for entry in report.checks.iter().filter(|entry| !quiet || entry.state != State::Ok) {
        let (word, color) = match entry.state {
            _ if entry.mended => ("mended", GREEN),
            State::Ok => ("ok", GREEN),
            State::Warning => ("warning", YELLOW),
            State::Problem => ("problem", RED),
            State::Unknown => ("unknown", PLAIN),
        };
        let word = out.look.painted(&format!("{word:<9}"), color);
        // A file's name may hold anything.
        let says: String = entry.says.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let mut text = format!("{word}{:<12} {says}\n", entry.check);
        if let Some(mend) = entry.mend.as_ref().filter(|_| !entry.mended) {
            text.push_str(&format!("{:22}-> {mend}\n", ""));
        }
        out.out(text.as_bytes());
    }
    if !quiet {
        let plural = if problems == 1 { "problem" } else { "problems" };
        out.out(format!("{problems} {plural}\n").as_bytes());
    }
}

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const PLAIN: &str = "2";
