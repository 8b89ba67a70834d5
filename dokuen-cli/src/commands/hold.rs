//! `cgroups:hold`: what the unit runs whose cgroups are the apps'. It does nothing else, so that nothing has to start it
//! anew while apps run.

use dokuen_core::{Host, Transcript};

use super::watch::tell_systemd;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// Never returns but with an error.
pub fn run(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let Some(dir) = &host.conf.cgroup else {
        return Err(Failure::new(Exit::HostNotReady, "the conf names no `cgroup`"));
    };
    let failed = |e| Failure::new(Exit::HostNotReady, format!("failed to hold `{}`: {e}", dir.display()));
    for missing in dokuen_proc::hold_cgroups(dir).map_err(failed)? {
        out.problem(&format!("some limits are not in force: {missing}"));
    }
    for app in host.apps()? {
        for instance in dokuen_proc::instances(&app)? {
            if let Err(e) = dokuen_proc::bound_again(&instance) {
                out.problem(&format!("{} of {}: the limits are not in force: {e}", instance.id.name(), app.name));
            }
        }
    }
    tell_systemd();
    loop {
        nix::unistd::pause();
    }
}
