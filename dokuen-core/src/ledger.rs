//! Numbered releases: v1, v2, ... = a tree, the config it ran with, and its formation.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::env::Environment;
use crate::fs::{self, FsError};
use crate::layout::App;

/// A release number. `rollback` makes a new one, so the highest is what runs or ran last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u32);

/// What is known of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub version: Version,
    /// The name of its tree under `releases/`.
    pub tree: String,
    /// The commit it was built from, when it came by git.
    pub commit: Option<String>,
    /// `YYYY-mm-dd HH:MM:SS` in UTC.
    pub at: String,
    /// Who made it.
    pub by: String,
    /// What made it: `deploy`, `set A, B`, `scale web=2`, `rollback to v3`, ... Names of config vars, never values.
    pub what: String,
    /// The formation, `web=1`.
    pub formation: String,
}

/// Which release and which generation of instances is live: the one file that a promotion writes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The release number.
    pub version: Version,
    /// The generation its instances belong to.
    pub generation: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl Version {
    /// Reads `v12`, or `12` as people type it.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('v').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten().map(Self)
    }
}

/// A record and a config that lie on the disk, beside the place where they are to count. Dropped, they go.
#[derive(Debug)]
#[must_use = "what is not filed goes again"]
pub struct Written {
    beside: PathBuf,
    place: PathBuf,
}

impl Written {
    /// They count from now on; a number is never filed twice.
    pub fn file(self) -> Result<(), FsError> {
        fs::rename(&self.beside, &self.place)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Once filed there is nothing to remove; and what cannot be removed is swept by the next command.
        let _ = fs::remove_tree(&self.beside);
    }
}

/// Writes a record and the app's config of that moment, which takes a disk its time; [`Written::file`] then is a rename.
pub fn write(app: &App, record: &Record, config: &Environment) -> Result<Written, FsError> {
    let beside = app.ledger_dir().join(format!(".{}", record.version));
    fs::remove_tree(&beside)?;
    let written = Written { beside, place: place(app, record.version) };
    fs::with_its_directory(&written.beside, || fs::make_dir(&written.beside, fs::PRIVATE_DIR))?;
    fs::replace(&written.beside.join(RECORD), yaml(record).as_bytes(), fs::PRIVATE_FILE)?;
    fs::replace(&written.beside.join(CONFIG), &config.to_nul(), fs::PRIVATE_FILE)?;
    Ok(written)
}

/// Takes a number back that never went live.
pub fn forget(app: &App, version: Version) -> Result<(), FsError> {
    fs::remove_tree(&place(app, version))
}

/// The record with that number. One that was torn says nothing, as if somebody had removed it.
pub fn record(app: &App, version: Version) -> Result<Option<Record>, FsError> {
    let bytes = fs::read_if_there(&place(app, version).join(RECORD))?;
    Ok(bytes.and_then(|bytes| serde_yaml::from_slice(&bytes).ok()))
}

/// The app's config vars as they were in that release.
pub fn config(app: &App, version: Version) -> Result<Option<Environment>, FsError> {
    Ok(fs::read_if_there(&place(app, version).join(CONFIG))?.map(|bytes| Environment::from_nul(&bytes)))
}

/// Removes what a killed command had not filed yet, and what it had filed but not made live: numbers above the live one.
/// The app's lock must be held.
pub fn sweep(app: &App, live: Option<Version>) -> Result<(), FsError> {
    let is_later = |name: &str| live.is_some_and(|live| filed(name).is_some_and(|version| version > live));
    for name in fs::names(&app.ledger_dir())?.into_iter().filter(|name| name.starts_with(".v") || is_later(name)) {
        fs::remove_tree(&app.ledger_dir().join(name))?;
    }
    Ok(())
}

/// Every number that was filed, in order.
pub fn versions(app: &App) -> Result<Vec<Version>, FsError> {
    let mut all: Vec<_> = fs::names(&app.ledger_dir())?.iter().filter_map(|name| filed(name)).collect();
    all.sort();
    Ok(all)
}

/// The number that is filed under this name.
fn filed(name: &str) -> Option<Version> {
    Version::parse(name).filter(|_| name.starts_with('v'))
}

/// The number the next release gets. What is live has had one, also where nobody has its record any more.
pub fn next(app: &App) -> Result<Version, FsError> {
    let highest = versions(app)?.last().copied().max(live(app)?.map(|live| live.version));
    Ok(Version(highest.map_or(1, |version| version.0 + 1)))
}

/// What is live, `None` before the first deploy. A file that was torn says nothing: what is live can be found again.
pub fn live(app: &App) -> Result<Option<Live>, FsError> {
    let bytes = fs::read_if_there(&app.live_file())?;
    Ok(bytes.and_then(|bytes| serde_yaml::from_slice(&bytes).ok()))
}

/// Says what is live from now on.
pub fn set_live(app: &App, live: Live) -> Result<(), FsError> {
    fs::replace(&app.live_file(), yaml(&live).as_bytes(), fs::PRIVATE_FILE)
}

/// Says that another generation serves the release that is live already. No disk is waited for: a power cut ends every
/// generation, and a file that it leaves torn says nothing.
pub fn set_generation(app: &App, live: Live) -> Result<(), FsError> {
    fs::replace_report(&app.live_file(), yaml(&live).as_bytes(), fs::PRIVATE_FILE)
}

/// Changes the app's config vars for a generation that is to go live. Until it is, a killed command leaves a note of
/// what they were, by which [`take_back_config`] undoes the change: all of it, not the half that was done.
pub fn change_config(app: &App, generation: u32, wanted: &Environment) -> Result<(), FsError> {
    let before = app.env().load()?;
    if before == *wanted {
        return Ok(());
    }
    let text = [format!("{generation}\n").as_bytes(), &before.to_nul()].concat();
    fs::replace(&app.undo_file(), &text, fs::PRIVATE_FILE)?;
    app.env().become_exactly(wanted)
}

/// The change has gone live, or needs no undoing any more.
pub fn keep_config(app: &App) -> Result<(), FsError> {
    fs::remove(&app.undo_file())
}

/// Undoes a change of config vars whose generation is not the one that is live.
pub fn take_back_config(app: &App, live: Option<Live>) -> Result<(), FsError> {
    let Some(bytes) = fs::read_if_there(&app.undo_file())? else { return Ok(()) };
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let generation = parts.next().and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok());
    if let (Some(generation), Some(before)) = (generation, parts.next())
        && live.map(|live| live.generation) != Some(generation)
    {
        app.env().become_exactly(&Environment::from_nul(before))?;
    }
    keep_config(app)
}

const RECORD: &str = "release.yml";
const CONFIG: &str = "config";

fn place(app: &App, version: Version) -> PathBuf {
    app.ledger_dir().join(version.to_string())
}

fn yaml(value: &impl Serialize) -> String {
    serde_yaml::to_string(value).expect("a struct of numbers and strings has a YAML form")
}
