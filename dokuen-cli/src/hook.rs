//! `pre-receive`: a push that does not go live is refused, so that git, disk and traffic agree.

use std::io::Read;

use dokuen_core::fs;
use dokuen_core::{App, AppName, Host, Transcript, legible};

use crate::accepted::Pushed;
use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};
use crate::printer::Printer;
use crate::pusher::Pusher;
use crate::{commands, git_locks, gitolite, place, push, ref_names, settings};

/// One line of the hook's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Update {
    old: Option<Commit>,
    new: Option<Commit>,
    name: String,
}

/// git makes a file of each; nobody means so many.
const MOST_REFS: usize = 1000;

/// Reads the updates, decides which of them deploys, and deploys it.
pub fn run(out: &mut Printer) -> Result<(), Failure> {
    let host = place::host_of_push()?;
    let Some(app) = this_app(&host)? else { return Ok(()) };
    let mut text = Vec::new();
    let read = std::io::stdin().take(16 * 1024 * 1024).read_to_end(&mut text);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read the pushed refs: {e}")))?;
    let updates = parse(&text)
        .ok_or_else(|| Failure::new(Exit::Failed, "git named the pushed refs in a form this hook does not know"))?;
    if updates.len() > MOST_REFS {
        let text = format!("the push changes {} refs; {MOST_REFS} are allowed at once", updates.len());
        return Err(Failure::new(Exit::Failed, text));
    }
    deploy_of(&host, &app, &updates, out)
}

/// git runs the hook in the bare repository, and its directory is named after the app. Gitolite has repositories that are
/// no app's: a push to one of those is none of Dokuen's business.
fn this_app(host: &Host) -> Result<Option<App>, Failure> {
    let refused = |text: &str| Failure::new(Exit::HostNotReady, text.to_owned());
    let dir = std::env::current_dir().map_err(|e| refused(&format!("failed to find the repository: {e}")))?;
    let name = dir.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".git"));
    let name = name.and_then(|n| AppName::parse(n).ok());
    if host.conf.gitolite {
        // On the host itself Gitolite's rules may be passed by, and then there is nobody behind a key.
        if std::env::var_os("GL_USER").is_some() {
            gitolite::receive()?;
        }
        let Some(app) = name.and_then(|name| host.app(name)) else { return Ok(None) };
        return Ok(gitolite::repository::is_pushed_to(host, &app, &dir)?.then_some(app));
    }
    let name = name.ok_or_else(|| refused("this is no repository of an app"))?;
    place::app(host, name.as_str()).map(Some)
}

fn parse(text: &[u8]) -> Option<Vec<Update>> {
    let text = String::from_utf8_lossy(text);
    let object = |id: &str| if id.bytes().all(|b| b == b'0') { Some(None) } else { Commit::parse(id).map(Some) };
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        Some(Update { old: object(words.next()?)?, new: object(words.next()?)?, name: words.next()?.to_owned() })
    };
    text.lines().map(line).collect()
}

fn deploy_of(host: &Host, app: &App, updates: &[Update], out: &mut Printer) -> Result<(), Failure> {
    let names = || updates.iter().map(|update| update.name.as_str());
    ref_names::check_form(names())?;
    git_locks::clear(app.repo(), names(), out)?;
    let branch = deploy_branch(app, updates)?;
    let wanted = branch.as_ref().and_then(|branch| updates.iter().find(|u| u.name == format!("refs/heads/{branch}")));
    for other in updates.iter().filter(|u| Some(*u) != wanted && u.new.is_some()) {
        let branch = branch.as_deref().unwrap_or("master");
        let (name, source) = (legible(&other.name), source(&other.name));
        out.fact(&format!("{name} is stored, not deployed; to deploy it: git push dokuen {source}:{branch}"));
    }
    let (Some(update), Some(branch)) = (wanted, branch) else { return Ok(()) };
    let new = checked(host, app, update, &branch)?;
    let made: Vec<_> = updates.iter().filter(|u| u.old.is_none() && u.new.is_some()).map(|u| u.name.as_str()).collect();
    ref_names::check(host, app, &made)?;
    if !settings::is_on(&app.env().load()?, "DOKUEN_DETACHED") {
        out.is_for(Pusher::of_this_hook());
    }
    let pushed = Pushed { branch: branch.clone(), old: update.old.clone() };
    let deployed = push::deploy(host, app, &new, Some(&pushed), out);
    let exit = deployed.as_ref().map_or_else(|failure| failure.exit as u8, |()| 0);
    let what = format!("deploy {} from {branch}", new.short());
    commands::note(host, &Event::now(Some(app.name.as_str()), &what, Some(exit)), out);
    deployed
}

/// What to push of a ref for a branch: a branch takes a commit, and a tag may be an object of its own.
fn source(name: &str) -> String {
    let is_plain = |tag: &&str| tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    match name.strip_prefix("refs/tags/") {
        Some(tag) => format!("{}^{{}}", Some(tag).filter(is_plain).unwrap_or("<tag>")),
        None => "<branch>".to_owned(),
    }
}

/// The branch that was deployed first; a fresh app takes main or master, whichever comes.
fn deploy_branch(app: &App, updates: &[Update]) -> Result<Option<String>, Failure> {
    if let Some(bytes) = fs::read_if_there(&app.branch_file())? {
        return Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()));
    }
    let pushed = |branch: &str| updates.iter().any(|u| u.name == format!("refs/heads/{branch}"));
    Ok(["master", "main"].into_iter().find(|b| pushed(b)).map(str::to_owned))
}

/// git's own last checks come after this hook: what they would refuse must not go live first.
fn checked(host: &Host, app: &App, update: &Update, branch: &str) -> Result<Commit, Failure> {
    let refused = |text: String| Failure::new(Exit::Failed, text);
    let Some(new) = &update.new else {
        let hint = format!("dokuen shutdown --application={} stops the app", app.name);
        return Err(refused(format!("{branch} is the branch that is deployed; it cannot be deleted")).hint(hint));
    };
    let kind = git::kind(host, app.repo(), new)?;
    if kind != "commit" {
        return Err(refused(format!("{branch} must be a commit; {} is a {kind}", new.short())));
    }
    git::check_history(host, app.repo(), new)?;
    if let Some(old) = &update.old {
        let by_git = git::setting(host, app.repo(), "receive.denyNonFastForwards").as_deref() == Some("true");
        let denied = by_git || settings::is_on(&app.env().load()?, "DOKUEN_DENY_FORCE_PUSH");
        if denied && !git::is_ancestor(host, app.repo(), old, new) {
            return Err(refused(format!(
                "{} does not follow {}: non-fast-forward pushes are denied here",
                new.short(),
                old.short()
            )));
        }
    }
    if host.conf.gitolite {
        let old = update.old.as_ref().map_or_else(|| "0".repeat(new.id().len()), |old| old.id().to_owned());
        gitolite::update::check(host, app, &update.name, &old, new.id())?;
    }
    Ok(new.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ref_names_are_data() {
        let id = "a".repeat(40);
        let zero = "0".repeat(40);
        let updates =
            parse(format!("{zero} {id} refs/heads/a;id$(id) x\n{id} {zero} refs/heads/master\n").as_bytes()).unwrap();
        assert_eq!(updates[0].name, "refs/heads/a;id$(id) x");
        assert_eq!((updates[0].old.as_ref(), updates[1].new.as_ref()), (None, None));
        assert_eq!(parse(b"nonsense\n"), None);
    }
}
