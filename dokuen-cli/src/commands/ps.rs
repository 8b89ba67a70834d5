//! `ps`: what really runs.

use dokuen_core::Host;

use crate::exit::Failure;
use crate::place;
use crate::printer::Printer;

/// A line per instance: name, state, pid, port, since, restarts, release.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    out.out(
        format!(
            "{:<16} {:<10} {:>8} {:>6}  {:<19} {:>8}  release\n",
            "process", "state", "pid", "port", "since", "restarts"
        )
        .as_bytes(),
    );
    for instance in dokuen_proc::instances(&app)? {
        let report = instance.report();
        let alive = instance.is_alive()?;
        if !alive && report.phase == "gone" {
            // It ended in order, and the next command sweeps its directory.
            continue;
        }
        let state = if alive { report.phase.as_str() } else { "lost" };
        let version = instance.spec().map(|spec| spec.version).unwrap_or_default();
        let number = |n: Option<String>| n.unwrap_or_else(|| "-".to_owned());
        let (pid, port) = (number(report.child.map(|p| p.to_string())), number(report.port.map(|p| p.to_string())));
        let line = format!(
            "{:<16} {state:<10} {pid:>8} {port:>6}  {:<19} {:>8}  {version}\n",
            instance.id.name(),
            report.since,
            report.restarts
        );
        out.out(line.as_bytes());
    }
    Ok(())
}
