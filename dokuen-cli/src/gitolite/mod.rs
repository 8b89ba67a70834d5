//! Gitolite 3 in front, in place of `dokuen-shell`: it has the keys and decides who may do what, Dokuen asks it.
//!
//! Three links are all that ties the two together, each in a place that Gitolite keeps for its site's own code: the
//! command `dokuen` ([`command`]), a trigger before each of git's services ([`before_git`]), and the hook of a push, which
//! asks Gitolite's own update hook ([`update`]) before anything goes live. `setup --gitolite` makes them ([`wire`]).

pub mod before_git;
pub mod command;
pub mod repository;
pub mod rights;
pub mod update;
pub mod wire;

use std::path::{Path, PathBuf};

use dokuen_core::cmd::{Cmd, CmdError};
use dokuen_core::{Host, UserName};

use crate::exit::{Exit, Failure};
use crate::place::{self, Visitor};

/// The names under which Gitolite calls this program.
pub const COMMAND: &str = "dokuen";
/// The trigger.
pub const TRIGGER: &str = "dokuen-before-git";

/// Whether Gitolite runs this process: it exports this variable to everything that it starts, and sshd lets no client
/// take it away.
pub fn runs_this() -> bool {
    std::env::var_os("GL_BINDIR").is_some()
}

/// The person that Gitolite has let in, who is the visitor from here on.
pub fn receive() -> Result<&'static Visitor, Failure> {
    let nobody = || {
        Failure::new(Exit::Denied, "Gitolite did not say who is there (GL_USER)")
            .hint("this is run by Gitolite, over ssh; on the host itself use DIR/bin/dokuen")
    };
    let name = std::env::var("GL_USER").map_err(|_| nobody())?;
    let user = UserName::of_gitolite(&name)?;
    let from = std::env::var("SSH_CONNECTION").unwrap_or_default();
    let from = from.split(' ').next().unwrap_or_default().to_owned();
    Ok(place::receive(Visitor { user, from }))
}

/// `gitolite`, as the account that it belongs to.
fn gitolite(host: &Host) -> Cmd {
    Cmd::new("gitolite", &host.conf.app_user_home)
        .env("PATH", host.conf.search_path())
        .env("HOME", &host.conf.app_user_home)
        .env("USER", &host.conf.app_user)
}

/// A setting of Gitolite; `None` when it has none of this name.
pub fn setting(host: &Host, name: &[&str]) -> Result<Option<String>, Failure> {
    match gitolite(host).args(["query-rc", "-n"]).args(name).run() {
        Ok(out) => Ok(Some(String::from_utf8_lossy(&out.stdout).trim().to_owned()).filter(|text| !text.is_empty())),
        Err(CmdError::Failed { code: Some(1), output, .. }) if output.stderr.is_empty() => Ok(None),
        Err(e) => Err(not_there(e)),
    }
}

/// Where Gitolite has its repositories.
pub fn repositories(host: &Host) -> Result<PathBuf, Failure> {
    let missing = || Failure::new(Exit::HostNotReady, "Gitolite does not say where its repositories are");
    Ok(Path::new(&setting(host, &["GL_REPO_BASE"])?.ok_or_else(missing)?).to_owned())
}

fn not_there(cause: CmdError) -> Failure {
    Failure::new(Exit::HostNotReady, cause)
        .hint("apt-get install gitolite3; then, as the account: gitolite setup -pk YOU.pub")
}

/// What is Gitolite's business here: `keys`, `adduser`, `grant` and the like.
pub fn refuse(host: &Host, instead: &str) -> Result<(), Failure> {
    if !host.conf.gitolite {
        return Ok(());
    }
    Err(Failure::new(Exit::Denied, "Gitolite has the keys and the rules of this host").hint(instead))
}
