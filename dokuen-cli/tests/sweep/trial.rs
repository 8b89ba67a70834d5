//! One fault after the other on one host, which must be as good as new after each.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::host::make_executable;
use crate::invariants;
use crate::outcome::{Outcome, run as run_command};
use crate::points::{self, Fault, Point};
use crate::scenarios::{Scenario, Whose};
use crate::world::{World, was_killed};

/// A command with the faults it is to meet.
pub struct Job {
    pub scenario: Scenario,
    pub faults: Vec<Fault>,
    /// A few points with the faults in turn, for CI.
    pub few: bool,
    /// Every point, not only the first and the last of its kind.
    pub all: bool,
}

#[derive(Default)]
pub struct Tally {
    pub tried: usize,
    /// Faults that the command did not come to: another one of its runs took another way.
    pub missed: usize,
    pub requests: u64,
    pub golden: Vec<String>,
    pub violations: Vec<String>,
}

impl Tally {
    /// Together with what another job has found.
    pub fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.missed += other.missed;
        self.requests += other.requests;
        self.golden.extend(other.golden);
        self.violations.extend(other.violations);
    }
}

/// So many points of each command are tried in CI.
const FEW: usize = 3;

/// On the given host when there is one, which the next job gets again as long as nothing was broken on it.
pub fn run(job: &Job, kept: &mut Option<World>) -> Tally {
    let name = job.scenario.name;
    let mut tally = Tally::default();
    let mut world = kept.take().unwrap_or_else(World::new);
    let points = match caught(|| reference(&world, &job.scenario)) {
        Ok(points) => points,
        Err(why) => {
            tally.violations.push(format!("{name}: without any fault: {why}"));
            return tally;
        }
    };
    tally.golden = points::golden(name, &points);
    for (point, fault) in plan(job, &points) {
        tally.tried += 1;
        let mut hit = None;
        let broken = caught(|| one(&world, &job.scenario, &point, fault, &mut hit)).unwrap_or_else(|why| vec![why]);
        tally.missed += usize::from(hit.is_none());
        if !broken.is_empty() {
            let at = hit.unwrap_or_else(|| "nothing hit".to_owned());
            let head = format!("{name} {fault} at {} (use {}; hit: {at})", point.what, point.nth);
            println!("VIOLATION {head}\n    {}", broken.join("\n    "));
            tally.violations.push(format!("{head}\n    {}", broken.join("\n    ")));
            tally.requests += world.answered();
            world = World::new();
        }
    }
    tally.requests += world.answered();
    *kept = Some(world);
    println!("sweep: {name} {}: {} faults, {} violations", faults(job), tally.tried, tally.violations.len());
    tally
}

/// One fault at the named points: at the last use of each, or with `first: ` before it at the first.
pub fn run_named(scenario: &Scenario, fault: Fault, names: &[&str]) -> Tally {
    let world = World::new();
    (scenario.prepare)(&world);
    for _ in 0..4 {
        // So many releases that each further one has something to prune.
        (scenario.mend)(&world);
    }
    let mut points = reference(&world, scenario);
    let mut tally = Tally::default();
    for name in names {
        let (name, first) = name.strip_prefix("first: ").map_or((*name, false), |name| (name, true));
        let (mut hit, mut broken) = (None, Vec::new());
        for _ in 0..3 {
            let mut all = points.iter().filter(|p| p.what == name);
            let point = if first { all.next() } else { all.next_back() };
            let point = point.unwrap_or_else(|| panic!("{} has no point {name:?}", scenario.name)).clone();
            broken = caught(|| one(&world, scenario, &point, fault, &mut hit)).unwrap_or_else(|why| vec![why]);
            if hit.is_some() || !broken.is_empty() {
                break;
            }
            // It took another way this time: counted anew.
            points = reference(&world, scenario);
        }
        tally.tried += 1;
        tally.missed += usize::from(hit.is_none());
        if !broken.is_empty() {
            tally.violations.push(format!("{} {fault} at {name}\n    {}", scenario.name, broken.join("\n    ")));
            return tally;
        }
    }
    tally
}

