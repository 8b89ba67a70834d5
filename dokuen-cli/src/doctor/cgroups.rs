//! Cgroups: whether limits on memory and processes are in force.

use dokuen_core::Host;

use super::{Check, Finding};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "cgroups", look, fix: None };

const HINT: &str = "name a directory of cgroup v2 that this account may write to, or leave `cgroup` out of the conf";

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let Some(dir) = &host.conf.cgroup else {
        return Ok(vec![Finding::ok("none asked for (`cgroup` in the conf): no limits on memory and processes")]);
    };
    let shown = dir.display();
    let found = match dokuen_proc::cgroups(dir) {
        Ok(found) if found.moves => found,
        Ok(_) => return Ok(vec![Finding::warning(format!("processes cannot be moved into `{shown}`"), HINT)]),
        Err(e) => return Ok(vec![Finding::warning(format!("`{shown}` takes no cgroup: {e}"), HINT)]),
    };
    let on = |there: bool, what: &str| {
        let says = |how: &str| format!("{what}: {how}");
        if there { Finding::ok(says("in force")) } else { Finding::warning(says("not in force"), HINT) }
    };
    Ok(vec![
        on(found.memory, "limits on memory"),
        on(found.pids, "limits on processes"),
        on(found.kill, "ending all of an instance in one step"),
    ])
}
