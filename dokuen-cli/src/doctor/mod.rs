//! What can be wrong with a host: a list of checks, one small file each. A check looks, says what it found, and names the
//! command that mends it; where mending is safe it can do so itself.
//!
//! To add one: a file with a `CHECK`, and its line in `CHECKS`.

mod apps;
mod boot_unit;
mod builds;
mod certificates;
mod cgroups;
mod clock;
mod cron;
mod disk;
mod lost;
mod nginx;
mod permissions;
mod places;
mod ports;
mod programs;
mod repositories;
mod strays;
mod sudo;
mod watcher;
mod ways_in;

pub use nginx::ask_as_root;
pub use ports::outgoing_overlap;
pub use repositories::{give_back_as_root, given_back, says_given_back};

use std::path::PathBuf;

use dokuen_core::Host;
use serde::Serialize;

use crate::exit::Failure;

/// Every check, in the order of the report: what all else rests on comes first.
const CHECKS: [Check; 19] = [
    programs::CHECK,
    disk::CHECK,
    builds::CHECK,
    clock::CHECK,
    places::CHECK,
    repositories::CHECK,
    permissions::CHECK,
    ports::CHECK,
    nginx::CHECK,
    certificates::CHECK,
    sudo::CHECK,
    ways_in::CHECK,
    boot_unit::CHECK,
    cgroups::CHECK,
    watcher::CHECK,
    cron::CHECK,
    apps::CHECK,
    strays::CHECK,
    lost::CHECK,
];

/// Mends what a check has found.
pub type Mend = fn(&Host) -> Result<(), Failure>;

/// Something to look at.
pub struct Check {
    /// What it is about, in a word.
    pub about: &'static str,
    /// Looks, and changes nothing. An error is itself a problem.
    pub look: fn(&Host) -> Result<Vec<Finding>, Failure>,
    /// Mends what can be mended without a risk.
    pub fix: Option<Mend>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It will hurt one day.
    Warning,
    /// It hurts.
    Problem,
    /// It cannot be looked at from here.
    Unknown,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub state: State,
    /// What is so.
    pub says: String,
    /// The command that mends it.
    pub mend: Option<String>,
    /// Whether it was mended just now.
    pub mended: bool,
}

impl Finding {
    fn new(state: State, says: impl Into<String>) -> Self {
        Self { state, says: says.into(), mend: None, mended: false }
    }

    /// As it should be.
    pub fn ok(says: impl Into<String>) -> Self {
        Self::new(State::Ok, says)
    }

    /// It will hurt one day.
    pub fn warning(says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..Self::new(State::Warning, says) }
    }

    /// It hurts.
    pub fn problem(says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..Self::new(State::Problem, says) }
    }

    /// It cannot be looked at from here, for this reason.
    pub fn unknown(says: impl Into<String>) -> Self {
        Self::new(State::Unknown, says)
    }

    fn is_bad(&self) -> bool {
        matches!(self.state, State::Warning | State::Problem)
    }
}

/// What a check found; with `fix`, what is left after what could be mended was.
pub fn examine(host: &Host, check: &Check, fix: bool) -> Vec<Finding> {
    let found = look(host, check);
    let Some(mend) = check.fix.filter(|_| fix && found.iter().any(Finding::is_bad)) else { return found };
    let failed = mend(host).err().map(|failure| Finding::new(State::Problem, format!("not mended: {failure}")));
    let after = look(host, check);
    let gone = found.into_iter().filter(|finding| finding.is_bad() && !after.contains(finding));
    let mended = gone.map(|finding| Finding { mended: true, ..finding });
    mended.chain(failed).chain(after.clone()).collect()
}

fn look(host: &Host, check: &Check) -> Vec<Finding> {
    (check.look)(host).unwrap_or_else(|failure| {
        vec![Finding { mend: failure.hint.clone(), ..Finding::new(State::Problem, failure.to_string()) }]
    })
}

/// All checks.
pub fn checks() -> &'static [Check] {
    static ALL: [Check; CHECKS.len()] = CHECKS;
    &ALL
}

/// A program as the host's commands find it.
fn find_program(host: &Host, name: &str) -> Option<PathBuf> {
    let path = host.conf.search_path();
    path.split(':').map(|dir| PathBuf::from(dir).join(name)).find(|path| path.is_file())
}

/// What brings a program here, or its newest release.
pub fn install(package: &str) -> String {
    if cfg!(target_os = "macos") {
        format!("brew install {package}")
    } else {
        format!("sudo apt-get install {package}")
    }
}

/// What brings a host back to how `setup` makes it.
fn setup_again(host: &Host) -> String {
    format!("sudo '{}' setup '{}' --yes", host.program().display(), host.conf.dokuen_dir.display())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use dokuen_core::Conf;

    use super::*;

    static MENDED: AtomicBool = AtomicBool::new(false);

    #[test]
    fn what_was_mended_is_said_and_what_was_not_stays_a_problem() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dokuen.conf");
        let text = format!("base_domain_name: a.test\ndokuen_dir: {}\nnginx: own\n", dir.path().display());
        dokuen_core::fs::replace(&path, text.as_bytes(), 0o600).unwrap();
        let host = Host::new(Conf::load(&path).unwrap());
        let look = |_: &Host| {
            let bad = Finding::problem("bent", "bend it back");
            let left = Finding::warning("dusty", "wipe it");
            Ok(if MENDED.load(Ordering::Relaxed) { vec![left] } else { vec![bad, left] })
        };
        let check = Check {
            about: "spoon",
            look,
            fix: Some(|_| {
                MENDED.store(true, Ordering::Relaxed);
                Ok(())
            }),
        };
        assert_eq!(examine(&host, &check, false).len(), 2);
        let after = examine(&host, &check, true);
        assert_eq!(
            after.iter().map(|f| (f.says.as_str(), f.mended)).collect::<Vec<_>>(),
            [("bent", true), ("dusty", false)]
        );
    }
}
