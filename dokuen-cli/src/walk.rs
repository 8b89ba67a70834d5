//! The walk, top to bottom: from a pushed commit to a live release. Every other change is the same walk from a later
//! step, so it is as safe as a push.
//!
//! Everything up to `promote` is undone when it is not kept; from then on the new release is the truth, and
//! [`reconcile`](mod@crate::reconcile) finishes what a killed command has left.

mod guards;
mod lost;
mod scale;

use std::path::Path;

use dokuen_core::ledger::{self, Live, Record, Version};
use dokuen_core::releases::{self, Links, Tree};
use dokuen_core::{App, Environment, Formation, Host, ProcessType, Procfile, Stamp, Transcript, fs};
use dokuen_nginx::Routed;
use dokuen_proc::{Checks, Instance, Plan, boot};

use crate::app_json::AppJson;
use crate::cancel::Cancellable;
use crate::exit::{Exit, Failure};
use crate::front_door::Tell;
use crate::git::Commit;
use crate::settings::Settings;
use crate::slug_again::{self, Source};
use crate::submodules::{self, Written};
use crate::walk::guards::{Filed, SweepUnless};
use crate::{build, front_door, pushed_tree, release_phase, room, spare_tree};

pub use scale::{scale, scale_var};

/// What is to be live next.
#[derive(Debug)]
pub struct Next {
    /// A whole tree.
    pub tree: Tree,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// The app's config vars, which need not be on the disk yet.
    pub config: Environment,
    /// How many of what.
    pub formation: Formation,
    /// What makes it, for the ledger; `None` for what makes no release of its own, like a restart.
    pub what: Option<String>,
    /// Who makes it.
    pub by: String,
    /// When nginx hears of it.
    pub tell: Tell,
}

/// A push: from the commit to the live release. The caller holds the app's lock.
pub fn deploy(host: &Host, app: &App, commit: &Commit, by: &str, out: &mut dyn Transcript) -> Result<Record, Failure> {
    let cancel = Cancellable::new(host, app)?;
    deploy_unless(host, app, (commit, by), &cancel, out).map_err(|failure| cancel.explain(failure))
}

fn deploy_unless(
    host: &Host,
    app: &App,
    (commit, by): (&Commit, &str),
    cancel: &Cancellable,
    out: &mut dyn Transcript,
) -> Result<Record, Failure> {
    let config = app.env().load()?;
    let source = Source::of(host, app, commit, &config)?;
    let (tree, swept) = match slug_again::find(host, app, source.as_ref(), &config, out)? {
        Some(tree) => {
            release_phase::run(host, app, tree.path(), &config, commit, cancel, out)?;
            (tree, None)
        }
        None => {
            let built = build(host, app, (commit, by), source.as_ref(), &config, cancel, out);
            built.map(|(tree, swept)| (tree, Some(swept)))?
        }
    };
    let formation = formation_for(&config, &procfile_of(&tree)?)?;
    let next = Next {
        tree,
        commit: Some(commit.id().to_owned()),
        config,
        formation,
        what: Some("deploy".into()),
        by: by.to_owned(),
        tell: Tell::First,
    };
    unless_abandoned(out)?;
    let record = go_live_unless(host, app, next, Some(cancel), out)?;
    if let Some(swept) = swept {
        swept.keep();
    }
    Ok(record)
}

/// From the commit to a whole tree, which is removed again unless it is kept.
fn build<'a>(
    host: &Host,
    app: &'a App,
    (commit, by): (&Commit, &str),
    source: Option<&Source>,
    config: &Environment,
    cancel: &Cancellable,
    out: &mut dyn Transcript,
) -> Result<(Tree, SweepUnless<'a>), Failure> {
    room::check(host, app)?;
    let cut = releases::cut(app, Stamp::now())?;
    let swept = SweepUnless::new(host, app, &cut);
    let submodules = pushed_tree::check(host, app.repo(), commit)?;
    let small_files = spare_tree::write(host, app, commit, cut.path())?;
    submodules::fill(host, Written { repo: app.repo(), commit, into: cut.path() }, &submodules, out)?;
    pushed_tree::look_for_pointers(cut.path(), &small_files, out)?;
    build::narrow(host, app, &cut, config)?;
    refuse_repeated_types(cut.path())?;
    for note in AppJson::of(cut.path())?.notes {
        out.problem(&format!("app.json: {note}"));
    }
    let slug = build::compile(host, app, &cut, (commit, by), config, cancel, out)?;
    slug_again::note(cut.path(), source, &slug)?;
    formation_for(config, slug.procfile())?;
    release_phase::run(host, app, cut.path(), config, commit, cancel, out)?;
    Ok((cut.complete()?, swept))
}

