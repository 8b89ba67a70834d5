//! Builds: which limits are in force for them here, and which apps have limits of their own.

use dokuen_build::Limits;
use dokuen_core::{App, Host};

use super::{Check, Finding};
use crate::build_limits;
use crate::exit::Failure;
use crate::room;

pub const CHECK: Check = Check { about: "builds", look, fix: None };

const MIB: u64 = 1024 * 1024;

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let usual = Limits::default();
    let mut found = vec![Finding::ok(format!("time: {} s for a whole build", usual.time.as_secs()))];
    found.push(processes(usual));
    found.push(memory(usual));
    found.push(Finding::ok(format!("room: none begins with less than {} free", room::least())));
    for app in host.apps()? {
        found.extend(of_its_own(&app, usual)?);
    }
    Ok(found)
}

fn processes(usual: Limits) -> Finding {
    let most = usual.processes;
    match dokuen_build::FINDS_STRAYS {
        true => Finding::ok(format!("processes: {most} at once; all of a build are counted")),
        false => Finding::unknown(format!(
            "processes: {most} at once; those that leave their parents are counted only if `ps` shows them"
        )),
    }
}

fn memory(usual: Limits) -> Finding {
    match usual.memory {
        u64::MAX => Finding::unknown(
            "memory: no bound unless DOKUEN_BUILD_MEMORY says one: the size of the machine is not known here",
        ),
        most => Finding::ok(format!("memory: {} MiB together", most / MIB)),
    }
}

/// What an app's config says otherwise.
fn of_its_own(app: &App, usual: Limits) -> Result<Option<Finding>, Failure> {
    let limits = match build_limits::read(&app.env().load()?) {
        Ok(limits) => limits,
        Err(failure) => {
            let mend = format!("dokuen config:unset NAME --application={}", app.name);
            return Ok(Some(Finding::warning(format!("{}: {failure}", app.name), mend)));
        }
    };
    let mut own = Vec::new();
    if limits.time != usual.time {
        own.push(format!("{} s", limits.time.as_secs()));
    }
    if limits.processes != usual.processes {
        own.push(format!("{} processes", limits.processes));
    }
    if limits.memory != usual.memory {
        own.push(format!("{} MiB of memory", limits.memory / MIB));
    }
    Ok((!own.is_empty()).then(|| Finding::ok(format!("{}: {}", app.name, own.join(", ")))))
}
