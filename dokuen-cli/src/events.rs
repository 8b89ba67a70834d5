//! The record of who did what and when: a JSON object a line, a file a month, only ever appended to.
//!
//! It holds names and numbers, never values: config vars by name, programs that were run not at all.

use std::io::Write;

use dokuen_core::{Host, Stamp, fs};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::place;

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `YYYY-mm-dd HH:MM:SS`, in UTC.
    pub at: String,
    /// Who did it.
    pub by: String,
    /// The address it came from over ssh.
    pub from: Option<String>,
    /// To which app.
    pub app: Option<String>,
    /// What it was.
    pub what: String,
    /// How it ended; `None` while a program takes the command's place.
    pub exit: Option<u8>,
}

impl Event {
    /// Now, by whoever is at work.
    pub fn now(app: Option<&str>, what: &str, exit: Option<u8>) -> Self {
        Self {
            at: Stamp::now().for_people(),
            by: place::who(),
            from: place::from(),
            app: app.map(str::to_owned),
            what: what.to_owned(),
            exit,
        }
    }

    /// The line of the record.
    pub fn to_json(&self) -> Value {
        json!({"at": self.at, "by": self.by, "from": self.from, "app": self.app, "what": self.what, "exit": self.exit})
    }

    /// Reads a line of the record; a torn one is none.
    pub fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let exit = value["exit"].as_u64().and_then(|n| u8::try_from(n).ok());
        Some(Self { at: text("at")?, by: text("by")?, from: text("from"), app: text("app"), what: text("what")?, exit })
    }
}

/// Appends an event: one write of one line, so that lines of two commands never mix.
pub fn record(host: &Host, event: &Event) -> Result<(), Failure> {
    let dir = host.events_dir();
    fs::make_dirs(&dir, fs::PRIVATE_DIR)?;
    let path = dir.join(format!("{}.jsonl", event.at.get(..7).unwrap_or("0000-00")));
    let mut file = fs::open_append(&path, fs::PRIVATE_FILE)?;
    Ok(fs::at("append to", &path, file.write_all(format!("{}\n", event.to_json()).as_bytes()))?)
}
