//! What an authority has asked not to be asked before a certain time, kept beside the order.

use std::path::{Path, PathBuf};
use std::time::Instant;

use dokuen_core::{Stamp, fs};
use serde::{Deserialize, Serialize};

use crate::error::AcmeError;
use crate::line::Heard;
use crate::order::now;
use crate::wish::Wish;

/// A pause that holds for the same names at the same authority: a limit on one name keeps no other from a certificate.
#[derive(Debug, Serialize, Deserialize)]
struct Pause {
    directory: String,
    names: Vec<String>,
    until: i64,
    said: String,
}

/// Refuses what the authority has asked not to be asked yet. It is not asked for that.
pub fn ask_only_when_it_is_time(wish: &Wish) -> Result<(), AcmeError> {
    let path = place(&wish.order);
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(()) };
    // What cannot be read holds nobody up: the authority says it again.
    let Ok(pause) = serde_json::from_slice::<Pause>(&bytes) else { return Ok(fs::remove(&path)?) };
    if pause.directory != wish.directory || pause.names != wish.names || pause.until <= now() {
        return Ok(fs::remove(&path)?);
    }
    Err(later(&pause.directory, pause.until, pause.said, false))
}

/// Keeps the time, when the authority has said one.
pub fn put_off(wish: &Wish, error: AcmeError, heard: &Heard) -> AcmeError {
    let error = told(&wish.directory, error, heard);
    let AcmeError::Later { until, said, .. } = &error else { return error };
    let pause =
        Pause { directory: wish.directory.clone(), names: wish.names.clone(), until: *until, said: said.clone() };
    let text = serde_json::to_vec(&pause).expect("texts and numbers have a JSON form");
    match fs::replace(&place(&wish.order), &text, fs::PRIVATE_FILE) {
        Ok(()) => error,
        Err(source) => source.into(),
    }
}

/// The error that says when to ask again, where the authority has said so.
pub fn told(directory: &str, error: AcmeError, heard: &Heard) -> AcmeError {
    let Some(until) = heard.until().or_else(|| longer_than_patience(&error)) else { return error };
    let said = match &error {
        AcmeError::Refused { said, .. } => said.clone(),
        AcmeError::Authority { source, .. } => match source.as_ref() {
            instant_acme::Error::Api(problem) => crate::order::said(problem),
            _ => "it was asked too often, or has no time".to_owned(),
        },
        _ => return error,
    };
    later(directory, until, said, true)
}

/// An order that is being made is waited for by instant-acme, as long as our patience lasts.
fn longer_than_patience(error: &AcmeError) -> Option<i64> {
    let AcmeError::Authority { source, .. } = error else { return None };
    let instant_acme::Error::Timeout(Some(then)) = source.as_ref() else { return None };
    Some(now() + then.saturating_duration_since(Instant::now()).as_secs() as i64)
}

fn later(directory: &str, until: i64, said: String, asked: bool) -> AcmeError {
    let moment = Stamp::now().back(now() - until).for_people();
    AcmeError::Later { directory: directory.to_owned(), until, moment, said, asked }
}

fn place(order: &Path) -> PathBuf {
    order.join("later.json")
}