fn faults(job: &Job) -> String {
    job.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Which faults at which points, in the command's own order.
fn plan(job: &Job, points: &[Point]) -> Vec<(Point, Fault)> {
    let chosen = points::chosen(points, job.all);
    if !job.few {
        return chosen.iter().flat_map(|p| job.faults.iter().map(|f| (p.clone(), *f))).collect();
    }
    // The same ones in each run, spread over the command, more of them at its end, where things are changed for good.
    let last = chosen.len().saturating_sub(1);
    (1..=FEW).map(|n| (chosen[last * n / FEW].clone(), job.faults[n % job.faults.len()])).collect()
}

fn reference(world: &World, scenario: &Scenario) -> Vec<Point> {
    let log = world.host.temp().join("trace");
    let seen = (scenario.prepare)(world);
    invoke(world, scenario, &points::watched(&log)).ok();
    assert_eq!((scenario.look)(world), seen);
    let points = points::read(&log, world.host.dir());
    (scenario.mend)(world);
    let broken = [invariants::after_mending(world), invariants::at_once(world, "")].concat();
    assert!(broken.is_empty(), "{}", broken.join("\n    "));
    points
}

/// One fault; what it broke.
fn one(world: &World, scenario: &Scenario, point: &Point, fault: Fault, hit: &mut Option<String>) -> Vec<String> {
    let log = world.host.temp().join("trace");
    let new = (scenario.prepare)(world);
    let old = (scenario.look)(world);
    let outcome = invoke(world, scenario, &points::injected(&log, point, point.nth, fault));
    *hit = points::hit(&log, world.host.dir());
    let transcript = format!("{}{}", outcome.out(), outcome.err);
    if scenario.whose == Whose::Wrapper {
        // What the boot unit does within a second where it watches: until then a killed wrapper's app is not reached.
        world.host.dokuen(&["boot"]).ok();
        let _ = world.failed_requests();
    }
    let mut broken = invariants::at_once(world, &transcript);
    broken.extend(untrue(world, scenario, &outcome, &old, &new, fault));
    (scenario.mend)(world);
    broken.extend(invariants::after_mending(world));
    broken.extend(invariants::at_once(world, ""));
    if !broken.is_empty() {
        broken.push(format!(
            "the command exited with {}: {}",
            outcome.code,
            transcript.trim_end().replace('\n', " / ")
        ));
    }
    broken
}

/// I11: the exit status tells the truth.
fn untrue(
    world: &World,
    scenario: &Scenario,
    outcome: &Outcome,
    old: &[String],
    new: &[String],
    fault: Fault,
) -> Vec<String> {
    let now = (scenario.look)(world);
    let killed = fault == Fault::Kill && (was_killed(outcome) || scenario.whose != Whose::Command);
    if killed {
        let each = now.iter().zip(old.iter().zip(new)).all(|(now, (old, new))| now == old || now == new);
        return if each { vec![] } else { vec![format!("neither old {old:?} nor new {new:?}: {now:?}")] };
    }
    match outcome.code {
        0 if now != new => vec![format!("I11: it says it is done, and {now:?} is not {new:?}")],
        0 => vec![],
        _ if now != old => vec![format!("I11: it says it failed, and {now:?} is not {old:?}")],
        _ if outcome.err.trim().is_empty() => vec!["I11: it failed without a word".to_owned()],
        _ => vec![],
    }
}

/// Runs the command; `words` come before the process that is swept.
fn invoke(world: &World, scenario: &Scenario, words: &[String]) -> Outcome {
    let (program, args) = (scenario.command)(world);
    let input = (scenario.input)(world);
    let stand_in = match scenario.whose {
        Whose::Command => return run_command(&mut world.behind(words, &program, &args), &input, None),
        Whose::Hook => {
            StandIn::at(world.app.repo().join("hooks/pre-receive"), &world.host.dir().join("bin/dokuen-deploy"), words)
        }
        Whose::Wrapper => {
            let real = world.host.dir().join("bin/dokuen-wrapper");
            StandIn::at(real.clone(), &real.with_extension("real"), words)
        }
    };
    let outcome = run_command(&mut world.behind(&[], &program, &args), &input, None);
    drop(stand_in);
    outcome
}

/// A script in the place of a program, which runs the program behind other words.
struct StandIn {
    path: PathBuf,
    aside: PathBuf,
}

impl StandIn {
    fn at(path: PathBuf, real: &Path, words: &[String]) -> Self {
        let aside = path.with_extension("real");
        std::fs::rename(&path, &aside).unwrap();
        let words: Vec<_> = words.iter().map(|w| format!("'{w}'")).collect();
        std::fs::write(&path, format!("#!/bin/sh\nexec {} '{}' \"$@\"\n", words.join(" "), real.display())).unwrap();
        make_executable(&path);
        Self { path, aside }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        std::fs::rename(&self.aside, &self.path).unwrap();
    }
}

/// A panic is a sentence that was not true.
fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|why: Box<dyn Any + Send>| {
        let text = why.downcast_ref::<String>().cloned();
        let text = text.or_else(|| why.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        // The command's environment is the same for each, and long.
        let text = text.unwrap_or_else(|| "a panic".to_owned());
        match (text.find("env -i"), text.find("LANG=")) {
            (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
            _ => text,
        }
    })
}
