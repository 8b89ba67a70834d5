//! An app's repository is one of Gitolite's: `repos/APP.git` is a link to it, and it has git's safe settings.

use std::path::Path;

use dokuen_core::cmd::CmdError;
use dokuen_core::{App, Host, UserName, fs};

use super::{gitolite, not_there, repositories, rights};
use crate::exit::{Exit, Failure};
use crate::{git, place};

/// Makes sure that the app has its repository: the one that is there, or a new one that the rules allow.
pub fn link(host: &Host, app: &App) -> Result<(), Failure> {
    let real = repositories(host)?.join(format!("{}.git", app.name));
    let visitor = place::visitor().map(|visitor| &visitor.user);
    match visitor {
        _ if is_from_before(app) => return Err(from_before(app, &real)),
        Some(user) if real.exists() => allowed(rights::role(host, app, user)?.is_some(), app, user)?,
        Some(user) => create(host, app, user)?,
        None if real.exists() => {}
        None => {
            let text = format!("Gitolite has no repository {}", app.name);
            let hint = format!("name it in gitolite.conf (repo {}), push that, and create the app again", app.name);
            return Err(Failure::new(Exit::NotFound, text).hint(hint));
        }
    }
    lead_to(host, app, &real)
}

fn lead_to(host: &Host, app: &App, real: &Path) -> Result<(), Failure> {
    for (key, value) in git::safe_settings(host) {
        git::git(host, real).args(["config", key, &value]).run()?;
    }
    Ok(fs::relink(real, app.repo())?)
}

/// Whether a push to the repository in `dir` is one to the app of its name: not to a `team/blog`. An app that had its own
/// before Gitolite came, and whose repository was moved to Gitolite's since, is led there.
pub fn is_pushed_to(host: &Host, app: &App, dir: &Path) -> Result<bool, Failure> {
    if app.repo().canonicalize().is_ok_and(|real| real == dir) {
        return Ok(true);
    }
    let real = repositories(host)?.join(format!("{}.git", app.name));
    if real.canonicalize().is_ok_and(|real| real != dir) {
        return Ok(false);
    }
    if is_from_before(app) {
        return Err(from_before(app, &real));
    }
    lead_to(host, app, &real)?;
    Ok(true)
}

/// Whether an app has a repository that is none of Gitolite's.
pub fn is_from_before(app: &App) -> bool {
    app.repo().symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

/// For an app that has: Gitolite takes a repository that is moved to its others.
pub fn from_before(app: &App, real: &Path) -> Failure {
    let (own, real) = (app.repo().display(), real.display());
    let text = format!("`{own}` is a repository of its own, from before Gitolite: no push to {} goes there", app.name);
    let hint = format!(
        "on the host: mv '{own}' '{real}' (one that is there and empty goes first); repo {} in gitolite.conf",
        app.name
    );
    Failure::new(Exit::HostNotReady, text).hint(hint)
}

/// Whether an app is linked to a repository of Gitolite's: where not, its role cannot be asked for.
pub fn is_linked(app: &App) -> bool {
    app.repo().is_symlink()
}

fn create(host: &Host, app: &App, user: &UserName) -> Result<(), Failure> {
    allowed(rights::may_create(host, user, app.name.as_str())?, app, user)?;
    let made = gitolite(host).env("GL_USER", user.as_str()).args(["create", app.name.as_str()]).run();
    made.map(drop).map_err(|e: CmdError| not_there(e))
}

/// The same words for a repository of somebody else's and for one that may not be made.
fn allowed(may: bool, app: &App, user: &UserName) -> Result<(), Failure> {
    if may {
        return Ok(());
    }
    let text = format!("Gitolite's rules do not give {} to {user}", app.name);
    Err(Failure::new(Exit::Denied, text).hint("ask whoever pushes to gitolite-admin"))
}
