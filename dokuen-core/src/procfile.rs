//! The Procfile: which commands an app has.

use crate::dotenv::unmarked;
use crate::name::{BadName, ProcessType};

/// Process types and their command lines, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Procfile {
    entries: Vec<(ProcessType, String)>,
}

/// A Procfile that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcfileError {
    /// A line that is neither blank, a comment, nor `type: command`.
    #[error("line {line} of the Procfile is not `type: command`")]
    NotAnEntry {
        /// Counted from 1.
        line: usize,
    },
    /// A name that is no process type.
    #[error("line {line} of the Procfile")]
    BadType {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: BadName,
    },
    /// A NUL or other control byte in a command, or text that is not UTF-8.
    #[error("line {line} of the Procfile holds a control character")]
    Control {
        /// Counted from 1.
        line: usize,
    },
    /// A type that an earlier line has.
    #[error("line {line} of the Procfile names {name} a second time")]
    Repeated {
        /// Counted from 1.
        line: usize,
        /// Which.
        name: ProcessType,
    },
    /// Nothing to run.
    #[error("the Procfile names no process")]
    Empty,
    /// More than any formation could hold.
    #[error("the Procfile names {count} process types; {most} are allowed")]
    TooMany {
        /// How many.
        count: usize,
        /// The bound.
        most: usize,
    },
}

impl Procfile {
    /// More types than this are refused.
    pub const MOST: usize = 100;
    /// A larger file is refused.
    pub const MOST_BYTES: u64 = 256 * 1024;

    /// Reads `type: command` lines; blank lines and `#` comments are skipped, CRLF is an end of line, and of two
    /// lines with one type the last counts, in the place of the first.
    pub fn parse(text: &str) -> Result<Self, ProcfileError> {
        let mut procfile = Self::default();
        for (index, raw) in unmarked(text).lines().enumerate() {
            let (line, raw) = (index + 1, raw.trim());
            if raw.is_empty() || raw.starts_with('#') {
                continue;
            }
            let (name, command) = raw.split_once(':').ok_or(ProcfileError::NotAnEntry { line })?;
            let name = ProcessType::parse(name).map_err(|source| ProcfileError::BadType { line, source })?;
            let command = command.trim();
            if command.is_empty() {
                return Err(ProcfileError::NotAnEntry { line });
            }
            if command.chars().any(|c| c.is_control() && c != '\t') {
                return Err(ProcfileError::Control { line });
            }
            procfile.set(name, command);
        }
        procfile.checked()
    }

    /// Refuses a type that stands twice: one of the two was meant to be something else. [`Procfile::parse`] takes the
    /// last, as mason always has; what is wrong otherwise it says itself.
    pub fn refuse_repeated(text: &str) -> Result<(), ProcfileError> {
        let mut seen = Vec::new();
        for (index, line) in unmarked(text).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'))
        {
            let name = line.trim().split_once(':').and_then(|(name, _)| ProcessType::parse(name).ok());
            match name {
                Some(name) if seen.contains(&name) => return Err(ProcfileError::Repeated { line: index + 1, name }),
                Some(name) => seen.push(name),
                None => {}
            }
        }
        Ok(())
    }

    /// A Procfile of nothing but the given entries, e.g. a buildpack's default process types.
    pub fn of(entries: impl IntoIterator<Item = (ProcessType, String)>) -> Self {
        let mut procfile = Self::default();
        for (name, command) in entries {
            procfile.set(name, &command);
        }
        procfile
    }

    fn checked(self) -> Result<Self, ProcfileError> {
        match self.entries.len() {
            0 => Err(ProcfileError::Empty),
            count if count > Self::MOST => Err(ProcfileError::TooMany { count, most: Self::MOST }),
            _ => Ok(self),
        }
    }

    fn set(&mut self, name: ProcessType, command: &str) {
        match self.entries.iter_mut().find(|(have, _)| *have == name) {
            Some((_, have)) => command.clone_into(have),
            None => self.entries.push((name, command.to_owned())),
        }
    }

    /// `self` with the commands of `above` in their place and its new types after (mason's merge).
    pub fn merged_under(mut self, above: &Procfile) -> Self {
        for (name, command) in &above.entries {
            self.set(name.clone(), command);
        }
        self
    }

    /// The command line of a type.
    pub fn command(&self, name: &ProcessType) -> Option<&str> {
        self.entries.iter().find(|(have, _)| have == name).map(|(_, command)| command.as_str())
    }

    /// All types, in order.
    pub fn types(&self) -> impl Iterator<Item = &ProcessType> {
        self.entries.iter().map(|(name, _)| name)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The text that [`Procfile::parse`] reads back.
    pub fn render(&self) -> String {
        self.entries.iter().map(|(name, command)| format!("{name}: {command}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        Procfile::parse(text).unwrap().entries.into_iter().map(|(n, c)| (n.to_string(), c)).collect()
    }

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("web: x\r\n", vec![("web", "x")]),
            ("\u{feff}web: x\r\n", vec![("web", "x")]),
            ("# c\n\nweb: a: b\n", vec![("web", "a: b")]),
            ("worker_2: x\nurgent-worker:\ty\n", vec![("worker_2", "x"), ("urgent-worker", "y")]),
            ("a: 1\nb: 2\na: 3\n", vec![("a", "3"), ("b", "2")]),
            ("web: echo '$(rm -rf ~)' `id` ; exec ./run", vec![("web", "echo '$(rm -rf ~)' `id` ; exec ./run")]),
        ] {
            assert_eq!(
                entries(text),
                want.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn refuses_what_cannot_be_run() {
        let long = format!("{}: x", "a".repeat(64));
        let many: String = (0..101).map(|n| format!("t{n}: x\n")).collect();
        for bad in
            ["", "# only\n", ": cmd\n", "web:   \n", "../x: y\n", "web.1: x\n", "web: a\0b\n", "web x\n", &long, &many]
        {
            assert!(Procfile::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_app_wins_in_the_buildpacks_order() {
        let below = Procfile::parse("web: default\nrake: rake\n").unwrap();
        let above = Procfile::parse("worker: w\nweb: mine\n").unwrap();
        assert_eq!(below.merged_under(&above).render(), "web: mine\nrake: rake\nworker: w\n");
    }

    proptest! {
        #[test]
        fn never_panics_and_reads_back_what_it_prints(text in "\\PC{0,80}(\n[a-z-]{0,4}: ?\\PC{0,20}){0,4}") {
            if let Ok(procfile) = Procfile::parse(&text) {
                prop_assert_eq!(Procfile::parse(&procfile.render()).unwrap(), procfile);
            }
        }
    }
}
