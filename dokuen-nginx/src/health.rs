//! What can be seen of nginx's health without touching it, for whoever looks a host over.

use std::path::PathBuf;

use dokuen_core::fs;

use crate::error::NginxError;
use crate::pending::Pending;
use crate::probe::{Expected, Sum, is_in_force};
use crate::program::Nginx;
use crate::seal::Seal;

/// The files that nginx does not run as they stand on disk: changed by hand, or left by a command that was killed, or
/// all of them when nginx does not answer or does not include them.
pub fn not_in_force(nginx: &Nginx) -> Result<Vec<PathBuf>, NginxError> {
    let places = nginx.places();
    let mut wrong = Vec::new();
    for name in fs::names(&places.dir)?.iter().filter(|name| name.ends_with(".conf")) {
        let file = places.dir.join(name);
        // A file without a seal is somebody else's: what nginx makes of it, it does not say.
        let Some(seal) = fs::read_if_there(&file)?.and_then(|bytes| Seal::of(&bytes)) else { continue };
        let expected = |domain| Expected { file: file.clone(), domain, sum: Sum::Is(seal.sum.clone()) };
        if !seal.domains.iter().cloned().all(|domain| is_in_force(places.listen.here(), &expected(domain))) {
            wrong.push(file);
        }
    }
    Ok(wrong)
}

/// Whether a command that was killed left a change half-done; the next one that routes finishes it.
pub fn is_settled(nginx: &Nginx) -> Result<bool, NginxError> {
    Ok(Pending::is_none(nginx.places())?)
}

/// Whether nginx would start with the conf that it has on disk. Only Dokuen's own can be asked: the machine's may hold
/// certificates that are root's alone, and then `None`.
pub fn accepts_its_conf(nginx: &Nginx) -> Result<Option<()>, NginxError> {
    match nginx {
        Nginx::Own(own) => nginx.test(&own.conf(), &own.places.own).map(Some),
        Nginx::System(_) => Ok(None),
    }
}
