//! What failed builds said: the last few of each app, in files of their own beside its logs. A build that succeeded has
//! its words in the release that it made.

use std::path::PathBuf;

use dokuen_core::releases::Unfinished;
use dokuen_core::{App, Stamp, fs};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// How many are kept of each app.
const MOST: usize = 5;

/// A build that made no release.
pub struct FailedBuild {
    /// When it began, to the second; of two within one, the later one has the next.
    pub id: String,
    /// What is known of it besides.
    pub head: Head,
    /// What it said, with the reason at the end.
    pub log: Vec<u8>,
}

/// The first line of its file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    /// When it failed, as the ledger writes times.
    pub at: String,
    /// Who has pushed.
    pub by: String,
    /// Of which commit it was.
    pub commit: String,
    /// Why it failed, in a line.
    pub error: String,
}

/// Keeps what a build said that failed for this reason, and forgets the oldest ones.
pub fn keep(app: &App, cut: &Unfinished, by: &str, commit: &str, text: &str, why: &Failure) -> Result<(), Failure> {
    let dir = app.failed_builds_dir();
    fs::make_dirs(&dir, fs::PRIVATE_DIR)?;
    let lines = why.lines();
    let error = lines.get(1).or(lines.first()).cloned().unwrap_or_default();
    let head = Head { at: Stamp::now().for_people(), by: by.to_owned(), commit: commit.to_owned(), error };
    let head = serde_json::to_string(&head).expect("strings are JSON");
    let end: String = lines.iter().map(|line| format!("  ! {line}\n")).collect();
    let newest = names(app)?.pop().and_then(|name| Stamp::parse(&name));
    let began = cut.path().file_name().and_then(|name| Stamp::parse(name.to_str()?)).unwrap_or_else(Stamp::now);
    let name = newest.map_or(began, |newest| began.max(newest.next())).to_string();
    fs::replace_report(&dir.join(name), format!("{head}\n{text}{end}").as_bytes(), fs::PRIVATE_FILE)?;
    let names = names(app)?;
    let old = &names[..names.len().saturating_sub(MOST)];
    Ok(old.iter().try_for_each(|name| fs::remove(&path(app, name)))?)
}

/// Those that are kept, oldest first. One that cannot be read is left out.
pub fn all(app: &App) -> Result<Vec<FailedBuild>, Failure> {
    let mut all = Vec::new();
    for id in names(app)? {
        let Some(bytes) = fs::read_if_there(&path(app, &id))? else { continue };
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { continue };
        let Ok(head) = serde_json::from_slice(&bytes[..end]) else { continue };
        all.push(FailedBuild { id, head, log: bytes[end + 1..].to_owned() });
    }
    Ok(all)
}

fn names(app: &App) -> Result<Vec<String>, Failure> {
    // What is no name of a release was put there by somebody else.
    let mut names: Vec<_> =
        fs::names(&app.failed_builds_dir())?.into_iter().filter(|name| Stamp::parse(name).is_some()).collect();
    names.sort();
    Ok(names)
}

fn path(app: &App, name: &str) -> PathBuf {
    app.failed_builds_dir().join(name)
}
