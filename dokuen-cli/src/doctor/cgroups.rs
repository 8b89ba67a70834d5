//! Cgroups: whether limits on memory and processes are in force.

use dokuen_core::Host;
use dokuen_proc::Group;

use super::{Check, Finding};
use crate::exit::Failure;
use crate::oneoffs;
use crate::setup::has_apps_unit;

pub const CHECK: Check = Check { about: "cgroups", look, fix: Some(fix) };

const HINT: &str = "name a directory of cgroup v2 that this account may write to, or leave `cgroup` out of the conf";

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let Some(dir) = &host.conf.cgroup else {
        return Ok(vec![Finding::ok("none asked for (`cgroup` in the conf): no limits on memory and processes")]);
    };
    let shown = dir.display();
    let hint = if has_apps_unit(host) { "sudo systemctl start dokuen-apps.service" } else { HINT };
    let found = match dokuen_proc::cgroups(dir, &host.conf.search_path()) {
        Ok(found) if found.moves => found,
        Ok(_) => return Ok(vec![Finding::warning(format!("processes cannot be moved into `{shown}`"), hint)]),
        Err(e) => return Ok(vec![Finding::warning(format!("`{shown}` takes no cgroup: {e}"), hint)]),
    };
    let on = |there: bool, what: &str| {
        let says = |how: &str| format!("{what}: {how}");
        if there { Finding::ok(says("in force")) } else { Finding::warning(says("not in force"), HINT) }
    };
    let mut all = vec![
        on(found.memory, "limits on memory"),
        on(found.pids, "limits on processes"),
        on(found.kill, "ending all of an instance in one step"),
    ];
    all.extend(host.apps()?.iter().flat_map(|app| oneoffs::cgroups_left(host, app)).map(|group| left(&group)));
    Ok(all)
}

/// Whoever typed it may have meant what it left to stay: only a person ends that.
fn left(group: &Group) -> Finding {
    let (name, members) = (group.name(), group.members());
    if members.is_empty() {
        return Finding::warning(
            format!("the cgroup {name} is left of a one-off that has ended"),
            "dokuen doctor --fix",
        );
    }
    let pids = members.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Finding::warning(
        format!("of the one-off {name}, which has ended, there runs still: {pids}"),
        format!("kill {pids}"),
    )
}

/// Cgroups of one-offs that are over go; one in which something was left running stays.
fn fix(host: &Host) -> Result<(), Failure> {
    host.apps()?.iter().for_each(|app| oneoffs::remove_cgroups(host, app));
    Ok(())
}
