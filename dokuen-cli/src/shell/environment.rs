//! The environment of a session: only what stands in the list is kept. What a client may send (`SendEnv LC_*`) could be
//! meant for a shell or a library; here it does not even reach the program that parses the command.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;

use dokuen_core::cmd::Cmd;

use crate::exit::{Exit, Failure};
use crate::place;

/// Read by Dokuen itself.
const READ: [&str; 4] = ["SSH_ORIGINAL_COMMAND", "SSH_CONNECTION", "TERM", "GIT_PROTOCOL"];
/// Set by sshd and login shells for every session, from the account and not from the client. Nothing reads them and no
/// child gets them; they are let stand, since removing them costs a second start.
const HARMLESS: [&str; 15] = [
    "HOME",
    "LOGNAME",
    "MAIL",
    "MOTD_SHOWN",
    "OLDPWD",
    "PATH",
    "PWD",
    "SHELL",
    "SHLVL",
    "SSH_CLIENT",
    "SSH_TTY",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
    "_",
];

/// Starts this program again, under the name `called`, without the rest, when there is any: a process cannot safely take
/// its own variables away. `also` says which names stay besides those in the list.
pub fn drop_all_but(args: &[OsString], called: &str, also: fn(&[u8]) -> bool) -> Result<(), Failure> {
    let known = |name: &[u8]| READ.iter().chain(&HARMLESS).any(|known| name == known.as_bytes());
    let listed = |name: &OsString| known(name.as_bytes()) || also(name.as_bytes());
    let (kept, dropped): (Vec<_>, Vec<_>) = std::env::vars_os().partition(|(name, _)| listed(name));
    if dropped.is_empty() {
        return Ok(());
    }
    let program = place::own_program()?;
    let again = Cmd::new(&program, std::path::Path::new("/")).args(args.iter().skip(1)).envs(kept);
    let error = again.to_std().arg0(called).exec();
    Err(Failure::new(Exit::Failed, format!("failed to start `{}`: {error}", program.display())))
}

/// A listed variable.
pub fn bytes(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(OsStringExt::into_vec)
}

/// A listed variable that is text.
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
