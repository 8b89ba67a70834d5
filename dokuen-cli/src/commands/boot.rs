//! `boot`: every app serves its last release again, each on its own; what runs already is left alone.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dokuen_core::{App, Collected, Formation, Host, Lock, LockError, ProcessType, Transcript, fs, ledger, releases};
use dokuen_proc::Instance;

use crate::archive::killed;
use crate::commands::watch::Again;
use crate::exit::{Exit, Failure};
use crate::front_door::Tell;
use crate::printer::Printer;
use crate::topics::processes::BootArgs;
use crate::{front_door, keys, place, reconcile, walk};

/// Apps started at the same time, for each core: many mostly wait, a storm of all would make each of them late.
const AT_ONCE: usize = 16;

/// Starts all apps that were not shut down, or one in any case; with `watch` it then stays.
pub fn run(host: &Host, args: &BootArgs, out: &mut Printer) -> Result<(), Failure> {
    let name = args.app.application.as_deref();
    let which = match name {
        _ if args.again => Which::Lost,
        Some(_) => Which::InAnyCase,
        None => Which::NotShutDown,
    };
    let started = start(host, name, which, out);
    if !args.watch {
        return started;
    }
    // One app that does not start must not keep the others from being watched over.
    let again = Again::after(&started);
    if let Err(failure) = started {
        out.failure(&failure);
    }
    super::watch::run(host, again, out)
}

/// Starts what of these is to be started, and has nginx lead to it.
pub fn start(host: &Host, name: Option<&str>, which: Which, out: &mut Printer) -> Result<(), Failure> {
    if which == Which::Lost && host.shut_down_file().exists() {
        return Ok(());
    }
    killed::sweep_all(host)?;
    let apps = match name {
        Some(name) => vec![place::app(host, name)?],
        None => host.apps()?.into_iter().filter(|app| which.is_for(app)).collect(),
    };
    if which == Which::NotShutDown {
        fs::remove(&host.shut_down_file())?;
        // Nobody's app is to stay down because of a full disk there, or of sshd's file.
        for settled in [take_back_config(host), sync_keys(host)] {
            settled.unwrap_or_else(|failure| out.failure(&failure));
        }
    }
    dokuen_proc::sweep_ports(&host.ports_dir())?;
    let (front, booted) = beside(|| open_front(host), || boot_all(host, apps, which, out));
    // What a killed command had left of an app's names was taken back while nginx was told of it.
    let front = front.and_then(|said| Ok(said.into_iter().chain(open_front(host)?).collect()));
    let front = said_of_front(front, out);
    booted?;
    front
}

/// Apps start whatever keeps nginx from them, and what is in the way may be mended meanwhile.
fn said_of_front(front: Result<BTreeSet<Said>, Failure>, out: &mut Printer) -> Result<(), Failure> {
    front.iter().flatten().for_each(|(whose, problem)| out.problem(&format!("{whose}: {problem}")));
    let (exit, whom) = match &front {
        Ok(said) if said.iter().all(|(whose, _)| whose == NGINX) => return Ok(()),
        Ok(_) => (Exit::NginxRefused, "all of them as it should"),
        Err(failure) => (failure.exit, "them"),
    };
    if let Err(failure) = &front {
        out.failure(failure);
    }
    let text = format!("the apps run, but nginx does not lead to {whom}");
    Err(Failure::new(exit, text).hint("mend what is said above, then: dokuen boot"))
}

/// Both at the same time, or one after the other on a machine without room for a thread.
fn beside<A: Send, B>(aside: impl Fn() -> A + Sync, here: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| match std::thread::Builder::new().spawn_scoped(scope, &aside) {
        Ok(thread) => {
            let b = here();
            (thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), b)
        }
        Err(_) => (aside(), here()),
    })
}

/// nginx runs, and knows every app, by one reload; what it would not take is said of each. An app whose front door is
/// as it was does not wait for that, and one that has another waits for nginx's lock.
fn open_front(host: &Host) -> Result<BTreeSet<Said>, Failure> {
    // It also starts nginx where none runs: started before, nginx would read its configuration twice.
    let mut said = BTreeSet::from_iter(front_door::rebuild(host)?);
    said.extend(front_door::tend_logs(host).err().map(|failure| (NGINX.to_owned(), failure.to_string())));
    Ok(said)
}

/// Whose front door it is about, and what is wrong with it.
type Said = (String, String);
/// What stands there for no app.
const NGINX: &str = "nginx";

