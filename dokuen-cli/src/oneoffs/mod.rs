//! One-offs: a command in the live release, with its environment, that ends by itself. Attached, it takes the place of
//! `dokuen`; in the background it has an attendant and a log. Both have a directory (`runs/run.7`).
//!
//! As everywhere, alive means that a lock is held: the attendant's. A directory without a result whose lock is free was
//! lost with its attendant.

mod attached;
mod attendant;
mod command;
mod tidy;

pub use attached::{attach, group};
pub use attendant::{attend, start};
use command::bounds;
pub use command::{Prepared, pairs, prepare};
pub use tidy::{cgroups_left, forget_unbegun, remove_cgroups};

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, PRIVATE_FILE};
use dokuen_core::{App, Host, Lock, LockError, shown};
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// What is to be run, and by whom it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The words as they were typed; they may hold secrets, so the file is 0600.
    pub words: Vec<String>,
    /// Who asked for it; `schedule` for a scheduled job.
    pub by: String,
    /// `YYYY-mm-dd HH:MM:SS` in UTC.
    pub at: String,
    /// The release it runs in.
    pub release: String,
    /// Its tree, which pruning keeps while it runs.
    pub tree: PathBuf,
    /// More variables, in front of all others.
    pub env: Vec<(String, String)>,
    /// The scheduled job that it is a run of.
    pub job: Option<String>,
    /// The moment that run was due at; none when somebody asked for it.
    #[serde(default)]
    pub due: Option<String>,
    /// It may run for so many seconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// The process that it is or that waits for it, of one that somebody is attached to.
    #[serde(default)]
    pub attached: Option<Process>,
    /// Its cgroup, where it is to have one: the app may have another name by the time it ends.
    #[serde(default)]
    pub cgroup: Option<PathBuf>,
}

/// A process as it never comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it began, in the kernel's count.
    pub started: u64,
}

/// A run that a schedule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The job's name.
    pub job: String,
    /// The moment it was due at.
    pub due: Option<String>,
    /// The time it may take, in seconds.
    pub timeout: Option<u64>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its exit status, 128+n for a signal.
    pub exit: u8,
    /// `YYYY-mm-dd HH:MM:SS` in UTC.
    pub at: String,
    /// It had run longer than it may.
    #[serde(default)]
    pub timed_out: bool,
}

/// A one-off, by its directory.
#[derive(Debug, Clone)]
pub struct Run {
    /// `run.7`.
    pub name: String,
    /// What it runs.
    pub spec: Spec,
    /// How it ended, when it has.
    pub outcome: Option<Outcome>,
    dir: PathBuf,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs.
    Running,
    /// It has ended.
    Ended,
    /// Its attendant was killed, or the machine went down.
    Lost,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Lost => "lost",
        })
    }
}

impl Run {
    fn load(app: &App, name: &str) -> Result<Option<Self>, Failure> {
        let dir = app.runs_dir().join(name);
        let Some(spec) = json(&dir.join(SPEC))? else { return Ok(None) };
        Ok(Some(Self { name: name.to_owned(), spec, outcome: json(&dir.join(RESULT))?, dir }))
    }

    /// What has become of it.
    pub fn state(&self) -> Result<State, Failure> {
        if self.outcome.is_some() {
            return Ok(State::Ended);
        }
        if let Some(Process { pid, started }) = self.spec.attached {
            let runs = dokuen_proc::start_time(pid) == Some(started);
            return Ok(if runs { State::Running } else { State::Ended });
        }
        let path = self.dir.join(LOCK);
        if !path.exists() {
            return Ok(State::Lost);
        }
        match Lock::try_take(&path, &self.name, "looking whether it runs") {
            Err(LockError::Busy { .. }) => Ok(State::Running),
            // It may have ended in this moment.
            Ok(_) if json::<Outcome>(&self.dir.join(RESULT))?.is_some() => Ok(State::Ended),
            Ok(_) => Ok(State::Lost),
            Err(other) => Err(other.into()),
        }
    }

    /// Tells it to end and waits until it has.
    pub fn stop(&self, limit: Duration) -> Result<(), Failure> {
        if let Some(Process { pid, started }) = self.spec.attached {
            dokuen_proc::end_process(&self.dir, self.spec.cgroup.as_deref(), (pid, started), limit);
        }
        dokuen_proc::end_attended(&self.dir, self.spec.cgroup.as_deref())?;
        let until = Instant::now() + limit;
        while self.state()? == State::Running {
            if Instant::now() >= until {
                let text = format!("{} did not end within {} s", self.name, limit.as_secs());
                return Err(Failure::new(Exit::Failed, text));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

const SPEC: &str = "spec";
const RESULT: &str = "result";
const LOCK: &str = "lock";

/// Every one-off whose directory is there, oldest first. Of those that somebody was attached to, nothing is kept.
pub fn all(app: &App) -> Result<Vec<Run>, Failure> {
    let is_over = |run: &Run| Ok::<_, Failure>(run.spec.attached.is_some() && run.state()? == State::Ended);
    let mut kept = Vec::new();
    for run in on_disk(app)? {
        if !is_over(&run)? {
            kept.push(run);
        }
    }
    Ok(kept)
}

fn on_disk(app: &App) -> Result<Vec<Run>, Failure> {
    let mut names: Vec<(u32, String)> =
        fs::names(&app.runs_dir())?.into_iter().filter_map(|name| Some((number(&name)?, name))).collect();
    names.sort();
    names.iter().filter_map(|(_, name)| Run::load(app, name).transpose()).collect()
}

/// One by its name.
pub fn named(app: &App, name: &str) -> Result<Run, Failure> {
    let found = number(name).map(|_| Run::load(app, name)).transpose()?.flatten();
    found.ok_or_else(|| {
        let text = format!("{} has no one-off {}", app.name, shown(name));
        Failure::new(Exit::NotFound, text).hint(format!("dokuen run:list --application={}", app.name))
    })
}

/// Ends all that run, for an app that is to go.
pub fn stop_all(host: &Host, app: &App) -> Result<(), Failure> {
    for run in all(app)? {
        if run.state()? != State::Ended {
            run.stop(limit(host))?;
        }
    }
    remove_cgroups(host, app);
    Ok(())
}

/// As long as one may take to end when it is told to.
pub fn limit(host: &Host) -> Duration {
    host.conf.stop_timeout + Duration::from_secs(10)
}

/// The trees of those that run: nobody may remove them.
pub fn trees_in_use(app: &App) -> Result<Vec<PathBuf>, Failure> {
    let mut trees = Vec::new();
    for run in all(app)? {
        if run.state()? == State::Running {
            // Since it began the app may have been renamed.
            trees.push(run.spec.tree.canonicalize().unwrap_or(run.spec.tree));
        }
    }
    Ok(trees)
}

/// What somebody has started is `run.7`, what a schedule asks for `cron.8`; they are counted together.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix("run.")
        .or_else(|| name.strip_prefix("cron."))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|n| n.parse().ok())
}

fn json<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Result<Option<T>, Failure> {
    let Some(bytes) = fs::read_if_there(path)? else { return Ok(None) };
    Ok(Some(fs::at("read", path, serde_json::from_slice(&bytes).map_err(std::io::Error::other))?))
}

fn write<T: Serialize>(path: &std::path::Path, value: &T) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(value).expect("text and numbers have a JSON form");
    Ok(fs::replace(path, &bytes, PRIVATE_FILE)?)
}
