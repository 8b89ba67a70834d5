//! Who may do what: admins everything that goes over ssh, others what their role in an app allows.
//!
//! A role is a file, `apps/A/access/USER`, with the word in it. Everything is checked in one place before any work, and
//! "no right" is answered like "no such app": with the same words and the same status.

mod needs;

pub use needs::Needs;

use std::fmt;

use dokuen_core::{App, AppName, Host, UserName, fs};

use crate::exit::{Exit, Failure};
use crate::{gitolite, keys};

/// What somebody may do with one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Push to it, configure it, run it.
    Collaborator,
    /// Also give it away and destroy it.
    Owner,
}

impl Role {
    fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b"owner\n" => Some(Self::Owner),
            b"collaborator\n" => Some(Self::Collaborator),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Owner => "owner",
            Self::Collaborator => "collaborator",
        })
    }
}

/// Whether this person may; an error says no in words that do not tell what is there.
pub fn check(host: &Host, user: &UserName, needs: Needs<'_>) -> Result<(), Failure> {
    let (name, least) = match needs {
        Needs::Local => {
            return Err(Failure::new(Exit::Denied, "this command works on the host itself only, not over ssh"));
        }
        Needs::Key => return Ok(()),
        Needs::Admin if keys::is_admin(host, user)? => return Ok(()),
        Needs::Admin => {
            return Err(Failure::new(Exit::Denied, format!("only an admin may do this, and {user} is none")));
        }
        Needs::Collaborator(name) => (name, Role::Collaborator),
        Needs::Owner(name) => (name, Role::Owner),
    };
    let app = host.app_at(AppName::parse(name)?);
    let has = if keys::is_admin(host, user)? { Some(Role::Owner) } else { role(host, &app, user)? };
    match has.filter(|_| app.exists()) {
        Some(has) if has >= least => Ok(()),
        Some(_) => Err(Failure::new(Exit::Denied, format!("only an owner of {name} may do this"))),
        None => Err(unknown(&app.name)),
    }
}

/// The one answer for an app that is not there and for one that is somebody else's.
pub fn unknown(name: &AppName) -> Failure {
    let text = format!("no such app, or none that you may use: {name}");
    Failure::new(Exit::NotFound, text).hint("dokuen apps")
}

/// One person's role in an app.
pub fn role(host: &Host, app: &App, user: &UserName) -> Result<Option<Role>, Failure> {
    if host.conf.gitolite {
        return if gitolite::repository::is_linked(app) { gitolite::rights::role(host, app, user) } else { Ok(None) };
    }
    Ok(fs::read_if_there(&app.access_file(user))?.and_then(|bytes| Role::parse(&bytes)))
}

/// Everybody with a role in an app.
pub fn roles(host: &Host, app: &App) -> Result<Vec<(UserName, Role)>, Failure> {
    if host.conf.gitolite {
        return gitolite::rights::roles(host, app);
    }
    let files = fs::names(&app.access_dir())?;
    let names = files.iter().filter_map(|file| UserName::parse(file).ok());
    let pairs = names.map(|name| Ok(role(host, app, &name)?.map(|role| (name, role))));
    pairs.filter_map(Result::transpose).collect()
}

/// Gives somebody a role, in place of the one they had.
pub fn grant(app: &App, user: &UserName, role: Role) -> Result<(), Failure> {
    fs::make_dirs(&app.access_dir(), fs::PRIVATE_DIR)?;
    Ok(fs::replace(&app.access_file(user), format!("{role}\n").as_bytes(), fs::PRIVATE_FILE)?)
}

/// Takes somebody's role away.
pub fn revoke(app: &App, user: &UserName) -> Result<(), Failure> {
    Ok(fs::remove(&app.access_file(user))?)
}
