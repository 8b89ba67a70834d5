//! `apps:rename`: the app, its releases, config, logs and repository under another name, while it answers.
//!
//! One swap of two names in the directory of apps is what decides: the app's directory gets the new name, and a link that
//! leads to it the old one. Everything after it is finished by the next command on the app when this one is killed, and
//! taken back where it fails. The link stays: build tools bake the paths of trees into them, and an earlier release must
//! still run after a rollback.

mod note;
mod settle;

use std::path::Path;

use dokuen_core::{App, AppName, Host, Lock, Transcript, fs, ledger};
use dokuen_proc::Instance;

use super::create::remote_url;
use super::{certs_renew, restart};
use crate::exit::{Exit, Failure};
use crate::front_door::{self, Tell, certs};
use crate::printer::Printer;
use crate::topics::apps::RenameArgs;
use crate::{access, keys, place, reconcile, walk};

pub use note::Note;
pub use settle::settle;

/// Renames it; processes with the new name take over from those with the old one.
pub fn run(host: &Host, args: &RenameArgs, out: &mut Printer) -> Result<(), Failure> {
    let old = place::app(host, &args.app.application)?;
    let new = host.app_at(AppName::parse(&args.name)?);
    if host.conf.gitolite {
        let text = "the repositories are Gitolite's, and so are their names";
        return Err(
            Failure::new(Exit::Denied, text).hint("rename the repository in gitolite-admin, then create the app")
        );
    }
    let names = Lock::take(&host.apps_lock(), "renaming an app")?;
    let lock = old.lock("renaming it")?;
    let goes_back = leads_to(&new, &old);
    if !goes_back {
        free(host, &new)?;
    }
    reconcile::reconcile(host, &old)?;
    let note = Note { old: old.name.clone(), new: new.name.clone(), goes_back };
    let swapped = swap(&old, &new, &note);
    // Nobody else can have either name from here on, and others need not wait for the processes.
    drop(names);
    if let Err(failure) = swapped.and_then(|()| take_over(host, &new, &note, out)) {
        let name = &old.name;
        return Err(match go_back(host, &old, &new) {
            Ok(()) => failure.hint(format!("it is called {name} still: dokuen logs --application={name}")),
            Err(cause) => failure.hint(format!("it could not go back to {name}, so the next command goes on: {cause}")),
        });
    }
    // A passing shortage is worth a second try: nobody may come by for long.
    let given_up = settle::give_up(host, &new, &old, &note, out);
    let given_up = given_up.or_else(|_| settle::give_up(host, &new, &old, &note, out));
    walk::finish(out, "giving up the old name", given_up);
    drop(lock);
    tell_of_certificate(host, &new, out);
    out.step(&format!("renamed {} to {}", old.name, new.name));
    out.fact(&format!("url: {}", remote_url(host, &new)));
    out.fact(&front_door::url(host, &new)?);
    out.fact(&format!("in each checkout: git remote set-url dokuen {}", remote_url(host, &new)));
    Ok(())
}

fn swap(old: &App, new: &App, note: &Note) -> Result<(), Failure> {
    note.write(old)?;
    // The swap waits for the disk. Until then, microseconds, nothing is where an earlier release may have its path.
    fs::relink_by(old.dir(), new.name.as_ref(), new.dir())?;
    Ok(fs::swap(old.dir(), new.dir())?)
}

/// All else gets the new name: what is on the disk, nginx, which leads to the app by either name from then on, and last the
/// processes.
fn take_over(host: &Host, app: &App, note: &Note, out: &mut Printer) -> Result<(), Failure> {
    if let Some(old) = settle::on_disk(host, app, note)? {
        front_door::renamed(host, app, &old, out)?;
    }
    match ledger::live(app)?.is_some() && !app.stopped_file().exists() {
        true => restart::again_with(host, app, Tell::Apart, out),
        false => Ok(()),
    }
}

