//! Files of nginx change together or not at all: note, rename, reload, proof; else everything back as it was.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};

use crate::error::NginxError;
use crate::park::remember;
use crate::pending::Pending;
use crate::probe::{SPAN, is_in_force, prove};
use crate::program::{Nginx, Told};

/// What a file shall be: these bytes, or gone.
#[derive(Clone)]
pub struct Change {
    pub file: PathBuf,
    pub bytes: Option<Vec<u8>>,
}

/// A whole vhost as a list of numbers says nothing.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("file", &self.file).field("bytes", &self.bytes.as_ref().map(Vec::len)).finish()
    }
}

impl Change {
    /// None: the file shall be what it is.
    pub fn none(file: PathBuf) -> Result<Self, FsError> {
        let bytes = fs::read_if_there(&file)?;
        Ok(Self { file, bytes })
    }

    /// The file shall be gone; no change where it is.
    pub fn gone(file: PathBuf) -> Option<Self> {
        file.exists().then_some(Self { file, bytes: None })
    }

    /// The change that undoes it.
    fn undoing(&self) -> Result<Self, FsError> {
        Self::none(self.file.clone())
    }

    /// Makes it so. After an error it may be so all the same: written, but not known to last.
    fn write(&self) -> Result<(), FsError> {
        match &self.bytes {
            Some(bytes) => fs::replace(&self.file, bytes, fs::PUBLIC_FILE),
            None => fs::remove(&self.file),
        }
    }
}

/// Puts all changes into force with one reload and gives back those that undo them. The lock is the caller's.
pub fn apply(nginx: &Nginx, changes: &[Change]) -> Result<Vec<Change>, NginxError> {
    let files: Vec<_> = changes.iter().map(|change| change.file.clone()).collect();
    let mut pending = Pending::load(nginx.places())?;
    pending.add(nginx.places(), &files)?;
    let mut before = Vec::new();
    match write_all(changes, &mut before).and_then(|()| settle(nginx, &pending)) {
        Ok(()) => {
            // A copy that could not be made is missed only when somebody's file breaks later.
            let _ = remember(nginx.places());
            Ok(before)
        }
        Err(error) => {
            // What is still wrong after this stays noted, and the first error is the one to tell.
            let _ = put_back(nginx, &before, pending, &files);
            Err(error)
        }
    }
}

fn write_all(changes: &[Change], before: &mut Vec<Change>) -> Result<(), NginxError> {
    for change in changes {
        before.push(change.undoing()?);
        change.write()?;
    }
    Ok(())
}

/// nginx may or may not run the new text by now: it is noted too, so that the proof is that nginx runs it no more.
fn put_back(nginx: &Nginx, before: &[Change], mut pending: Pending, files: &[PathBuf]) -> Result<(), NginxError> {
    pending.add(nginx.places(), files)?;
    write_all(before, &mut Vec::new())?;
    if !nginx.has_master() {
        // It could not be started: there is no memory that the disk could disagree with.
        return Ok(Pending::clear(nginx.places())?);
    }
    match settle(nginx, &pending) {
        // Somebody else's file is in the way of any reload, but this nginx never left the old text.
        Err(_) if is_settled(nginx, &pending)? => Ok(Pending::clear(nginx.places())?),
        other => other,
    }
}

/// As [`settle`], but nginx is asked first and left alone when it runs what is on disk.
pub fn settle_if_needed(nginx: &Nginx, pending: &Pending) -> Result<(), NginxError> {
    if is_settled(nginx, pending)? {
        return Ok(Pending::clear(nginx.places())?);
    }
    settle(nginx, pending)
}

/// Has nginx read what is on disk and returns once it answers by it.
fn settle(nginx: &Nginx, pending: &Pending) -> Result<(), NginxError> {
    let places = nginx.places();
    let log = nginx.log_length();
    let span = match nginx.reload()? {
        Told::Started => Duration::ZERO,
        Told::Reloaded => SPAN,
    };
    let expected = pending.expected(places)?;
    let proof = prove(places.listen.here(), &expected, span, Instant::now() + places.patience);
    proof.map_err(|missed| NginxError::NotProven {
        file: missed.file,
        domain: missed.domain,
        after: places.patience,
        source: nginx.complaint_since(log),
    })?;
    Ok(Pending::clear(places)?)
}

fn is_settled(nginx: &Nginx, pending: &Pending) -> Result<bool, NginxError> {
    let expected = pending.expected(nginx.places())?;
    // With nothing to ask for there is no answer to trust. Workers without a master answer, but read nothing anew.
    let asks = !expected.is_empty() && nginx.has_master();
    Ok(asks && expected.iter().all(|one| is_in_force(nginx.places().listen.here(), one)))
}
