//! `restart`: new processes of the live release take over from the old ones.

use dokuen_core::{App, Host, Transcript, ledger, releases};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::walk::{self, Next};
use crate::{place, reconcile};

/// Restarts an app that runs.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("restarting")?;
    reconcile::reconcile(host, &app)?;
    again(host, &app, out)?;
    out.step(&format!("restarted {}", app.name));
    Ok(())
}

/// Starts the live release anew, whether or not it runs. The caller holds the app's lock.
pub fn again(host: &Host, app: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    let (Some(live), Some(tree)) = (ledger::live(app)?, releases::current(app)?) else {
        let nothing = Failure::new(Exit::NotFound, format!("{} has no release yet", app.name));
        return Err(nothing.hint("git push dokuen master"));
    };
    let config = app.env().load()?;
    let formation = walk::formation_for(&config, &walk::procfile_of(&tree)?)?;
    let commit = ledger::record(app, live.version)?.and_then(|r| r.commit);
    let next = Next { tree, commit, config, formation, what: None, by: place::who() };
    walk::go_live(host, app, next, out).map(|_| ())
}
