//! A hook that has said yes is not the end of a push: git moves the branch after it, when the app's lock is free again.
//! The next push waits for that moment to pass, and is refused when its own branch then is not where it says: else both
//! would go live one after the other, and git would take only the first.

use std::time::{Duration, Instant};

use dokuen_core::{App, Host, fs};

use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};

/// What a push does to the branch that is deployed.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// `master`.
    pub branch: String,
    /// Where the pusher saw it; `None` for a branch that was not there.
    pub old: Option<Commit>,
}

/// git needs a moment; a push that was killed over it never comes to an end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says that git is about to move the branch. The caller holds the app's lock.
pub fn note(app: &App, pushed: &Pushed, new: &Commit) -> Result<(), Failure> {
    let text = format!("{} {}\n", new.id(), pushed.branch);
    Ok(fs::replace_report(&app.accepted_file(), text.as_bytes(), fs::PRIVATE_FILE)?)
}

/// Waits for the push before, then looks whether the branch is where this one saw it. The caller holds the app's lock.
pub fn is_next(host: &Host, app: &App, pushed: &Pushed) -> Result<(), Failure> {
    wait_for_the_one_before(host, app)?;
    if git::branch(host, app.repo(), &pushed.branch) == pushed.old {
        return Ok(());
    }
    let text = format!("{} has moved since this push began: somebody else's is live", pushed.branch);
    Err(Failure::new(Exit::Failed, text).hint("git pull, then push again"))
}

fn wait_for_the_one_before(host: &Host, app: &App) -> Result<(), Failure> {
    let Some(bytes) = fs::read_if_there(&app.accepted_file())? else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    let until = Instant::now() + PATIENCE;
    if let Some((id, branch)) = text.trim_end().split_once(' ') {
        let moved = || git::branch(host, app.repo(), branch).is_some_and(|at| at.id() == id);
        while Instant::now() < until {
            if moved() {
                // What is true may stay: a push that is refused next leaves no trace.
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // It was killed before git took it, and nobody waits for it again.
    Ok(fs::remove(&app.accepted_file())?)
}
