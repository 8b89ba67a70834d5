//! The ways in over ssh: sshd's file of keys says what `keys/` does, or Gitolite leads to Dokuen.

use dokuen_core::{Host, Silent};

use super::{Check, Finding, setup_again};
use crate::exit::Failure;
use crate::gitolite::wire;
use crate::keys;

/// The check.
pub const CHECK: Check = Check { about: "ssh", look, fix: Some(fix) };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    if host.conf.gitolite {
        let faults = wire::faults(host)?;
        let again = format!("{} --gitolite", setup_again(host));
        let found = faults.into_iter().map(|fault| Finding::problem(fault, again.clone()));
        return Ok(or_well(found.collect(), "Gitolite leads to Dokuen"));
    }
    let people = keys::people(host)?.len();
    if !keys::is_in_step(host)? {
        let says = format!("`{}` does not have the keys that Dokuen has", host.authorized_keys().display());
        return Ok(vec![Finding::problem(says, "dokuen doctor --fix")]);
    }
    Ok(vec![Finding::ok(format!("sshd knows Dokuen's keys: {people}"))])
}

fn fix(host: &Host) -> Result<(), Failure> {
    if host.conf.gitolite { wire::wire(host, &mut Silent).map(drop) } else { keys::sync(host) }
}

fn or_well(found: Vec<Finding>, well: &str) -> Vec<Finding> {
    if found.is_empty() { vec![Finding::ok(well)] } else { found }
}
