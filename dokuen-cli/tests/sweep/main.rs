//! The crash-point sweep: each command is run once under `strace`; then, for every system call of it that changes
//! something, it is run again and killed there, or that call fails with each of five errors. After that I1 to I14 of the
//! yardstick must hold, a clean command must work, and they must hold again.
//!
//! `cargo test` runs a small sample and compares the points with the golden file, so that a new one is seen in review
//! (`DOKUEN_BLESS=1` writes it anew). `.ci/sweep [COMMAND...]` runs them all.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(clippy::print_stdout, reason = "its figures are what it is run for")]
#![expect(dead_code, reason = "the support files are those of the walk, which needs more of them")]

#[path = "../it/harness.rs"]
mod harness;

mod invariants;
mod points;
mod scenarios;
mod trial;
mod world;

use harness::{app, host, http, outcome, processes, snapshot};

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use points::{FAULTS, Fault};
use scenarios::{ALL, Scenario};
use trial::{Job, Tally};

/// A sample in CI; all of them by `.ci/sweep`, which sets `DOKUEN_SWEEP` to `whole` (of each kind of point the first and
/// the last) or `every`, and names commands in `DOKUEN_SWEEP_ONLY` and faults in `DOKUEN_SWEEP_FAULTS`.
#[test]
fn no_crash_point_breaks_an_invariant() {
    let how = std::env::var("DOKUEN_SWEEP").unwrap_or_default();
    let only = std::env::var("DOKUEN_SWEEP_ONLY").unwrap_or_default();
    let kinds = std::env::var("DOKUEN_SWEEP_FAULTS").unwrap_or_default();
    let faults =
        FAULTS.iter().filter(|f| kinds.is_empty() || kinds.split_whitespace().any(|name| name == f.to_string()));
    let faults: Vec<Fault> = faults.copied().collect();
    let wanted = |s: &&Scenario| only.is_empty() || only.split_whitespace().any(|name| name == s.name);
    let begun = Instant::now();
    let jobs: VecDeque<Job> = match how.as_str() {
        "" => ALL
            .iter()
            .filter(wanted)
            .map(|s| Job { scenario: *s, faults: faults.clone(), few: true, all: false })
            .collect(),
        how => {
            let each =
                |s: &Scenario, fault: Fault| Job { scenario: *s, faults: vec![fault], few: false, all: how == "every" };
            faults.iter().flat_map(|fault| ALL.iter().filter(wanted).map(|s| each(s, *fault))).collect()
        }
    };
    let tally = work_off(jobs);
    let unknown = compare_with_golden(&tally, only.is_empty());
    let (tried, missed) = (tally.tried, tally.missed);
    println!(
        "sweep: {tried} faults at {} kinds of points, {missed} of them not reached, {} requests, {} violations, {} s",
        tally.golden.len(),
        tally.requests,
        tally.violations.len(),
        begun.elapsed().as_secs()
    );
    assert!(tally.violations.is_empty(), "{}", tally.violations.join("\n"));
    assert!(tried > 0, "no command is called {only:?}, or no fault {kinds:?}");
    // The sample of CI says so; `.ci/sweep`, which somebody reads to the end, ends with it.
    assert!(unknown.is_none() || how.is_empty(), "{}", unknown.unwrap_or_default());
}

/// Two at a time: a fault mostly waits.
fn work_off(jobs: VecDeque<Job>) -> Tally {
    let workers = std::env::var("DOKUEN_SWEEP_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let (jobs, tally) = (Mutex::new(jobs), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut world = None;
                while let Some(job) = { jobs.lock().unwrap().pop_front() } {
                    let done = trial::run(&job, &mut world);
                    tally.lock().unwrap().add(done);
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

/// A line of the golden file that is new, or no longer there, is a change to look at: says which are new.
fn compare_with_golden(tally: &Tally, whole: bool) -> Option<String> {
    let path = points::golden_path();
    let mut seen = tally.golden.clone();
    seen.sort();
    seen.dedup();
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let known: Vec<&str> = text.lines().collect();
    let new: Vec<_> = seen.iter().filter(|line| !known.contains(&line.as_str())).collect();
    if std::env::var_os("DOKUEN_BLESS").is_some() {
        // Which points a run meets depends on who is quicker: those of other runs stay.
        let mut all: Vec<&str> = known.iter().copied().chain(seen.iter().map(String::as_str)).collect();
        all.sort_unstable();
        all.dedup();
        std::fs::write(&path, all.join("\n") + "\n").unwrap();
        return None;
    }
    let found =
        format!("crash points that are not in {}: look at them, then .ci/sweep --bless\n{new:#?}", path.display());
    let unknown = (!new.is_empty()).then_some(found);
    unknown.iter().for_each(|found| println!("sweep: {found}"));
    if whole {
        let gone: Vec<_> = known.iter().filter(|line| !seen.iter().any(|s| s == *line)).collect();
        println!("sweep: {} lines of the golden file were not seen this time: {gone:?}", gone.len());
    }
    unknown
}
