//! `releases:info` and `releases:diff`: what a release is, and what tells two of them apart. Config vars by name, never
//! by value.

use std::collections::{BTreeMap, BTreeSet};

use dokuen_core::ledger::{self, Record};
use dokuen_core::releases::Tree;
use dokuen_core::{App, EnvName, Environment, Host, Stamp};
use serde::Serialize;

use super::{Release, which};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::show::{for_people, short};
use crate::topics::releases::{DiffArgs, ReleaseArgs};
use crate::{build_log, git, place};

/// All that is known of a release.
#[derive(Debug, Serialize)]
struct Info {
    #[serde(flatten)]
    release: Release,
    /// Whether its files are still there, so that it can be rolled back to.
    kept: bool,
    buildpacks: Vec<String>,
    /// From the push to the moment it was ready to start, for a deploy.
    build_seconds: Option<u64>,
    /// Against the release before.
    config: Changes,
}

/// What became of config vars.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Changes {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Changes {
    fn between(before: &Environment, after: &Environment) -> Self {
        let named = |names: Vec<&EnvName>| names.into_iter().map(ToString::to_string).collect();
        let is_new = |name: &&EnvName| !before.0.contains_key(*name);
        let differs = |name: &&EnvName| before.0.get(*name).is_some_and(|value| after.0.get(*name) != Some(value));
        Self {
            added: named(after.0.keys().filter(is_new).collect()),
            changed: named(after.0.keys().filter(differs).collect()),
            removed: named(before.0.keys().filter(|name| !after.0.contains_key(*name)).collect()),
        }
    }

    fn line(&self) -> String {
        let signed =
            |sign: &'static str, names: &[String]| names.iter().map(move |n| format!("{sign}{n}")).collect::<Vec<_>>();
        let all = [signed("+", &self.added), signed("~", &self.changed), signed("-", &self.removed)].concat();
        if all.is_empty() { "unchanged".to_owned() } else { all.join(" ") }
    }
}

/// A line per thing that is known; of the live release when none is named.
pub fn info(host: &Host, args: &ReleaseArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let info = look(&app, named(&app, args.version.as_deref())?)?;
    if args.form.is_json() {
        out.json(&info);
        return Ok(());
    }
    let release = &info.release;
    let seconds = info.build_seconds.map(|seconds| format!("{seconds} s"));
    let kept = if info.kept { "yes" } else { "no: its files were pruned" };
    for (name, value) in [
        ("release", format!("{}{}", release.release, if release.live { ", live" } else { "" })),
        ("at", for_people(&release.at)),
        ("by", release.by.clone()),
        ("what", release.what.clone()),
        ("commit", release.commit.clone().unwrap_or_else(|| "-".to_owned())),
        ("buildpacks", info.buildpacks.join(" ")),
        ("built in", seconds.unwrap_or_else(|| "-".to_owned())),
        ("processes", release.formation.clone()),
        ("config", info.config.line()),
        ("kept", kept.to_owned()),
    ] {
        let value: String = value.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        out.out(format!("{}\n", format!("{name:<12}{value}").trim_end()).as_bytes());
    }
    Ok(())
}

fn look(app: &App, record: Record) -> Result<Info, Failure> {
    let tree = Tree::named(app, &record.tree);
    let log = tree.as_ref().map(build_log::read).transpose()?.flatten().unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let packs: BTreeSet<&str> = log.lines().filter_map(|line| line.strip_prefix("  = name: ")).collect();
    let before = ledger::versions(app)?.into_iter().rev().find(|version| *version < record.version);
    let config_before = before.map(|version| ledger::config(app, version)).transpose()?.flatten().unwrap_or_default();
    let config = ledger::config(app, record.version)?.unwrap_or_default();
    let live = ledger::live(app)?.map(|live| live.version);
    Ok(Info {
        build_seconds: (record.what == "deploy").then(|| seconds_between(&record.tree, &record.at)).flatten(),
        release: Release::of(record, live),
        kept: tree.is_some(),
        buildpacks: packs.into_iter().map(str::to_owned).collect(),
        config: Changes::between(&config_before, &config),
    })
}

/// A tree is named by the second in which its build began, or by a later one where others had that name: then no time
/// passed. A clock that was put back by more has nothing to say.
fn seconds_between(tree: &str, at: &str) -> Option<u64> {
    let end = Stamp::parse(&at.replace(['-', ':'], "").replacen(' ', "T", 1))?;
    match end.seconds_since(Stamp::parse(tree)?) {
        -60..=-1 => Some(0),
        seconds => u64::try_from(seconds).ok(),
    }
}

