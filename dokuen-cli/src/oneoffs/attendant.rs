//! Starting a one-off in the background, and the process that stays with it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use dokuen_core::{App, Formation, Host, Lock, ProcessType, Stamp, fs, releases};
use dokuen_proc::{Attended, Ended, LogRoom};

use super::tidy::forget_old;
use super::{Asked, LOCK, Outcome, RESULT, Run, SPEC, Spec, State, all, bounds, named, prepare, write};
use crate::exit::{Exit, Failure};
use crate::{place, walk};

/// An attendant that does not take its lock in this time never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts one and returns as soon as its attendant has it.
pub fn start(
    host: &Host,
    app: &App,
    words: &[String],
    env: Vec<(String, String)>,
    asked: Option<Asked>,
) -> Result<Run, Failure> {
    forget_old(host, app)?;
    // Looked at before anything is made: there may be no release.
    let prepared = prepare(host, app, "run", words, &env)?;
    let scheduled = asked.as_ref().is_some_and(|asked| asked.due.is_some());
    let kind = if asked.is_some() { "cron" } else { "run" };
    let name = claim(host, app, kind)?;
    let spec = Spec {
        words: words.to_vec(),
        by: if scheduled { "schedule".to_owned() } else { place::who() },
        at: Stamp::now().for_people(),
        release: prepared.release,
        tree: prepared.tree.path().to_owned(),
        env,
        job: asked.as_ref().map(|asked| asked.job.clone()),
        timeout: asked.as_ref().and_then(|asked| asked.timeout),
        due: asked.and_then(|asked| asked.due),
        attached: None,
        cgroup: dokuen_proc::cgroup_of_one_off(host, app, &name),
    };
    let dir = app.runs_dir().join(&name);
    dokuen_proc::make_attended(&dir)?;
    write(&dir.join(SPEC), &spec)?;
    let dokuen = host.program();
    let attendant = Cmd::new(&dokuen, Path::new("/")).env("PATH", host.conf.search_path());
    // Not the mark of what it attends, and yet known as one of this host's.
    let attendant = attendant.env(dokuen_proc::MARK, dir.join("attendant"));
    let mut attendant = attendant.args(["run:attend", "-a", app.name.as_str(), &name]).to_std();
    let spawned = attendant.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut attendant = fs::at("start", &dokuen, spawned)?;
    let run = named(app, &name)?;
    let until = Instant::now() + PATIENCE;
    loop {
        if run.state()? != State::Lost || named(app, &name)?.outcome.is_some() {
            return Ok(run);
        }
        let gone = fs::at("wait for", &dokuen, attendant.try_wait())?.is_some() && run.state()? == State::Lost;
        if gone && named(app, &name)?.outcome.is_none() || Instant::now() >= until {
            let text = format!("{name} of {} could not be started", app.name);
            return Err(
                Failure::new(Exit::Failed, text).hint(format!("dokuen run:logs --application={} {name}", app.name))
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A name that nobody has: whoever makes its directory has it.
pub(super) fn claim(host: &Host, app: &App, kind: &str) -> Result<String, Failure> {
    fs::make_dirs(&app.runs_dir(), fs::PRIVATE_DIR)?;
    let last = all(app)?.last().and_then(|run| super::number(&run.name)).unwrap_or(0);
    let last = if is_process_type(app, kind)? { last.max(Formation::MOST.into()) } else { last };
    for number in last.saturating_add(1)..=u32::MAX {
        let name = format!("{kind}.{number}");
        // Something that an earlier one has left runs there still.
        if dokuen_proc::cgroup_of_one_off(host, app, &name).is_some_and(|cgroup| cgroup.exists()) {
            continue;
        }
        match fs::make_dir(&app.runs_dir().join(&name), fs::PRIVATE_DIR) {
            Err(e) if e.source.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => return other.map(|()| name).map_err(Failure::from),
        }
    }
    Err(Failure::new(Exit::Failed, "there are no more numbers for one-offs"))
}

/// An app may have a type `cron` of its own, or `run`: the names of its processes, and so their logs, are left to them.
fn is_process_type(app: &App, kind: &str) -> Result<bool, Failure> {
    let Some(tree) = releases::current(app)? else { return Ok(false) };
    let kind = ProcessType::parse(kind)?;
    Ok(walk::procfile_of(&tree).is_ok_and(|procfile| procfile.command(&kind).is_some()))
}

/// What the hidden `run:attend` does: runs it to its end and writes down how that was.
pub fn attend(host: &Host, app: &App, name: &str) -> Result<(), Failure> {
    let run = named(app, name)?;
    // Whoever only looks whether it runs holds it for a moment, too.
    let _lock = Lock::take(&run.dir.join(LOCK), "running")?;
    // It may have ended meanwhile, or have been taken for one that never began.
    let run = named(app, name)?;
    if run.outcome.is_some() {
        return Err(Failure::new(Exit::Failed, format!("{name} has ended already")));
    }
    let prepared = prepare(host, app, name, &run.spec.words, &run.spec.env)?;
    let (config, search_path) = (app.env().load()?, host.conf.search_path());
    let bounds = bounds(host, &config, name)?;
    let attended = Attended {
        log: &app.named_log(name),
        name,
        log_bytes: host.conf.log_bytes,
        log_room: LogRoom::of(app, &host.conf, &config),
        cgroup: run.spec.cgroup.as_deref().map(|dir| (dir, bounds)),
        search_path: &search_path,
        dir: &run.dir,
        grace: host.conf.stop_timeout,
        limit: run.spec.timeout.map(Duration::from_secs),
    };
    // Whoever could not be started at all has the status that a shell gives.
    let failed = Ended { code: 126, timed_out: false };
    let Ended { code: exit, timed_out } = dokuen_proc::attend(prepared.command.to_std(), &attended).unwrap_or(failed);
    write(&run.dir.join(RESULT), &Outcome { exit, at: Stamp::now().for_people(), timed_out })
}
