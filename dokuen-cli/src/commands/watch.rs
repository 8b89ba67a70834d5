//! `boot --watch`: what the boot unit runs. It waits for wrappers that die by surprise, and gives each instance a new
//! one, which adopts the child. It is in nobody's path: killed itself, it is started again and finds all in place.

mod again;
mod nginx;
mod said;

pub use again::Again;

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dokuen_core::{App, Host, Lock, LockError, Stamp, Transcript};
use dokuen_proc::Instance;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::{front_door, reconcile};
use said::Said;

/// How often new instances are looked for; the death of a known one is noticed at once.
const LOOK: Duration = Duration::from_secs(1);
/// How often nginx's logs are looked at. At full speed it writes some megabytes a second.
const LOGS: Duration = Duration::from_secs(5);

/// Never returns but with an error.
pub fn run(host: &Host, mut again: Again, out: &mut Printer) -> Result<(), Failure> {
    // For `doctor`, who asks whether somebody watches. Two that do are in nobody's way.
    let _lock = Lock::try_take(&host.watch_lock(), "watching", "watching").ok();
    tell_systemd();
    let mut crashes = Crashes::default();
    let mut own_nginx = nginx::OwnNginx::default();
    let (mut tended, mut said): (Option<Instant>, Said) = (None, Said::default());
    let mut note = |whose: &str, result: Result<(), Failure>, out: &mut Printer| said.note(whose, result, out);
    loop {
        let Looked { watched, lost, trouble } = look(host)?;
        for (app, failure) in trouble {
            note(app.name.as_str(), Err(failure), out);
        }
        for event in crashes.look(watched.iter().map(|(instance, _)| instance)) {
            super::note(host, &event, out);
        }
        for app in lost {
            note(app.name.as_str(), settle(host, &app), out);
        }
        let revived = own_nginx.look(host, out);
        note("nginx", revived, out);
        if tended.is_none_or(|at| at.elapsed() >= LOGS) {
            note("nginx", front_door::tend_logs(host), out);
            tended = Some(Instant::now());
        }
        note("apps that are down", again.look(host, Instant::now()), out);
        wait_for_a_death(&watched)?;
        reap().into_iter().for_each(|(pid, well)| again.ended(pid, well));
        for (instance, _) in watched {
            note(&instance.id.to_string(), mend(host, &instance), out);
        }
    }
}

/// Who is in a crash loop. It is told once, and again only after a run that was long enough.
#[derive(Default)]
struct Crashes {
    told: BTreeSet<PathBuf>,
    next: Option<Instant>,
}

/// How often it is looked for: every look reads a small file of each instance.
const CRASHES: Duration = Duration::from_secs(5);
/// An instance that has run this long has left its crash loop.
const WELL: i64 = 60;

impl Crashes {
    fn look<'a>(&mut self, instances: impl Iterator<Item = &'a Instance>) -> Vec<Event> {
        if self.next.is_some_and(|next| Instant::now() < next) {
            return Vec::new();
        }
        self.next = Some(Instant::now() + CRASHES);
        let (mut events, mut still) = (Vec::new(), BTreeSet::new());
        for instance in instances {
            let (dir, report) = (instance.dir().to_owned(), instance.report());
            let since = Stamp::parse_for_people(&report.since);
            let well = report.phase == "up" && since.is_some_and(|since| Stamp::now().seconds_since(since) >= WELL);
            let was_told = self.told.contains(&dir);
            if report.phase == "crashed" && !was_told {
                events.extend(crash(instance));
            }
            if report.phase == "crashed" || (was_told && !well) {
                still.insert(dir);
            }
        }
        self.told = still;
        events
    }
}

/// By nobody: it happened.
fn crash(instance: &Instance) -> Option<Event> {
    let app = instance.spec().ok()?.app;
    let what = format!("crash {}", instance.id.name());
    Some(Event {
        at: Stamp::now().for_people(),
        by: "dokuen".to_owned(),
        from: None,
        app: Some(app),
        what,
        exit: Some(1),
    })
}

impl Said {
    /// Trouble with one must not keep the others from being watched.
    fn note(&mut self, whose: &str, result: Result<(), Failure>, out: &mut Printer) {
        let text = result.map_err(|failure| format!("{whose}: {failure}"));
        if let Err(text) = text
            && self.is_news(&text, Instant::now())
        {
            out.problem(&text);
        }
    }
}

type Watched = Vec<(Instance, File)>;

/// What there is to be looked after.
#[derive(Default)]
struct Looked {
    /// Instances that have a wrapper, each with the writing end of its control FIFO, which breaks when the wrapper is
    /// gone, however it went.
    watched: Watched,
    /// Apps with an instance that has none, or that nginx does not find.
    lost: Vec<App>,
    /// Apps that could not be looked at, and why.
    trouble: Vec<(App, Failure)>,
}

fn look(host: &Host) -> Result<Looked, Failure> {
    let mut looked = Looked::default();
    for app in host.apps()? {
        match look_at(&app) {
            Ok((watched, is_whole)) => {
                looked.watched.extend(watched);
                looked.lost.extend((!is_whole).then_some(app));
            }
            Err(failure) => looked.trouble.push((app, failure)),
        }
    }
    Ok(looked)
}

fn look_at(app: &App) -> Result<(Watched, bool), Failure> {
    let (mut watched, mut is_whole) = (Vec::new(), true);
    for instance in dokuen_proc::instances(app)? {
        let control = instance.control()?;
        is_whole &= control.is_some() && (instance.is_retired() || dokuen_proc::has_door(app, &instance));
        watched.extend(control.map(|control| (instance, control)));
    }
    Ok((watched, is_whole))
}

/// Somebody who holds the app's lock is starting or stopping instances: then they are that command's business.
fn settle(host: &Host, app: &App) -> Result<(), Failure> {
    match app.lock("looking after lost wrappers") {
        Ok(_lock) => reconcile::reconcile(host, app).map(drop),
        Err(LockError::Busy { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn wait_for_a_death(watched: &[(Instance, File)]) -> Result<(), Failure> {
    let mut fds: Vec<_> = watched.iter().map(|(_, control)| PollFd::new(control.as_fd(), PollFlags::empty())).collect();
    let timeout = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX);
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(e) => Err(Failure::new(Exit::Failed, format!("failed to wait for wrappers: {e}"))),
    }
}

/// An instance that was told to stop is left to whoever told it; one that leaves by itself takes its directory along.
fn mend(host: &Host, instance: &Instance) -> Result<(), Failure> {
    if instance.is_retired() || instance.is_alive()? || !instance.is_complete() {
        return Ok(());
    }
    Ok(dokuen_proc::revive(&host.wrapper(), instance)?)
}

/// What was started here and has ended is ours to collect: wrappers, and what tries to start an app; whether it went well.
fn reap() -> Vec<(Pid, bool)> {
    let mut ended = Vec::new();
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        match status.pid() {
            Some(pid) => ended.push((pid, matches!(status, WaitStatus::Exited(_, 0)))),
            None => break,
        }
    }
    ended
}

/// The readiness protocol of sd_notify(3); without systemd there is nobody to tell.
pub(super) fn tell_systemd() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"READY=1", path));
    // Not told, systemd waits until its own time is over and says so itself.
    let _ = told;
}
