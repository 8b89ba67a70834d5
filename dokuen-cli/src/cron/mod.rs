//! Scheduled jobs: which an app has, which are due, and starting those.
//!
//! There is no daemon for it: the machine's own scheduler runs `cron:tick` once a minute, and each run of a job is a
//! one-off in the background. What keeps a run from being doubled or lost is on the disk:
//!
//! - a run carries the moment it was due at, so a tick finds those that one before has started;
//! - `cron/JOB` holds the last moment that is done with, written after its run was started;
//! - a run whose attendant never began (the tick was killed in between) is removed and started again.
//!
//! So a tick may be killed at any instant, or not come at all for up to [`WINDOW`].

mod tick;

pub use tick::tick;

use dokuen_core::{App, Host, JobName, Lock, LockError, Stamp, fs, ledger, releases};

use crate::app_json::{AppJson, Job};
use crate::exit::{Exit, Failure};
use crate::oneoffs::{self, Asked, Run, State};

/// A run that was missed, with the machine off for one, is made up for within so many seconds; of several only the last.
pub const WINDOW: i64 = 60 * 60;

/// The jobs of the live release; none before the first one.
pub fn jobs(app: &App) -> Result<Vec<Job>, Failure> {
    let Some(tree) = releases::current(app)?.filter(|_| ledger::live(app).is_ok_and(|live| live.is_some())) else {
        return Ok(Vec::new());
    };
    Ok(AppJson::of(tree.path())?.cron)
}

/// One by its name.
pub fn job(app: &App, name: &str) -> Result<Job, Failure> {
    let name = JobName::parse(name)?;
    let found = jobs(app)?.into_iter().find(|job| job.name == name);
    found.ok_or_else(|| {
        let text = format!("{} has no scheduled job {name}", app.name);
        Failure::new(Exit::NotFound, text).hint(format!("dokuen cron --application={}", app.name))
    })
}

/// The newest run of a job, when there is one.
pub fn last_run(app: &App, job: &JobName) -> Result<Option<Run>, Failure> {
    Ok(oneoffs::all(app)?.into_iter().rfind(|run| run.spec.job.as_deref() == Some(job.as_str())))
}

/// Starts a job that does not run; `due` is the moment that has come, or nothing when somebody asks for it.
pub fn start(host: &Host, app: &App, job: &Job, due: Option<Stamp>) -> Result<Run, Failure> {
    // Not in the tree yet: the profile scripts are those of every one-off.
    let words = dokuen_proc::line_in_shell(&job.command, std::path::Path::new("/"));
    let asked = Asked { job: job.name.to_string(), due: due.map(|due| due.to_string()), timeout: job.timeout };
    oneoffs::start(host, app, &words, Vec::new(), Some(asked))
}

/// Whoever starts jobs of an app holds it, so that no two start the same.
pub fn lock(app: &App) -> Result<Lock, LockError> {
    fs::make_dirs(&app.cron_dir(), fs::PRIVATE_DIR)?;
    Lock::take(&app.cron_lock(), "starting scheduled jobs")
}

/// Whether a run of it is under way; a job never overlaps itself.
pub fn is_running(app: &App, job: &JobName) -> Result<bool, Failure> {
    Ok(last_run(app, job)?.map(|run| run.state()).transpose()? == Some(State::Running))
}