/// From a whole tree to the live release: boot, ready, route, switch, promote, drain. The caller holds the app's lock.
pub fn go_live(host: &Host, app: &App, next: Next, out: &mut dyn Transcript) -> Result<Record, Failure> {
    go_live_unless(host, app, next, None, out)
}

/// As [`go_live`], unless it is called off before the switch.
fn go_live_unless(
    host: &Host,
    app: &App,
    next: Next,
    cancel: Option<&Cancellable>,
    out: &mut dyn Transcript,
) -> Result<Record, Failure> {
    let before = ledger::live(app)?;
    let record = record(app, &next, before)?;
    let plan = plan(host, app, &next, &record, before)?;
    // A release that can no longer be read is what a push may be about to mend.
    let lost = lost::said_of(host, app, &next).unwrap_or_default();
    let was_stopped = app.stopped_file().exists();

    out.step(&format!("starting {}", describe(&next.formation)));
    let booted = boot(&plan)?;
    // A disk takes its time over it, and so does the app over its start.
    let entry = next.what.is_some().then(|| ledger::write(app, &record, &next.config)).transpose()?;
    let ready = booted.wait_until_ready_unless(cancel.map(Cancellable::flag));
    let ready = ready.map_err(|e| Failure::from(e).hint(logs_hint(app)))?;
    unless_abandoned(out)?;
    cancel.map_or(Ok(()), Cancellable::close)?;
    let routed = tell_nginx(host, app, &next, &plan, out)?;
    let live = Live { version: record.version, generation: plan.generation };
    let filed = Filed::new(app, entry, &next, live)?;
    let switched = ready.switch()?;
    promote(app, &next.tree, before, live)?;
    switched.keep();
    routed.into_iter().for_each(Routed::keep);
    filed.keep();
    out.fact(&format!("{} is live", record.version));
    if was_stopped {
        out.fact("it was shut down, and runs again");
    }
    lost.iter().for_each(|line| out.problem(line));
    finish(out, "what nginx shows of the release", front_door::statics::show(host, app));
    finish(out, "what is left of the change before it", retire_all_but(app, live));
    Ok(record)
}

fn tell_nginx(
    host: &Host,
    app: &App,
    next: &Next,
    plan: &Plan,
    out: &mut dyn Transcript,
) -> Result<Option<Routed>, Failure> {
    if next.tell == Tell::Apart {
        return Ok(None);
    }
    let routed = front_door::route(host, app, &next.config, webs(plan), out)?;
    front_door::statics::prepare(host, app, &next.tree)?;
    Ok(routed)
}

/// A push whose client has gone is given up before its switch: git will not take what nobody waits for.
fn unless_abandoned(out: &dyn Transcript) -> Result<(), Failure> {
    match out.is_abandoned() {
        true => Err(Failure::new(Exit::Failed, "whoever pushed has gone: the push was given up")),
        false => Ok(()),
    }
}

/// Past the point of undoing nothing may fail the command: what could not be done is said, and the next one does it.
pub(crate) fn finish(out: &mut dyn Transcript, what: &str, done: Result<(), Failure>) {
    if let Err(failure) = done {
        out.problem(&format!("{what} is put off until the next command: {failure}"));
    }
}

/// The old ones first: until they are told they still answer on connections that nginx has kept, and a passing shortage
/// of file handles is worth a second try.
fn retire_all_but(app: &App, live: Live) -> Result<(), Failure> {
    let retire = || -> Result<(), Failure> {
        let others = dokuen_proc::instances(app)?.into_iter().filter(|i| i.id.generation != live.generation);
        Ok(dokuen_proc::retire(&others.collect::<Vec<Instance>>())?)
    };
    retire().or_else(|_| retire())?;
    Ok(ledger::keep_config(app)?)
}

