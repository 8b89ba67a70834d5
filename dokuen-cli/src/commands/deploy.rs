//! `deploy`: a commit that is in the app's repository already.

use dokuen_core::{App, Host, fs, shown};

use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};
use crate::printer::Printer;
use crate::{place, push};

/// Deploys a revision, or the deployed branch as it stands.
pub fn run(host: &Host, name: &str, rev: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let rev = match rev {
        Some(rev) => rev.to_owned(),
        None => branch(host, &app)?,
    };
    push::deploy(host, &app, &commit(host, &app, &rev)?, None, out)
}

/// The one whose pushes deploy, or before the first deploy the one whose push would be that. By its full name: of a tag and
/// a branch that are called the same git takes the tag.
fn branch(host: &Host, app: &App) -> Result<String, Failure> {
    if let Some(bytes) = fs::read_if_there(&app.branch_file())? {
        return Ok(full(String::from_utf8_lossy(&bytes).trim()));
    }
    let is_there = |name: &String| commit(host, app, name).is_ok();
    let nothing = || Failure::new(Exit::NotFound, format!("nothing was pushed to {} yet", app.name));
    ["master", "main"].into_iter().map(full).find(is_there).ok_or_else(nothing)
}

fn full(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// A revision as people type it; git resolves it to an object id, and only that goes on.
fn commit(host: &Host, app: &App, rev: &str) -> Result<Commit, Failure> {
    let spec = format!("{rev}^{{commit}}");
    let resolved =
        git::git(host, app.repo()).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]).run();
    let id = resolved.ok().and_then(|out| Commit::parse(String::from_utf8_lossy(&out.stdout).trim()));
    id.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("the repository of {} has no revision {}", app.name, shown(rev)))
    })
}
