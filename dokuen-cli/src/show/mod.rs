//! How data is shown: tables for people, JSON for programs (`docs/json.md`).

mod look;
mod table;

pub use look::Look;
pub use table::{Table, left, right};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::printer::Printer;

/// In which form a command that prints data is to print it.
#[derive(Debug, Args, Clone, Copy)]
pub struct Form {
    /// Print JSON, for programs
    #[arg(short = 'j', long, conflicts_with = "format")]
    pub json: bool,
    /// Print text or json
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// The forms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Form {
    /// Whether a program reads it.
    pub fn is_json(self) -> bool {
        self.json || self.format == Some(Format::Json)
    }
}

impl Printer {
    /// Prints data as it was asked for: one JSON document, or a table.
    pub fn data<T: Serialize>(&mut self, form: Form, data: &T, table: impl FnOnce(&T) -> Table) {
        if form.is_json() {
            return self.json(data);
        }
        let text = table(data).render(self.look.width, !self.look.quiet);
        self.out(text.as_bytes());
    }

    /// One JSON document, over several lines.
    pub fn json<T: Serialize>(&mut self, data: &T) {
        self.json_with(data, serde_json::to_string_pretty);
    }

    /// One JSON document in one line: of those that follow one another there may be many.
    pub fn json_line<T: Serialize>(&mut self, data: &T) {
        self.json_with(data, serde_json::to_string);
    }

    fn json_with<T>(&mut self, data: &T, write: impl FnOnce(&T) -> serde_json::Result<String>) {
        let text = write(data).expect("what is shown holds text, numbers and lists of them, with text for keys");
        self.out(format!("{text}\n").as_bytes());
    }
}

/// A moment as JSON has it, `2026-01-01T12:00:00Z`, from the form that files and tables hold.
pub fn moment(at: &str) -> String {
    format!("{}Z", at.replacen(' ', "T", 1))
}

/// The same moment for a table.
pub fn for_people(moment: &str) -> String {
    moment.replacen('T', " ", 1).trim_end_matches('Z').to_owned()
}

/// As much of a commit as people read.
pub fn short(commit: Option<&str>) -> String {
    commit.and_then(|id| id.get(..7)).unwrap_or("-").to_owned()
}
