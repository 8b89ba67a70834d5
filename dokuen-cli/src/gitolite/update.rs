//! Gitolite says no to a ref in git's update hook, which runs after pre-receive: what it would refuse must not go live
//! first, so it is asked beforehand, by that very hook.

use std::path::Path;

use dokuen_core::cmd::{Cmd, CmdError};
use dokuen_core::{App, Host};

use crate::exit::{Exit, Failure};

/// Whether Gitolite would take this update of `name` from `old` to `new`, ids as git writes them.
pub fn check(host: &Host, app: &App, name: &str, old: &str, new: &str) -> Result<(), Failure> {
    let hook = app.repo().join("hooks/update");
    match ask(host, app, &hook).args([name, old, new]).run() {
        Ok(_) => Ok(()),
        Err(CmdError::Failed { output, .. }) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("no").trim().to_owned();
            Err(Failure::new(Exit::Denied, format!("Gitolite refuses it: {said}")))
        }
        Err(e) => Err(Failure::new(Exit::HostNotReady, e).hint("gitolite setup --hooks-only, as the account")),
    }
}

/// The hook with what Gitolite and git have told this one, and nothing else.
fn ask(host: &Host, app: &App, hook: &Path) -> Cmd {
    let told = |name: &str| name.starts_with("GL_") || name.starts_with("GIT_QUARANTINE") || GIT.contains(&name);
    let vars = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told));
    Cmd::new(hook, app.repo())
        .envs(vars)
        .env("GIT_DIR", ".")
        .env("HOME", &host.conf.app_user_home)
        .env("PATH", host.conf.search_path())
}

const GIT: [&str; 2] = ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"];
