//! The clock: release names and records go by it.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{Host, Stamp, ledger};

use super::{Check, Finding, find_program};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "clock", look, fix: None };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    Ok(vec![stepped_back(host)?, kept_in_step(host)])
}

/// Whether something was done in the future.
fn stepped_back(host: &Host) -> Result<Finding, Failure> {
    let now = Stamp::now().for_people();
    for app in host.apps()? {
        let Some(version) = ledger::versions(&app)?.pop() else { continue };
        let at = ledger::record(&app, version)?.map(|record| record.at).unwrap_or_default();
        if at > now {
            let says = format!("it is {now} UTC, but {version} of {} is of {at}: the clock was put back", app.name);
            return Ok(Finding::warning(says, "sudo timedatectl set-ntp true"));
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
        Ok("no") => Finding::warning("nothing keeps it in step over the network", "sudo timedatectl set-ntp true"),
        _ => Finding::unknown("whether the clock is kept in step cannot be seen here: timedatectl does not answer"),
    }
}
