//! The clock: release names and records go by it.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{Host, Stamp, ledger};

use super::{Check, Finding, find_program};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "clock", look, fix: None };

const SET: &str = "sudo timedatectl set-ntp true";

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let now = Stamp::now().for_people();
    let right = match far_off(&now) {
        Some(finding) => finding,
        None => stepped_back(host, &now)?,
    };
    Ok(vec![right, kept_in_step(host)])
}

/// The Rust that builds Dokuen is younger than that: such a clock has no battery, or was never set.
const FIRST: &str = "2025-02-01 00:00:00";
/// Certificates and schedules of a clock this far ahead are those of another age.
const LAST: &str = "2056-01-01 00:00:00";

fn far_off(now: &str) -> Option<Finding> {
    let says = || format!("it is {now} UTC here, which cannot be: certificates, schedules and records go by it");
    (!(FIRST..LAST).contains(&now)).then(|| Finding::problem(says(), SET))
}

/// Whether something was done in the future.
fn stepped_back(host: &Host, now: &str) -> Result<Finding, Failure> {
    for app in host.apps()? {
        let Some(version) = ledger::versions(&app)?.pop() else { continue };
        let at = ledger::record(&app, version)?.map(|record| record.at).unwrap_or_default();
        if at.as_str() > now {
            let says = format!("it is {now} UTC, but {version} of {} is of {at}: the clock was put back", app.name);
            return Ok(Finding::warning(says, SET));
        }
    }
    Ok(Finding::ok(format!("it is {now} UTC")))
}

fn kept_in_step(host: &Host) -> Finding {
    let blind = || Finding::unknown("whether the clock is kept in step cannot be seen here: there is no timedatectl");
    let Some(program) = find_program(host, "timedatectl") else { return blind() };
    let show = Cmd::new(program, Path::new("/")).args(["show", "--property=NTPSynchronized", "--value"]);
    match show.run().map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).as_deref() {
        Ok("yes") => Finding::ok("it is kept in step over the network"),
        Ok("no") => Finding::warning("nothing keeps it in step over the network", SET),
        _ => Finding::unknown("whether the clock is kept in step cannot be seen here: timedatectl does not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_a_problem() {
        for (now, is_off) in [
            ("1970-01-01 00:00:12", true),
            ("2025-01-31 23:59:59", true),
            ("2025-02-01 00:00:00", false),
            ("2055-12-31 23:59:59", false),
            ("2106-02-07 06:28:15", true),
        ] {
            assert_eq!(far_off(now).is_some(), is_off, "{now}");
        }
    }
}
