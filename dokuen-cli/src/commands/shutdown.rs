//! `shutdown`: one app, which then stays stopped; or all of them until the next boot.

use dokuen_core::{App, Host, Lock, Transcript, fs};
use dokuen_proc::Instance;

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
            stop(&app)?;
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
pub fn stop(app: &App) -> Result<(), Failure> {
    wait(app, &tell(app)?)
}

/// Requests lead to none of them any more, and all are told to stop.
fn tell(app: &App) -> Result<Vec<Instance>, Failure> {
    dokuen_proc::clear_route(app)?;
    let instances = dokuen_proc::instances(app)?;
    dokuen_proc::retire(&instances)?;
    Ok(instances)
}

fn wait(app: &App, told: &[Instance]) -> Result<(), Failure> {
    dokuen_proc::wait_until_gone(told)?;
    Ok(dokuen_proc::sweep(app)?)
}

/// So many apps stop at once: each holds a file open.
const AT_ONCE: usize = 200;

/// All are told before one is waited for: who stops a machine does not wait for as long as all of them may take together.
/// One app that cannot be stopped does not keep the others from it.
fn everything(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let mut failed = None;
    if let Err(error) = fs::replace(&host.shut_down_file(), b"", fs::PRIVATE_FILE) {
        out.problem(&format!("whoever watches may start apps again: {}", Failure::from(error)));
    }
    for some in host.apps()?.chunks(AT_ONCE) {
        let told: Vec<_> = some.iter().map(|app| (app, tell_locked(app))).collect();
        for (app, told) in told {
            match told.and_then(|(instances, _lock)| wait(app, &instances)) {
                Ok(()) => out.fact(&format!("{} stopped", app.name)),
                Err(failure) => {
                    out.problem(&format!("{}: {failure}", app.name));
                    failed = Some(failure);
                }
            }
        }
    }
    front_door::stop(host)?;
    failed.map_or(Ok(()), Err)
}

fn tell_locked(app: &App) -> Result<(Vec<Instance>, Lock), Failure> {
    let lock = app.lock("shutting down")?;
    Ok((tell(app)?, lock))
}
