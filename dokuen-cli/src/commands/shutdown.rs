//! `shutdown`: one app, which then stays stopped; or all of them until the next boot.

use std::time::Duration;

use dokuen_core::{App, Host, Transcript, fs};

use crate::exit::Failure;
use crate::printer::Printer;
use crate::{front_door, place};

/// Stops one app or all.
pub fn run(host: &Host, name: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    match name {
        Some(name) => {
            let app = place::app(host, name)?;
            let _lock = app.lock("shutting down")?;
            fs::replace(&app.stopped_file(), b"", fs::PRIVATE_FILE)?;
            stop(&app, host)?;
            out.step(&format!("stopped {}", app.name));
            Ok(())
        }
        None => everything(host, out),
    }
}

/// For what changes an app and would start it, if it were not shut down on purpose.
pub fn say_if_shut_down(app: &App, out: &mut dyn Transcript) {
    if app.stopped_file().exists() {
        out.fact(&format!("{name} is shut down: dokuen boot --application={name} starts it", name = app.name));
    }
}

/// Stops every process of an app and waits until they are gone. The caller holds the app's lock.
pub fn stop(app: &App, host: &Host) -> Result<(), Failure> {
    dokuen_proc::clear_route(app)?;
    let instances = dokuen_proc::instances(app)?;
    dokuen_proc::retire(&instances)?;
    let limit = host.conf.drain_timeout + host.conf.stop_timeout + Duration::from_secs(10);
    for instance in &instances {
        instance.wait_gone(limit)?;
    }
    dokuen_proc::sweep(app)?;
    Ok(())
}

/// One app that cannot be stopped does not keep the others from it.
fn everything(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let mut failed = None;
    for app in host.apps()? {
        let stopped = app.lock("shutting down").map_err(Failure::from).and_then(|_lock| stop(&app, host));
        match stopped {
            Ok(()) => out.fact(&format!("{} stopped", app.name)),
            Err(failure) => {
                out.problem(&format!("{}: {failure}", app.name));
                failed = Some(failure);
            }
        }
    }
    front_door::stop(host)?;
    failed.map_or(Ok(()), Err)
}
