//! `ps:wait`: until everything that should run is up, for scripts.

use std::time::{Duration, Instant};

use dokuen_core::{App, Host, Transcript};

use super::{boot, scale};
use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::topics::processes::WaitArgs;

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(100);

/// Returns when it is so; a failure names what is missing.
pub fn run(host: &Host, args: &WaitArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let begun = Instant::now();
    while let Some(lacking) = lacking(&app)? {
        if begun.elapsed() >= Duration::from_secs(args.timeout) {
            let text = format!("after {} s {lacking}", args.timeout);
            return Err(Failure::new(Exit::Unhealthy, text).hint(format!("dokuen ps --application={}", app.name)));
        }
        std::thread::sleep(PAUSE);
    }
    out.step(&format!("{} is up", app.name));
    Ok(())
}

fn lacking(app: &App) -> Result<Option<String>, Failure> {
    if app.stopped_file().exists() {
        return Err(Failure::new(Exit::Unhealthy, format!("{} is shut down", app.name)));
    }
    let Some(missing) = boot::missing(app)? else { return Ok(Some(format!("{} has no release", app.name))) };
    if missing.is_empty() && scale::is_idle(app)? {
        // Nothing would come of waiting, and whoever waits for an app wants to use it.
        let text = format!("{} runs nothing: it is scaled to no process", app.name);
        return Err(Failure::new(Exit::Unhealthy, text).hint(format!("dokuen scale --application={}", app.name)));
    }
    Ok((!missing.is_empty()).then(|| format!("{} of {} is not up", missing.join(", "), app.name)))
}