/// A change of the config vars of all apps that the power was cut over; one that is under way is left alone.
fn take_back_config(host: &Host) -> Result<(), Failure> {
    if !host.global_env_undo().exists() {
        return Ok(());
    }
    match Lock::try_take(&host.global_env_lock(), "the config of all apps", "taking a change back") {
        Ok(_lock) => Ok(host.global_env().take_back(&host.global_env_undo())?),
        Err(LockError::Busy { .. }) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// sshd's file is derived, and comes back like everything that is; a host without keys leaves it alone.
fn sync_keys(host: &Host) -> Result<(), Failure> {
    if keys::people(host)?.is_empty() { Ok(()) } else { keys::sync(host) }
}

/// A bounded number at once, and one that fails does not hold up the others.
fn boot_all(host: &Host, apps: Vec<App>, which: Which, out: &mut Printer) -> Result<(), Failure> {
    let queue = Mutex::new(apps.into_iter());
    let failed = Mutex::new(Vec::new());
    let out = Mutex::new(out);
    let next = || queue.lock().ok().and_then(|mut apps| apps.next());
    let work = || {
        while let Some(app) = next() {
            let mut lines = Collected::default();
            let booted = boot(host, &app, which, &mut lines);
            let Ok(mut out) = out.lock() else { return };
            match booted {
                Ok(text) => out.fact(&format!("{}: {text}", app.name)),
                // Whoever holds it starts it, or has just done so.
                Err(busy) if busy.exit == Exit::Busy && which == Which::NotShutDown => out.fact(&busy.to_string()),
                Err(failure) => {
                    out.problem(&app.name.to_string());
                    out.failure(&failure);
                    failed.lock().unwrap_or_else(|e| e.into_inner()).push(failure.exit);
                }
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = queue.lock().map_or(0, |apps| apps.len()).min(AT_ONCE * cores);
    std::thread::scope(|scope| {
        // A machine without room for more threads boots with fewer, or with this one alone.
        let _ = (1..most).try_for_each(|_| std::thread::Builder::new().spawn_scoped(scope, work).map(drop));
        work();
    });
    match failed.into_inner().unwrap_or_else(|e| e.into_inner())[..] {
        [] => Ok(()),
        [exit] if which == Which::InAnyCase => Err(Failure::new(exit, "the app did not start")),
        ref all => Err(Failure::new(Exit::Failed, format!("{} of the apps did not start", all.len()))),
    }
}

/// What of an app's formation is not up, by name; `None` before the first deploy. An error where `current` leads nowhere.
pub fn missing(app: &App) -> Result<Option<Vec<String>>, Failure> {
    let Some(live) = ledger::live(app)? else { return Ok(None) };
    let tree = releases::current(app)?.ok_or_else(|| reconcile::nothing_to_start(app))?;
    let wanted = walk::formation_for(&app.env().load()?, &walk::procfile_of(&tree)?)?;
    let mut alive = Vec::new();
    for instance in reconcile::of_generation(app, live.generation)? {
        if instance.is_alive()? && instance.report().phase == "up" && dokuen_proc::has_door(app, &instance) {
            alive.push(instance.id.name());
        }
    }
    let all = wanted.instances().map(|(kind, index)| format!("{kind}.{index}"));
    Ok(Some(all.filter(|name| !alive.contains(name)).collect()))
}

/// Which apps are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One that was shut down is left so.
    NotShutDown,
    /// It is not shut down any more.
    InAnyCase,
    /// Only one that is down and should not be.
    Lost,
}

impl Which {
    fn is_for(self, app: &App) -> bool {
        match self {
            Self::InAnyCase => true,
            Self::NotShutDown => !app.stopped_file().exists(),
            Self::Lost => is_lost(app).unwrap_or(false),
        }
    }
}

/// Whether something of an app that should run has no process at all, or one that nginx cannot find. One that crashes by
/// itself is not lost: its wrapper looks after it.
pub fn is_lost(app: &App) -> Result<bool, Failure> {
    let (Some(live), Some(tree)) = (ledger::live(app)?, releases::current(app)?) else { return Ok(false) };
    if app.stopped_file().exists() {
        return Ok(false);
    }
    let wanted = walk::formation_for(&app.env().load()?, &walk::procfile_of(&tree)?)?;
    let have = reconcile::of_generation(app, live.generation)?;
    let is_there = |kind: &ProcessType, n| {
        have.iter().any(|i| i.id.kind == *kind && i.id.index == n && dokuen_proc::has_door(app, i))
    };
    let crashes = have.iter().any(|instance| instance.report().phase == "crashed");
    Ok(!crashes && !wanted.instances().all(|(kind, n)| is_there(kind, n)))
}

/// Brings one app to what it should be: nothing is started twice.
pub fn boot(host: &Host, app: &App, which: Which, out: &mut dyn Transcript) -> Result<&'static str, Failure> {
    let _lock = match app.lock("booting") {
        Err(LockError::Busy { .. }) if which == Which::Lost => return Ok("is at somebody else's hands"),
        other => other?,
    };
    match which {
        Which::Lost if !is_lost(app)? => return Ok("runs"),
        Which::Lost => {}
        Which::InAnyCase => fs::remove(&app.stopped_file())?,
        Which::NotShutDown if app.stopped_file().exists() => return Ok("is shut down"),
        Which::NotShutDown => {}
    }
    let Some(live) = reconcile::reconcile(host, app)? else { return Ok("never deployed") };
    let tree = releases::current(app)?.ok_or_else(|| reconcile::nothing_to_start(app))?;
    let config = app.env().load()?;
    let wanted = walk::formation_for(&config, &walk::procfile_of(&tree)?)?;
    let have = reconcile::of_generation(app, live.generation)?;
    let runs = |wanted: &Formation| {
        wanted.instances().all(|(kind, n)| have.iter().any(|i| i.id.kind == *kind && i.id.index == n))
    };
    // What runs is what answers: one that does not is given up for new ones.
    let checks = walk::checks(host, app, &config, tree.path())?;
    if runs(&wanted) && dokuen_proc::wait_until_they_answer(app, &have, &checks).is_ok() && come_to_be_found(app, &have)
    {
        return Ok("runs");
    }
    super::restart::again_with(host, app, Tell::Apart, out)?;
    if which == Which::Lost && host.shut_down_file().exists() {
        // Who has shut everything down meanwhile did not wait for this app.
        super::shutdown::stop(app)?;
        return Ok("is shut down");
    }
    Ok("started")
}

/// Whether nginx finds all of them, who may have been told a moment ago to see to that.
fn come_to_be_found(app: &App, instances: &[Instance]) -> bool {
    const PATIENCE: Duration = Duration::from_secs(1);
    let until = Instant::now() + PATIENCE;
    let all = || instances.iter().all(|instance| dokuen_proc::has_door(app, instance));
    while !all() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    all()
}