/// `current` first, since it is what survives a reboot; then which generation serves it.
fn promote(app: &App, tree: &Tree, before: Option<Live>, live: Live) -> Result<(), Failure> {
    let links = Links::of(app)?;
    let restarts = before.is_some_and(|before| before.version == live.version);
    let say = if restarts { ledger::set_generation } else { ledger::set_live };
    releases::promote(app, tree).and_then(|()| say(app, live)).map_err(|e| {
        // A disk that took the one but not the other, or took it and could not sync it: the old release is the truth
        // still. Where it takes nothing at all any more, `reconcile` finds that only the old release runs.
        let _ = links.put_back(app).and_then(|()| match before {
            Some(before) => ledger::set_live(app, before),
            None => fs::remove(&app.live_file()),
        });
        e.into()
    })
}

/// How many instances nginx knows of, in an app that can have some; the others take no slot.
fn webs(plan: &Plan) -> Option<usize> {
    plan.procfile.command(&ProcessType::web())?;
    Some(plan.instances.iter().filter(|(kind, _)| kind.is_web()).count())
}

/// The formation that the config asks for, without types that the Procfile no longer has.
pub fn formation_for(config: &Environment, procfile: &Procfile) -> Result<Formation, Failure> {
    match config.text("DOKUEN_SCALE") {
        Some(text) => Ok(Formation::parse(text)?.reduced_to(procfile)),
        None => Ok(Formation::default_for(procfile)),
    }
}

/// The Procfile of a tree.
pub fn procfile_of(tree: &Tree) -> Result<Procfile, Failure> {
    procfile_in(tree.path())
}

/// The Procfile of what may become a tree.
pub fn procfile_in(dir: &Path) -> Result<Procfile, Failure> {
    let bytes = fs::read_foreign(&dir.join("Procfile"), Procfile::MOST_BYTES)?;
    Ok(Procfile::parse(&String::from_utf8_lossy(&bytes))?)
}

/// Only a tree that was pushed is asked this strictly: a buildpack's Procfile is nobody's to mend.
fn refuse_repeated_types(tree: &Path) -> Result<(), Failure> {
    let path = tree.join("Procfile");
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let bytes = fs::read_foreign(&path, Procfile::MOST_BYTES)?;
    Ok(Procfile::refuse_repeated(&String::from_utf8_lossy(&bytes))?)
}

fn plan(host: &Host, app: &App, next: &Next, record: &Record, before: Option<Live>) -> Result<Plan, Failure> {
    let generation = dokuen_proc::next_generation(app, before.map(|live| live.generation))?;
    plan_for(host, app, next, record.version, generation)
}

fn plan_for(host: &Host, app: &App, next: &Next, version: Version, generation: u32) -> Result<Plan, Failure> {
    Ok(Plan {
        host: host.clone(),
        app: app.clone(),
        tree: next.tree.path().to_owned(),
        version: version.to_string(),
        commit: next.commit.clone().unwrap_or_default(),
        generation,
        procfile: procfile_of(&next.tree)?,
        instances: next.formation.instances().map(|(kind, n)| (kind.clone(), n)).collect(),
        config: next.config.clone(),
        checks: checks(host, app, &next.config, next.tree.path())?,
    })
}

/// What ready means for a tree that runs with this config.
pub fn checks(host: &Host, app: &App, config: &Environment, tree: &Path) -> Result<Checks, Failure> {
    Ok(Settings::read(host, config)?.checks(app.domain(&host.conf)?.as_str(), &AppJson::of(tree)?))
}

/// A restart runs the release that is live; everything else makes the next one.
fn record(app: &App, next: &Next, before: Option<Live>) -> Result<Record, Failure> {
    let kept = match (&next.what, before) {
        (None, Some(live)) => ledger::record(app, live.version)?,
        _ => None,
    };
    let new = || -> Result<Record, Failure> {
        Ok(Record {
            version: ledger::next(app)?,
            tree: next.tree.name(),
            commit: next.commit.clone(),
            at: Stamp::now().for_people(),
            by: next.by.clone(),
            what: next.what.clone().unwrap_or_else(|| "restart".to_owned()),
            formation: next.formation.to_string(),
        })
    };
    kept.map_or_else(new, Ok)
}

fn describe(formation: &Formation) -> String {
    let text = formation.to_string();
    if text.is_empty() { "no processes".to_owned() } else { text }
}

fn logs_hint(app: &App) -> String {
    format!("dokuen logs --application={}", app.name)
}
