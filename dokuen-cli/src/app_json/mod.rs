//! `app.json`: what an app says of itself beside its Procfile, in the words of Heroku and dokku.
//!
//! It comes with the pushed tree, so it is read as something that somebody else wrote: bounded, never through a symlink,
//! strict about what Dokuen knows. What other platforms know (`env`, `addons`, `formation`) is none of Dokuen's.

mod cron;
mod health;
mod place;

pub use cron::Job;
pub use health::{Health, is_content, is_header_value, is_path};

use std::collections::BTreeMap;
use std::path::Path;

use dokuen_core::{ProcessType, fs};
use place::Place;

/// A larger file is refused.
const MOST_BYTES: u64 = 256 * 1024;
/// What editors of Windows begin a text with.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// A longer command is refused; a script belongs into a file of the app.
const LONGEST_COMMAND: usize = 16 * 1024;

/// What an `app.json` says that means something here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppJson {
    /// When a new process counts as ready, by type.
    pub health: BTreeMap<ProcessType, Health>,
    /// `scripts.dokku.predeploy`: in the new release, before any of its processes.
    pub predeploy: Option<String>,
    /// `scripts.dokku.postdeploy`: after each deploy has gone live.
    pub postdeploy: Option<String>,
    /// `scripts.postdeploy`: once in an app's life, after the first deploy that went live with it.
    pub first_deploy: Option<String>,
    /// Its scheduled jobs.
    pub cron: Vec<Job>,
    /// What it asks for that is not done, for whoever pushes.
    pub notes: Vec<String>,
}

/// An `app.json` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AppJsonError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] fs::FsError),
    /// It is no JSON.
    #[error("app.json is not JSON: {0}")]
    Syntax(String),
    /// Something in it is not what it should be.
    #[error("app.json: {place} {wanted}")]
    Value {
        /// `healthchecks.web[0].timeout`.
        place: String,
        /// `must be a whole number from 1 to 3600`.
        wanted: String,
    },
}

impl AppJson {
    /// That of a tree; one without such a file says nothing.
    pub fn of(tree: &Path) -> Result<Self, AppJsonError> {
        match fs::read_foreign(&tree.join("app.json"), MOST_BYTES) {
            Ok(bytes) => Self::parse(&bytes),
            Err(e) if e.is_not_found() => Ok(Self::default()),
            Err(e) => Err(e.into()),
        }
    }

    /// Reads its text.
    pub fn parse(bytes: &[u8]) -> Result<Self, AppJsonError> {
        let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
        let value = serde_json::from_slice(bytes).map_err(|e| AppJsonError::Syntax(e.to_string()))?;
        let top = Place::top(&value);
        top.fields()?;
        let mut parsed = Self::default();
        if let Some(checks) = top.field("healthchecks")? {
            health::read(&checks, &mut parsed)?;
        }
        if let Some(scripts) = top.field("scripts")? {
            read_scripts(&scripts, &mut parsed)?;
        }
        if let Some(list) = top.field("cron")? {
            cron::read(&list, &mut parsed)?;
        }
        Ok(parsed)
    }
}

fn read_scripts(scripts: &Place<'_>, parsed: &mut AppJson) -> Result<(), AppJsonError> {
    parsed.first_deploy = scripts.field("postdeploy")?.map(|place| script(&place)).transpose()?;
    if let Some(dokku) = scripts.field("dokku")? {
        parsed.predeploy = dokku.field("predeploy")?.map(|place| script(&place)).transpose()?;
        parsed.postdeploy = dokku.field("postdeploy")?.map(|place| script(&place)).transpose()?;
    }
    Ok(())
}

/// A command line, or Heroku's longer form of one.
fn script(place: &Place<'_>) -> Result<String, AppJsonError> {
    match place.field_if_object("command")? {
        Some(command) => command.command(),
        None => place.command(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dokuen_knows_is_read_and_the_rest_is_left_alone() {
        let text = br#"{
            "name": "x", "env": {"A": {"required": true}}, "addons": ["heroku-postgresql"], "formation": null,
            "scripts": {"postdeploy": {"command": "bin/seed", "size": "x"}, "test": 5,
                        "dokku": {"predeploy": "bin/pre", "postdeploy": "bin/post"}}
        }"#;
        let read = AppJson::parse(text).unwrap();
        let wanted = [Some("bin/seed"), Some("bin/pre"), Some("bin/post")];
        let scripts = [&read.first_deploy, &read.predeploy, &read.postdeploy];
        assert_eq!(scripts.map(Option::as_deref), wanted);
        for nothing in ["{}", "\u{feff}{}\r\n"] {
            assert_eq!(AppJson::parse(nothing.as_bytes()).unwrap(), AppJson::default());
        }
    }

    #[test]
    fn what_cannot_be_right_is_named_by_its_place() {
        for (text, said) in [
            ("", "app.json is not JSON: "),
            ("{", "app.json is not JSON: "),
            ("[]", "app.json: the top level must be an object"),
            (r#"{"scripts": []}"#, "app.json: scripts must be an object"),
            (r#"{"scripts": {"postdeploy": 5}}"#, "app.json: scripts.postdeploy must be a command"),
            (r#"{"scripts": {"postdeploy": {}}}"#, "app.json: scripts.postdeploy must be a command"),
            (
                r#"{"scripts": {"postdeploy": {"command": ""}}}"#,
                "app.json: scripts.postdeploy.command must be a command",
            ),
            (
                r#"{"scripts": {"dokku": {"predeploy": "a\u0000b"}}}"#,
                "app.json: scripts.dokku.predeploy must be a command",
            ),
            (r#"{"scripts": {"dokku": "x"}}"#, "app.json: scripts.dokku must be an object"),
        ] {
            let error = AppJson::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(AppJson::parse(deep.as_bytes()).is_err());
    }
}
