//! One line of a log, and the ways in which it is shown.

use serde::Serialize;

use crate::show::{Look, moment};

/// A line with its time and its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `YYYY-mm-dd HH:MM:SS` in UTC.
    pub at: String,
    /// `web.1`.
    pub process: String,
    /// What it said.
    pub text: String,
}

/// As programs see it.
#[derive(Debug, Serialize)]
pub struct Json<'a> {
    at: String,
    process: &'a str,
    text: &'a str,
}

/// Bright enough on black and on white.
const COLORS: [&str; 6] = ["36", "33", "32", "35", "34", "31"];

impl Line {
    /// One that was put together.
    pub fn new(at: &str, process: &str, text: &str) -> Self {
        Self { at: at.to_owned(), process: process.to_owned(), text: text.to_owned() }
    }

    /// `[YYYY-mm-dd HH:MM:SS][web.1] text`, as the wrapper writes it.
    pub fn parse(line: &str) -> Option<Self> {
        let (at, rest) = line.strip_prefix('[')?.split_once("][")?;
        let (process, text) = rest.split_once("] ")?;
        Some(Self::new(at, process, text))
    }

    /// The line as the log has it, its process in its own colour; quietly, only what was said.
    pub fn for_people(&self, look: &Look) -> String {
        if look.quiet {
            return format!("{}\n", self.text);
        }
        let sum = self.process.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let lead = look.painted(&format!("[{}][{}]", self.at, self.process), COLORS[sum % COLORS.len()]);
        format!("{lead} {}\n", self.text)
    }

    /// As programs see it.
    pub fn as_json(&self) -> Json<'_> {
        Json { at: moment(&self.at), process: &self.process, text: &self.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_as_it_was_written_or_with_less_or_more() {
        let line = Line::parse("[2026-01-01 12:00:00][web.1] a ] b][c] d").unwrap();
        assert_eq!(
            (line.at.as_str(), line.process.as_str(), line.text.as_str()),
            ("2026-01-01 12:00:00", "web.1", "a ] b][c] d")
        );
        let look = |quiet, color| Look { quiet, color, width: None };
        assert_eq!(line.for_people(&look(false, false)), "[2026-01-01 12:00:00][web.1] a ] b][c] d\n");
        assert_eq!(line.for_people(&look(true, true)), "a ] b][c] d\n");
        assert!(line.for_people(&look(false, true)).starts_with("\x1b["));
        assert_eq!(Line::parse("no log line"), None);
    }
}
