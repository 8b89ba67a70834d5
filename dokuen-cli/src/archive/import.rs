//! `apps:import`: an app from a tar on standard input. It is there as a whole, and runs, or there is nothing of it.

use std::io::{self, IsTerminal};

use dokuen_core::{App, Host, Lock, Transcript, fs, ledger};

use super::manifest::Manifest;
use super::receive::{self, Coming};
use super::{read, settle};
use crate::commands::{create, destroy, note, restart};
use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};
use crate::printer::Printer;
use crate::topics::apps::ImportArgs;
use crate::{front_door, push};

/// Nobody types a tar.
pub fn refuse_terminal() -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("an import reads a tar on standard input").hint("dokuen apps:import < APP.tar"))
}

/// Takes it in, starts it, and only then says that it is an app.
pub fn run(host: &Host, args: &ImportArgs, out: &mut Printer) -> Result<(), Failure> {
    refuse_terminal()?;
    let mut coming = None;
    let done = take_in(host, args, &mut coming, out);
    let name = coming.as_ref().map(|coming: &Coming| coming.app.name.to_string()).or_else(|| args.name.clone());
    if done.is_err()
        && let Some(coming) = coming
        && let Err(failure) = undo(host, &coming.app, out)
    {
        out.problem(&format!("what was taken in so far is removed by the next command: {failure}"));
    }
    let exit = done.as_ref().map_or_else(|failure| failure.exit as u8, |()| 0);
    if exit != Exit::Usage as u8 {
        note(host, &Event::now(name.as_deref(), "apps:import", Some(exit)), out);
    }
    done
}

fn take_in(host: &Host, args: &ImportArgs, coming: &mut Option<Coming>, out: &mut Printer) -> Result<(), Failure> {
    read::all(io::stdin().lock(), host.conf.import_bytes, &mut |item| match coming {
        Some(coming) => coming.take(item),
        None => {
            let manifest: Manifest = receive::first(item)?;
            coming.insert(Coming::begin(host, args, manifest)?).make_directories()
        }
    })?;
    let Some(coming) = coming else { return Err(super::manifest::refused("nothing is in it")) };
    out.step(&format!("importing {}", coming.app.name));
    settle::settle(host, args, coming, out)?;
    let app = coming.app.clone();
    let runs = if args.no_start { put_by(&app).map(|()| false)? } else { start(host, coming, out)? };
    fs::remove(&app.importing_file())?;
    fs::sync_dir(app.dir())?;
    out.step(&format!("imported {}", app.name));
    out.fact(&format!("git: {}", create::remote_url(host, &app)));
    if runs {
        out.fact(&front_door::url(host, &app)?);
    }
    Ok(())
}

/// All of it goes, whatever runs already.
fn undo(host: &Host, app: &App, out: &mut Printer) -> Result<(), Failure> {
    let _names = Lock::take(&host.apps_lock(), "taking an import back")?;
    destroy::remove(host, app, out)
}

/// It can be looked at first: its config vars may name what only one machine may use.
fn put_by(app: &App) -> Result<(), Failure> {
    match ledger::live(app)? {
        Some(_) => Ok(fs::replace(&app.stopped_file(), b"", fs::PRIVATE_FILE)?),
        None => Ok(()),
    }
}

/// The live release as it came; one that does not run here, and everything that came without releases, is built. Whether
/// it runs: of an app that was never deployed there is nothing to start.
fn start(host: &Host, coming: &Coming, out: &mut Printer) -> Result<bool, Failure> {
    let app = &coming.app;
    let commit = commit(host, coming);
    // Behind Gitolite there may be nothing to build from.
    if coming.manifest.live.is_some() && commit.is_some() && is_copy(host, coming) {
        let dir = coming.manifest.dir.display();
        out.step(&format!("its releases were built in {dir}, which is another app's: building it anew"));
    } else if coming.manifest.live.is_some() {
        match restart::again(host, app, out) {
            Ok(()) => return Ok(true),
            Err(failure) if coming.manifest.dir == app.dir() => return Err(or_later(failure)),
            Err(failure) => {
                out.failure(&failure);
                let dir = coming.manifest.dir.display();
                out.step(&format!("its releases were built below {dir} and do not run here: building it anew"));
            }
        }
    }
    match commit {
        Some(commit) => push::deploy_locked(host, app, &commit, None, out).map_err(or_later).map(|()| true),
        None => {
            out.fact("nothing is deployed: git push to it");
            Ok(false)
        }
    }
}

/// Whether what it was built in is an app here. What has that path baked in would run the other app's files, and its
/// coming up proves nothing.
fn is_copy(host: &Host, coming: &Coming) -> bool {
    let dir = &coming.manifest.dir;
    dir != coming.app.dir() && dir.parent() == Some(&host.apps_dir()) && dir.exists()
}

fn or_later(failure: Failure) -> Failure {
    failure.hint("nothing was imported; apps:import --no-start takes it in and starts nothing")
}

/// What was live there, or else the branch.
fn commit(host: &Host, coming: &Coming) -> Option<Commit> {
    let repo = coming.app.repo();
    let live =
        coming.manifest.commit().filter(|commit| git::kind(host, repo, commit).is_ok_and(|kind| kind == "commit"));
    live.or_else(|| git::branch(host, repo, coming.manifest.branch.as_deref()?))
}
