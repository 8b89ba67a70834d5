//! What can be seen of nginx's health without touching it, for whoever looks a host over.

use std::path::{Path, PathBuf};

use dokuen_core::cmd::CmdError;
use dokuen_core::fs;
use nix::unistd::geteuid;

use crate::error::NginxError;
use crate::pending::Pending;
use crate::probe::{Expected, Sum, is_in_force};
use crate::program::{Nginx, System, words_of};
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

/// Whether nginx would start with the conf that it has on disk, and read our files. Of the machine's there may be parts that
/// this account cannot read, keys of others for one, and then `None`.
pub fn accepts_its_conf(nginx: &Nginx) -> Result<Option<()>, NginxError> {
    match nginx {
        Nginx::Own(own) => nginx.test(&own.conf(), &own.places.own).map(Some),
        Nginx::System(system) => would_start(system),
    }
}

fn would_start(system: &System) -> Result<Option<()>, NginxError> {
    let read = match system.dump() {
        Ok(output) => output.stdout,
        Err(CmdError::Failed { output, .. }) if is_denied(&output.stderr) => return Ok(None),
        failed => {
            return words_of(failed).map(|()| None).map_err(|error| match error {
                NginxError::Reload { source } => NginxError::Unfit { source },
                other => other,
            });
        }
    };
    let file = system.places.catch_all();
    if !file.exists() || includes(&String::from_utf8_lossy(&read), &file) {
        return Ok(Some(()));
    }
    Err(NginxError::NotIncluded { file })
}

fn is_denied(said: &[u8]) -> bool {
    !geteuid().is_root() && String::from_utf8_lossy(said).contains("Permission denied")
}

/// By any of its paths.
fn includes(dump: &str, file: &Path) -> bool {
    let names = dump.lines().filter_map(|line| line.strip_prefix("# configuration file ")?.strip_suffix(':'));
    let whole = |path: &Path| path.canonicalize().ok();
    names.map(Path::new).any(|name| name.file_name() == file.file_name() && whole(name) == whole(file))
}
