//! `ssh git@host dokuen ...` by way of Gitolite: its words are taken from the string that sshd passed on, since Gitolite
//! splits them at blanks and knows no quotes.

use std::ffi::OsString;

use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::shell::{self, environment};

/// One session, to an exit status.
pub fn run(args: &[OsString], out: &mut Printer) -> Result<u8, Failure> {
    environment::drop_all_but(args, super::COMMAND, is_gitolites)?;
    let visitor = super::receive()?;
    let host = place::host(None)?;
    if !host.conf.gitolite {
        return Err(Failure::new(Exit::HostNotReady, "this host does not expect Gitolite in front of it")
            .hint("gitolite: true in dokuen.conf, or setup DIR --gitolite once more"));
    }
    let line = environment::bytes("SSH_ORIGINAL_COMMAND").unwrap_or_default();
    shell::asked_by_gitolite(&host, visitor, &line, out)
}

/// Gitolite's own variables, which its programs need from one another; no client can set them.
fn is_gitolites(name: &[u8]) -> bool {
    name.starts_with(b"GL_")
}
