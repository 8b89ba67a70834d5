//! Changing config vars: all of them or none, and the app runs with them.

use dokuen_core::ledger::{self, Live};
use dokuen_core::releases;
use dokuen_core::{App, EnvName, EnvStore, Environment, Host, Lock, LockError, Transcript};

use super::{Store, given};
use crate::exit::{Exit, Failure};
use crate::front_door::Tell;
use crate::printer::Printer;
use crate::topics::config::{ConfigSetArgs, ConfigUnsetArgs};
use crate::walk::{self, Next};
use crate::{commands, config_size, front_door, place, reconcile, settings};

/// What becomes of the processes that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// New ones with the new values take over.
    Restart,
    /// They are left alone until the next release.
    Keep,
}

impl Running {
    /// `--no-restart`.
    pub fn unless(no_restart: bool) -> Self {
        if no_restart { Self::Keep } else { Self::Restart }
    }
}

/// Sets all of them or none.
pub fn set(host: &Host, args: &ConfigSetArgs, out: &mut Printer) -> Result<(), Failure> {
    let store = Store::of(host, &args.whose)?;
    let given = given::read(args)?;
    let what = format!("set {}", list(given.iter().map(|(name, _)| name)));
    change(host, &store, Running::unless(args.no_restart), out, |config, _| {
        config.0.extend(given);
        Ok(what)
    })
}

/// Unsets them; one that is not set is said and changes nothing.
pub fn unset(host: &Host, args: &ConfigUnsetArgs, out: &mut Printer) -> Result<(), Failure> {
    let store = Store::of(host, &args.whose)?;
    let names = args.names.iter().map(|n| EnvName::parse(n)).collect::<Result<Vec<_>, _>>()?;
    change(host, &store, Running::unless(args.no_restart), out, |config, out| {
        for name in names.iter().filter(|name| config.0.remove(name).is_none()) {
            out.fact(&format!("{name} is not set"));
        }
        Ok(format!("unset {}", list(&names)))
    })
}

/// Names with commas between.
pub fn list<'a>(names: impl IntoIterator<Item = &'a EnvName>) -> String {
    names.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Lets `edit` work on the config vars under the lock; it says in words what it did.
pub fn change(
    host: &Host,
    store: &Store,
    running: Running,
    out: &mut Printer,
    edit: impl FnOnce(&mut Environment, &mut Printer) -> Result<String, Failure>,
) -> Result<(), Failure> {
    match store {
        Store::App(app) => {
            let _lock = app.lock("changing its config")?;
            let live = reconcile::reconcile(host, app)?;
            let mut config = app.env().load()?;
            let what = edit(&mut config, out)?;
            of_app(host, app, live, config, &what, running, out)
        }
        Store::Global(global) => {
            let lock = Lock::try_take(&host.global_env_lock(), "the config of all apps", "changing it")?;
            global.take_back(&host.global_env_undo())?;
            let mut config = global.load()?;
            let what = edit(&mut config, out)?;
            if !of_all(host, global, &config, &what, out)? || running == Running::Keep {
                return Ok(());
            }
            drop(lock);
            restart_all(host, out)
        }
    }
}

fn of_app(
    host: &Host,
    app: &App,
    live: Option<Live>,
    config: Environment,
    what: &str,
    running: Running,
    out: &mut Printer,
) -> Result<(), Failure> {
    settings::check(host, &config)?;
    front_door::check_names(host, app, &config)?;
    let (before, tree) = (app.env().load()?, releases::current(app)?);
    settings::check_seen(&before, &config)?;
    config_size::check_app(host, &before, &config)?;
    if let Some(tree) = &tree {
        settings::check_scale(&before, &config, &walk::procfile_of(tree)?)?;
    }
    if config == before {
        out.fact("nothing has changed");
        return Ok(());
    }
    match (live, tree) {
        (Some(live), Some(tree)) if running == Running::Restart => {
            let formation = walk::formation_for(&config, &walk::procfile_of(&tree)?)?;
            let commit = ledger::record(app, live.version)?.and_then(|r| r.commit);
            let (what, by, tell) = (Some(what.to_owned()), place::who(), Tell::First);
            let next = Next { tree, commit, config, formation, what, by, tell };
            walk::go_live(host, app, next, out)?;
        }
        (Some(_), _) => {
            put_by(app, live, &config)?;
            out.fact("what runs is left alone; the next release or restart has it");
        }
        _ => put_by(app, live, &config)?,
    }
    out.step(&format!("{what} for {}", app.name));
    commands::shutdown::say_if_shut_down(app, out);
    Ok(())
}

/// Nothing is started with it: the files alone change, all of them or none.
fn put_by(app: &App, live: Option<Live>, config: &Environment) -> Result<(), Failure> {
    ledger::change_config(app, NO_GENERATION, config)
        .and_then(|()| ledger::keep_config(app))
        .inspect_err(|_| drop(ledger::take_back_config(app, live)))?;
    Ok(())
}

/// One that is never live.
const NO_GENERATION: u32 = 0;

/// Whether something has changed.
fn of_all(host: &Host, store: &EnvStore, config: &Environment, what: &str, out: &mut Printer) -> Result<bool, Failure> {
    settings::check(host, config)?;
    let before = store.load()?;
    settings::check_seen(&before, config)?;
    config_size::check_all(host, &before, config)?;
    if *config == before {
        out.fact("nothing has changed");
        return Ok(false);
    }
    store.become_wholly(config, &host.global_env_undo())?;
    out.step(&format!("{what} for all apps"));
    Ok(true)
}

/// Each on its own: one that does not start with the new values runs on with the old ones, and is named.
fn restart_all(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for app in host.apps()? {
        match restart(host, &app, out) {
            Ok(true) => out.fact(&format!("{} runs with it", app.name)),
            Ok(false) => {}
            Err(failure) => {
                out.problem(&app.name.to_string());
                out.failure(&failure);
                failed.push(app.name.to_string());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let text = format!("{} did not start with it; what ran there runs on", failed.join(", "));
    Err(Failure::new(Exit::Unhealthy, text))
}

/// A deploy that is under way reads the values itself when it starts its processes.
fn restart(host: &Host, app: &App, out: &mut Printer) -> Result<bool, Failure> {
    let _lock = match app.lock("restarting") {
        Err(LockError::Busy { .. }) => {
            out.fact(&format!("{} is being changed by somebody else: restart it to be sure", app.name));
            return Ok(false);
        }
        Err(LockError::Gone { .. }) => return Ok(false),
        other => other?,
    };
    if reconcile::reconcile(host, app)?.is_none() {
        return Ok(false);
    }
    commands::restart::again(host, app, out).map(|()| true)
}