/// What tells two releases apart.
#[derive(Debug, Serialize)]
struct Difference {
    from: String,
    to: String,
    /// Commits of the second that the first has not, newest first.
    commits: Vec<String>,
    /// And those that it has no more.
    commits_gone: Vec<String>,
    config: Changes,
    formation: BTreeMap<&'static str, String>,
}

/// Between the release before and the live one when none is named; between one and the live one when one is.
pub fn diff(host: &Host, args: &DiffArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let to = named(&app, args.to.as_deref())?;
    let from = match &args.from {
        Some(text) => named(&app, Some(text))?,
        None => {
            let before = ledger::versions(&app)?.into_iter().rev().find(|version| *version < to.version);
            let none = || Failure::new(Exit::NotFound, format!("{} has no release before {}", app.name, to.version));
            which::record(&app, before.ok_or_else(none)?)?
        }
    };
    let difference = compare(host, &app, &from, &to)?;
    if args.form.is_json() {
        out.json(&difference);
        return Ok(());
    }
    let commit = |record: &Record| short(record.commit.as_deref());
    out.out(format!("{} {} -> {} {}\n", from.version, commit(&from), to.version, commit(&to)).as_bytes());
    let lines = |sign: char, all: &[String]| all.iter().map(|line| format!("{sign} {line}\n")).collect::<String>();
    out.out(lines('+', &difference.commits).as_bytes());
    out.out(lines('-', &difference.commits_gone).as_bytes());
    out.out(format!("config     {}\n", difference.config.line()).as_bytes());
    if from.formation != to.formation {
        out.out(format!("processes  {} -> {}\n", from.formation, to.formation).as_bytes());
    }
    Ok(())
}

fn compare(host: &Host, app: &App, from: &Record, to: &Record) -> Result<Difference, Failure> {
    let config = |record: &Record| Ok::<_, Failure>(ledger::config(app, record.version)?.unwrap_or_default());
    let commits = |old: &Record, new: &Record| match (&old.commit, &new.commit) {
        (Some(old), Some(new)) => commits(host, app, old, new),
        _ => Ok(Vec::new()),
    };
    Ok(Difference {
        from: from.version.to_string(),
        to: to.version.to_string(),
        commits: commits(from, to)?,
        commits_gone: commits(to, from)?,
        config: Changes::between(&config(from)?, &config(to)?),
        formation: [("from", from.formation.clone()), ("to", to.formation.clone())].into(),
    })
}

/// `abc1234 subject`, newest first. A commit that was forced away may be gone from the repository: then none.
fn commits(host: &Host, app: &App, old: &str, new: &str) -> Result<Vec<String>, Failure> {
    let range = format!("{old}..{new}");
    let log = git::git(host, app.repo()).args(["log", "--max-count=100", "--no-color", "--format=%h %s", &range, "--"]);
    let Ok(output) = log.run() else { return Ok(Vec::new()) };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Subjects are other people's text: nothing of it reaches a terminal as code.
    Ok(text.lines().map(|line| line.chars().map(|c| if c.is_control() { '?' } else { c }).collect()).collect())
}

/// The record of a release by its number; of the live one when none is given.
fn named(app: &App, text: Option<&str>) -> Result<Record, Failure> {
    which::record(app, text.map_or_else(|| which::live(app), which::typed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_vars_are_compared_by_value_and_shown_by_name() {
        let before = Environment::default().with("A", "1").with("B", "1").with("C", "1");
        let after = Environment::default().with("A", "1").with("B", "2").with("D", "1");
        assert_eq!(Changes::between(&before, &after).line(), "+D ~B -C");
        assert_eq!(Changes::between(&before, &before).line(), "unchanged");
    }

    #[test]
    fn a_build_took_from_its_trees_name_to_its_record() {
        assert_eq!(seconds_between("20260101T000001", "2026-01-01 00:01:03"), Some(62));
        assert_eq!(seconds_between("20260101T000003", "2026-01-01 00:00:01"), Some(0));
        assert_eq!(seconds_between("20260101T000001", "2025-01-01 00:01:03"), None);
        assert_eq!(seconds_between("x", "2025-01-01 00:01:03"), None);
    }
}
