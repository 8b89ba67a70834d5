//! Who may do what, by Gitolite's rules: whoever may write to `gitolite-admin` is an admin, whoever may write to an app's
//! repository is its collaborator, and the creator of a wild repository owns its app.

use dokuen_core::cmd::CmdError;
use dokuen_core::{App, Host, UserName, fs};

use super::{gitolite, not_there, repositories};
use crate::access::Role;
use crate::exit::Failure;

/// The repository whose contents are Gitolite's keys and rules.
const ADMIN: &str = "gitolite-admin";

/// Whether somebody may change the rules, and so everything.
pub fn is_admin(host: &Host, user: &UserName) -> Result<bool, Failure> {
    may(host, user, ADMIN, "W")
}

/// Whether somebody may make this repository.
pub fn may_create(host: &Host, user: &UserName, repo: &str) -> Result<bool, Failure> {
    may(host, user, repo, "^C")
}

/// One person's role in an app.
pub fn role(host: &Host, app: &App, user: &UserName) -> Result<Option<Role>, Failure> {
    if !may(host, user, app.name.as_str(), "W")? {
        return Ok(None);
    }
    let creator = creator(host, app)?;
    Ok(Some(if creator.as_deref() == Some(user.as_str()) { Role::Owner } else { Role::Collaborator }))
}

/// Everybody who may write to an app's repository. Gitolite knows its people by their keys only, so that is who is asked
/// for.
pub fn roles(host: &Host, app: &App) -> Result<Vec<(UserName, Role)>, Failure> {
    let names = gitolite(host).args(["list-users"]).run().map_err(not_there)?;
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let mut all = Vec::new();
    for user in names.lines().filter_map(|name| UserName::of_gitolite(name).ok()) {
        if let Some(role) = role(host, app, &user)? {
            all.push((user, role));
        }
    }
    Ok(all)
}

/// Gitolite notes the creator of a wild repository in a file of the repository.
fn creator(host: &Host, app: &App) -> Result<Option<String>, Failure> {
    let file = repositories(host)?.join(format!("{}.git", app.name)).join("gl-creator");
    let text = fs::read_if_there(&file)?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|name| !name.is_empty()))
}

/// `gitolite access -q`: its exit status is the answer. A name of a person or repository is never an option: both begin
/// with a letter or a digit.
fn may(host: &Host, user: &UserName, repo: &str, right: &str) -> Result<bool, Failure> {
    let asked = gitolite(host).env("GL_USER", user.as_str());
    match asked.args(["access", "-q", repo, user.as_str(), right, "any"]).run() {
        Ok(_) => Ok(true),
        Err(CmdError::Failed { code: Some(1), output, .. }) if output.stderr.is_empty() => Ok(false),
        Err(e) => Err(not_there(e)),
    }
}
