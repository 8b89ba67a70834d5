//! `apps:rename`: the app, its releases, config, logs and repository under another name.
//!
//! The one rename of its directory is what decides; everything after it is finished by the next command on the app when
//! this one is killed. A link stays where the directory was: build tools bake the paths of trees into them, and an
//! earlier release must still run after a rollback.

use std::path::Path;

use dokuen_core::{App, AppName, Host, Lock, Transcript, fs};

use dokuen_proc::Instance;

use super::create::remote_url;
use super::{certs_renew, restart};
use crate::exit::{Exit, Failure};
use crate::front_door::{certs, names};
use crate::printer::Printer;
use crate::topics::apps::RenameArgs;
use crate::{front_door, place, reconcile, walk};

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
    let _names = Lock::take(&host.apps_lock(), "renaming an app")?;
    let lock = old.lock("renaming it")?;
    let goes_back = is_link_of(&new, &old);
    if !goes_back {
        free(host, &new)?;
    }
    reconcile::reconcile(host, &old)?;
    let former = if goes_back { format!("{}\n", new.name) } else { String::new() };
    fs::replace(&old.renaming_file(), format!("{}\n{former}", old.name).as_bytes(), fs::PRIVATE_FILE)?;
    if goes_back {
        fs::remove(new.dir())?;
    }
    fs::rename(old.dir(), new.dir())?;
    let live = reconcile::reconcile(host, &new)?;
    if live.is_some() {
        restart::again(host, &new, out)?;
        walk::finish(out, "waiting for the old processes", forget_sockets(&new, &old));
    }
    drop(lock);
    tell_of_certificate(host, &new, out);
    out.step(&format!("renamed {} to {}", old.name, new.name));
    out.fact(&format!("url: {}", remote_url(host, &new)));
    out.fact(&front_door::url(host, &new)?);
    out.fact(&format!("in each checkout: git remote set-url dokuen {}", remote_url(host, &new)));
    Ok(())
}

/// Whether `name` is free but for the link that a rename of this very app has left: it goes back to an earlier name.
fn is_link_of(name: &App, app: &App) -> bool {
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

/// Nothing of that name is there, not even the link that a rename has left.
pub fn free(host: &Host, app: &App) -> Result<(), Failure> {
    if let Some(target) = fs::link_target(app.dir()).ok().flatten() {
        let heir = target.display().to_string();
        let text = format!("{} was renamed to {heir}, whose earlier releases still need the old path", app.name);
        return Err(Failure::new(Exit::Failed, text).hint(format!("the name is free again when {heir} is destroyed")));
    }
    let taken = app.exists() || app.repo().exists() || host.vhost(&app.name).exists();
    match taken {
        true => Err(Failure::new(Exit::Failed, format!("the app {} exists already", app.name))),
        false => Ok(()),
    }
}

/// Finishes a rename that was begun. The app's lock must be held.
pub fn settle(host: &Host, app: &App) -> Result<(), Failure> {
    let Some(text) = fs::read_if_there(&app.renaming_file())? else { return Ok(()) };
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.lines();
    let old = host.app_at(AppName::parse(lines.next().unwrap_or_default())?);
    if old.name == app.name {
        // Nothing has come of it, but a link may have made room already.
        let former = lines.next().and_then(|name| AppName::parse(name).ok()).map(|name| host.app_at(name));
        if let Some(former) = former.filter(|former| former.dir().symlink_metadata().is_err()) {
            fs::link(Path::new(app.name.as_str()), former.dir())?;
        }
    }
    if old.name != app.name {
        if old.repo().exists() && !app.repo().exists() {
            fs::rename(old.repo(), app.repo())?;
        }
        if fs::link_target(old.dir()).ok().flatten().is_none() {
            fs::link(Path::new(app.name.as_str()), old.dir())?;
        }
        // Links of earlier renames lead to where it is now.
        lead_links(host, &old, app)?;
        rename_names(host, app, &old)?;
        rename_logs(app, &old)?;
        // What runs is reached by its old sockets through a new route, until it is restarted.
        fs::make_dirs(&app.sockets_dir(), fs::PUBLIC_DIR)?;
        front_door::remove(host, &old)?;
    }
    Ok(fs::remove(&app.renaming_file())?)
}

/// The links that renames of this app have left go with it.
pub fn forget_links(host: &Host, app: &App) -> Result<(), Failure> {
    for name in fs::names(&host.apps_dir())? {
        let link = host.apps_dir().join(name);
        if link.is_symlink() && fs::link_target(&link)?.is_some_and(|target| target == Path::new(app.name.as_str())) {
            fs::remove(&link)?;
        }
    }
    Ok(())
}

/// Links that lead to `from`, but the one of that name itself, lead to `to`.
fn lead_links(host: &Host, from: &App, to: &App) -> Result<(), Failure> {
    for name in fs::names(&host.apps_dir())? {
        let link = host.apps_dir().join(name);
        if link.is_symlink() && fs::link_target(&link)?.is_some_and(|target| target == Path::new(from.name.as_str())) {
            fs::relink(Path::new(to.name.as_str()), &link)?;
        }
    }
    Ok(())
}

/// Among the names that were given to it, its own is the new one: where names lead to, and where it leads itself.
fn rename_names(host: &Host, app: &App, old: &App) -> Result<(), Failure> {
    let (was, is) = (old.domain(&host.conf)?, app.domain(&host.conf)?);
    let before = names::given(app)?;
    let mut after = before.clone();
    for name in &mut after {
        if name.name == was.clone().into() {
            name.name = is.clone().into();
        }
        if name.to.as_ref() == Some(&was) {
            name.to = Some(is.clone());
        }
    }
    match after == before {
        true => Ok(()),
        false => Ok(fs::replace(&app.front().domains_file(), &names::to_file(&after), fs::PRIVATE_FILE)?),
    }
}

/// Whoever writes one goes on writing it: a file keeps its writers when it is renamed.
fn rename_logs(app: &App, old: &App) -> Result<(), Failure> {
    let lead = format!("dokuen.{}.", old.name);
    for name in fs::names(&app.logs_dir())? {
        if let Some(rest) = name.strip_prefix(&lead) {
            fs::rename(&app.logs_dir().join(&name), &app.named_log(rest))?;
        }
    }
    Ok(())
}

/// When the last process of the old name has gone, so do its sockets.
fn forget_sockets(app: &App, old: &App) -> Result<(), Failure> {
    let all = dokuen_proc::instances(app)?;
    let old_ones: Vec<_> = all.into_iter().filter(Instance::is_retired).collect();
    dokuen_proc::wait_until_gone(&old_ones)?;
    Ok(fs::remove_tree(old.run_dir())?)
}
