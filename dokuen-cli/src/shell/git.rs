//! git's services, after the access check: by argv, on one repository, with settings that the repository cannot change.

use std::os::unix::process::CommandExt;

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Host};

use super::environment;
use super::request::Service;
use super::sessions::Session;
use crate::access::{self, Needs};
use crate::exit::{Exit, Failure};
use crate::place::Visitor;

/// Becomes git; never returns when it could be started.
pub fn serve(host: &Host, visitor: &Visitor, service: Service, app: &AppName) -> Result<u8, Failure> {
    access::check(host, &visitor.user, Needs::Collaborator(app.as_str()))?;
    let app = host.app(app.clone()).ok_or_else(|| access::unknown(app))?;
    if !host.hooks_dir().join("pre-receive").exists() {
        // Without its hook git would take a push and deploy nothing.
        let text = format!("`{}` has no pre-receive hook", host.hooks_dir().display());
        return Err(Failure::new(Exit::HostNotReady, text).hint("dokuen setup DIR, once more, on the host"));
    }
    Session::open(host, &visitor.user, &format!("git {} {}", service.name(), app.name)).leave_open();
    let error = command(host, visitor, service, app.repo()).to_std().exec();
    Err(Failure::new(Exit::HostNotReady, format!("failed to start git: {error}")))
}

fn command(host: &Host, visitor: &Visitor, service: Service, repo: &std::path::Path) -> Cmd {
    let settings = settings(host, repo);
    let mut git = Cmd::new("git", repo)
        .env("PATH", host.conf.search_path())
        .env("HOME", &host.conf.app_user_home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_COUNT", settings.len().to_string())
        .env("DOKUEN_USER", visitor.user.as_str())
        .env("DOKUEN_FROM", &visitor.from);
    for (at, (key, value)) in settings.iter().enumerate() {
        git = git.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    if let Some(protocol) = environment::text("GIT_PROTOCOL").filter(|text| is_protocol(text)) {
        git = git.env("GIT_PROTOCOL", protocol);
    }
    // An absolute path of our own making: it cannot be an option, so it needs no `--` (upload-archive takes none).
    git.arg(service.name()).arg(repo)
}

/// Settings from the environment stand above those of the repository, which an app might reach.
fn settings(host: &Host, repo: &std::path::Path) -> Vec<(&'static str, String)> {
    let own = [
        ("safe.directory", repo.display().to_string()),
        ("core.hooksPath", host.hooks_dir().display().to_string()),
        ("receive.autogc", "false".to_owned()),
        ("uploadpack.allowAnySHA1InWant", "false".to_owned()),
    ];
    crate::git::safe_settings(host).into_iter().chain(own).collect()
}

/// The one form that git's own clients send.
fn is_protocol(text: &str) -> bool {
    matches!(text, "version=0" | "version=1" | "version=2")
}
