//! `restart`: new processes of the live release take over from the old ones.

use std::time::{Duration, Instant};

use dokuen_core::{App, Host, Transcript, ledger, releases, shown};
use dokuen_proc::Instance;

use crate::exit::{Exit, Failure};
use crate::front_door::Tell;
use crate::printer::Printer;
use crate::topics::processes::RestartArgs;
use crate::walk::{self, Next};
use crate::{place, reconcile};

/// Restarts an app that runs, or some of its processes.
pub fn run(host: &Host, args: &RestartArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let only: Vec<&str> = args.processes.iter().chain(&args.also).map(String::as_str).collect();
    let _lock = app.lock("restarting")?;
    let live = reconcile::reconcile(host, &app)?;
    if only.is_empty() {
        again(host, &app, out)?;
        out.step(&format!("restarted {}", app.name));
        return Ok(());
    }
    let live = live.ok_or_else(|| nothing_runs(&app))?;
    let chosen = chosen(&app, reconcile::of_generation(&app, live.generation)?, &only)?;
    let config = app.env().load()?;
    let tree = releases::current(&app)?.ok_or_else(|| nothing_runs(&app))?;
    let checks = walk::checks(host, &app, &config, tree.path())?;
    // One after the other, so that of two the other one answers.
    for instance in &chosen {
        in_place(&app, instance, checks.timeout)?;
        dokuen_proc::wait_until_they_answer(&app, std::slice::from_ref(instance), &checks)?;
        out.fact(&format!("{} runs anew", instance.id.name()));
    }
    out.step(&format!("restarted {} of {}", only.join(", "), app.name));
    Ok(())
}

fn nothing_runs(app: &App) -> Failure {
    let nothing = Failure::new(Exit::NotFound, format!("nothing of {} runs", app.name));
    nothing.hint(format!("dokuen boot --application={}", app.name))
}

/// The instances with these names or of these types; one that is none is an error, and then nothing is restarted.
fn chosen(app: &App, all: Vec<Instance>, only: &[&str]) -> Result<Vec<Instance>, Failure> {
    let is = |instance: &Instance, word: &str| instance.id.kind.as_str() == word || instance.id.name() == word;
    if let Some(word) = only.iter().find(|word| !all.iter().any(|instance| is(instance, word))) {
        let text = format!("{} runs no process {}", app.name, shown(word));
        return Err(Failure::new(Exit::NotFound, text).hint(format!("dokuen ps --application={}", app.name)));
    }
    Ok(all.into_iter().filter(|instance| only.iter().any(|word| is(instance, word))).collect())
}

/// Its wrapper starts the child anew, with the environment read anew; requests wait in its front meanwhile.
fn in_place(app: &App, instance: &Instance, limit: Duration) -> Result<(), Failure> {
    let before = instance.report().child;
    instance.restart()?;
    let deadline = Instant::now() + limit;
    loop {
        let report = instance.report();
        if report.phase == "up" && report.child.is_some() && report.child != before {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let text = format!("{} was not up again within {} s", instance.id.name(), limit.as_secs());
            return Err(Failure::new(Exit::Unhealthy, text).hint(format!("dokuen logs --application={}", app.name)));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the live release anew, whether or not it runs. The caller holds the app's lock.
pub fn again(host: &Host, app: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    again_with(host, app, Tell::First, out)
}

/// As [`again`], for whoever says when nginx hears of it.
pub fn again_with(host: &Host, app: &App, tell: Tell, out: &mut dyn Transcript) -> Result<(), Failure> {
    let (Some(live), Some(tree)) = (ledger::live(app)?, releases::current(app)?) else {
        return Err(reconcile::nothing_to_start(app));
    };
    let config = app.env().load()?;
    let formation = walk::formation_for(&config, &walk::procfile_of(&tree)?)?;
    let commit = ledger::record(app, live.version)?.and_then(|r| r.commit);
    let next = Next { tree, commit, config, formation, what: None, by: place::who(), tell };
    walk::go_live(host, app, next, out).map(|_| ())
}
