//! Cgroups: whether limits on memory and processes are in force.

use dokuen_core::Host;
use dokuen_proc::Group;

use super::{Check, Finding};
use crate::exit::Failure;
use crate::oneoffs::{self, State};
use crate::setup::has_apps_unit;

pub const CHECK: Check = Check { about: "cgroups", look, fix: Some(fix) };

const HINT: &str = "name a directory of cgroup v2 that this account may write to, or leave `cgroup` out of the conf";

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let Some(dir) = &host.conf.cgroup else {
        return Ok(vec![Finding::ok("none asked for (`cgroup` in the conf): no limits on memory and processes")]);
    };
    let shown = dir.display();
    let hint = match (has_apps_unit(host), dir.iter().any(|part| part.to_string_lossy().starts_with("user@"))) {
        (true, true) => "systemctl --user start dokuen-apps.service",
        (true, false) => "sudo systemctl start dokuen-apps.service",
        (false, _) => HINT,
    };
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
    // Those are named with the processes that nobody looks after.
    let marked: Vec<_> = dokuen_proc::marked_below(&host.apps_dir()).into_iter().map(|process| process.pid).collect();
    let cgroups = host.apps()?.into_iter().flat_map(|app| oneoffs::cgroups_left(host, &app));
    all.extend(cgroups.filter_map(|(group, state)| left(&group, state, &marked)));
    Ok(all)
}

/// An empty one is nothing to speak of after a one-off that took the place of `dokuen`: the next command removes it.
/// Whoever typed that may have meant what it left to stay, so only a person ends it.
fn left(group: &Group, state: State, marked: &[i32]) -> Option<Finding> {
    let (name, members) = (group.name(), group.members());
    if members.is_empty() {
        let says = format!("the cgroup {name} is left of a one-off whose attendant was killed");
        return (state == State::Lost).then(|| Finding::warning(says, "dokuen doctor --fix"));
    }
    let hidden = members.iter().filter(|pid| !marked.contains(pid)).map(ToString::to_string).collect::<Vec<_>>();
    let pids = hidden.join(" ");
    let says = format!("left running by the one-off {name}, and in hiding: {pids}");
    (!hidden.is_empty()).then(|| Finding::warning(says, format!("kill {pids}")))
}

/// Cgroups of one-offs that are over go; one in which something was left running stays.
fn fix(host: &Host) -> Result<(), Failure> {
    host.apps()?.iter().for_each(|app| oneoffs::remove_cgroups(host, app));
    Ok(())
}
