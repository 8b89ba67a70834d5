//! Somebody else's broken file does not keep an app from being routed.
//!
//! nginx reads all its files or none. A file of the nginx directory that it refuses is renamed to `NAME.refused`, which
//! nginx does not read, and the copy of it that nginx last accepted comes back in its place, where there is one: so what
//! it served is served on. Files elsewhere are not ours to move: they are named, and nothing changes.

use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};

use crate::apply::{Change, apply};
use crate::error::NginxError;
use crate::places::Places;
use crate::program::Nginx;

/// A file that was in the way.
#[derive(Debug)]
pub struct Parked {
    /// Where it stood; it is beside, as `NAME.refused`.
    pub file: PathBuf,
    /// Whether what nginx accepted before is in its place.
    pub restored: bool,
    /// nginx's words.
    pub error: NginxError,
}

/// As [`apply`], with what is in the way moved out of it.
pub fn apply_parking(nginx: &Nginx, changes: &[Change]) -> Result<(Vec<Change>, Vec<Parked>), NginxError> {
    let mut parked: Vec<Parked> = Vec::new();
    loop {
        match apply(nginx, changes) {
            Ok(before) => return Ok((before, parked)),
            Err(error) => {
                let Some(file) = others_file(nginx.places(), &error, changes) else { return Err(error) };
                // A copy that was accepted once may clash with what came since: then it is left out.
                let again = parked.iter().any(|before| before.file == file);
                let restored = park(nginx.places(), &file, !again)?;
                parked.retain(|before| before.file != file);
                parked.push(Parked { file, restored, error });
            }
        }
    }
}

/// The file of the nginx directory that nginx refuses, when it is not one of ours to change. Without the server for
/// unknown names nothing works, so that one is never it.
fn others_file(places: &Places, error: &NginxError, changes: &[Change]) -> Option<PathBuf> {
    let NginxError::Refused { file, .. } = error else { return None };
    let is_vhost = file.parent() == Some(places.dir.as_path()) && *file != places.catch_all();
    let ours = changes.iter().any(|change| change.file == *file);
    (is_vhost && !ours && file.exists()).then(|| file.clone())
}

/// Sets a file aside, and puts back what was good, if wanted and there.
pub fn park(places: &Places, file: &Path, restore: bool) -> Result<bool, FsError> {
    let good = copy_of(places, file);
    let kept = if restore { fs::read_if_there(&good)? } else { None };
    let differs = kept.is_some() && kept != fs::read_if_there(file)?;
    fs::rename(file, &file.with_added_extension("refused"))?;
    match kept.filter(|_| differs) {
        Some(bytes) => fs::replace(file, &bytes, fs::PUBLIC_FILE).map(|()| true),
        None => fs::remove(&good).map(|()| false),
    }
}

/// nginx has just accepted all files together: those that changed since the last time are copied.
pub fn remember(places: &Places) -> Result<(), FsError> {
    let good = places.good();
    fs::make_dirs(&good, fs::PRIVATE_DIR)?;
    let is_conf = |name: &String| name.ends_with(".conf");
    let names: Vec<_> = fs::names(&places.dir)?.into_iter().filter(is_conf).collect();
    for name in &names {
        let file = places.dir.join(name);
        if is_newer(&file, &good.join(name)) {
            fs::replace_report(&good.join(name), &fs::read(&file)?, fs::PUBLIC_FILE)?;
        }
    }
    for gone in fs::names(&good)?.iter().filter(|name| !names.contains(name)) {
        fs::remove(&good.join(gone))?;
    }
    Ok(())
}

/// By size and time: to read a thousand files for one that changed would cost more than the change.
fn is_newer(file: &Path, copy: &Path) -> bool {
    let (Ok(file), Ok(copy)) = (file.metadata(), copy.metadata()) else { return true };
    let times = (file.modified().ok(), copy.modified().ok());
    file.len() != copy.len() || times.0 > times.1
}

fn copy_of(places: &Places, file: &Path) -> PathBuf {
    places.good().join(file.file_name().unwrap_or_default())
}