/// A rename that failed has changed nothing. What was started with the new name knows its files by it, and is gone before
/// that leads nowhere.
fn go_back(host: &Host, old: &App, new: &App) -> Result<(), Failure> {
    let strays: Vec<_> = dokuen_proc::instances(old)?.into_iter().filter(Instance::is_retired).collect();
    dokuen_proc::wait_until_gone(&strays)?;
    // For a moment the new name looks free.
    let _names = Lock::take(&host.apps_lock(), "taking a rename back")?;
    if new.exists() {
        fs::swap(new.dir(), old.dir())?;
    }
    reconcile::reconcile(host, old).map(drop)
}

/// Whether the name is a link to that app: what a rename leaves at the name that it had.
pub fn leads_to(name: &App, app: &App) -> bool {
    fs::link_target(name.dir()).ok().flatten().is_some_and(|target| target == Path::new(app.name.as_str()))
}

/// A certificate that is kept up follows the new name; any other is good for the names it is good for.
fn tell_of_certificate(host: &Host, app: &App, out: &mut Printer) {
    certs_renew::follow(host, app, out);
    let about = certs::in_force(&app.front()).ok().flatten();
    if let (Some(about), Ok(own)) = (about, app.domain(&host.conf))
        && !about.certifies(&own.clone().into())
    {
        out.fact(&format!("the certificate is not good for {own}, which http alone answers"));
    }
}

/// Nothing of that name is there, not even the link that a rename has left. The lock of all apps must be held.
pub fn free(host: &Host, app: &App) -> Result<(), Failure> {
    if leads_to(app, app) {
        // A rename to this name was killed before it did anything else.
        fs::remove(app.dir())?;
    }
    if let Some(heir) = heir(host, app) {
        finish_of(host, app, &heir)?;
        if app.dir().is_symlink() && !may_know(host, &heir)? {
            return Err(Failure::new(Exit::Failed, format!("the name {} is taken", app.name)));
        }
    }
    if let Some(target) = fs::link_target(app.dir()).ok().flatten() {
        let heir = target.display().to_string();
        let text = format!("{} was renamed to {heir}, whose earlier releases still need the old path", app.name);
        return Err(Failure::new(Exit::Failed, text).hint(format!("the name is free again when {heir} is destroyed")));
    }
    let taken = app.exists() || app.repo().exists() || host.vhost(&app.name).exists();
    if taken {
        return Err(Failure::new(Exit::Failed, format!("the app {} exists already", app.name)));
    }
    // Whoever had the name before has no use for it.
    Ok(fs::remove_tree(app.run_dir())?)
}

/// What an app is called by now that had this name.
pub fn heir(host: &Host, app: &App) -> Option<App> {
    let target = fs::link_target(app.dir()).ok().flatten()?;
    host.app(AppName::parse(target.to_str()?).ok()?)
}

/// Whether whoever asks over ssh may know that there is such an app.
fn may_know(host: &Host, app: &App) -> Result<bool, Failure> {
    match place::visitor().map(|visitor| &visitor.user) {
        Some(user) if !keys::is_admin(host, user)? => Ok(access::role(host, app, user)?.is_some()),
        _ => Ok(true),
    }
}

/// A rename to this name that failed, and nginx could not be told: it is taken back now, or the name is not free yet.
fn finish_of(host: &Host, app: &App, heir: &App) -> Result<(), Failure> {
    if Note::of(heir)?.is_none_or(|note| note.new != app.name) {
        return Ok(());
    }
    let _lock = heir.lock("taking a rename back")?;
    settle(host, heir)?;
    match Note::of(heir)? {
        None => Ok(()),
        Some(_) => {
            let text = format!("a rename of {} to {} is not taken back yet", heir.name, app.name);
            Err(Failure::new(Exit::Failed, text).hint(format!("dokuen restart --application={}", heir.name)))
        }
    }
}

/// The links that renames of this app have left go with it.
pub fn forget_links(host: &Host, app: &App) -> Result<(), Failure> {
    for link in settle::links_to(host, app)? {
        fs::remove_tree(link.run_dir())?;
        fs::remove(link.dir())?;
    }
    Ok(())
}
