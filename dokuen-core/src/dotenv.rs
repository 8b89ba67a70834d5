//! `.env` files as foreman reads them, strictly: an error names its line, and nothing is ever expanded.

use std::path::Path;

use crate::env::{EnvValue, Environment};
use crate::fs::{self, FsError};
use crate::name::{BadName, EnvName};

/// A line of a `.env` file that is no `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvError {
    /// There is no `=` in it.
    #[error("line {line} of .env is not NAME=value")]
    NotAnEntry {
        /// Counted from 1.
        line: usize,
    },
    /// What stands before the `=` is no name.
    #[error("line {line} of .env")]
    BadName {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: BadName,
    },
    /// The value begins with a quote and does not end with it.
    #[error("the quote in line {line} of .env is not closed at its end")]
    OpenQuote {
        /// Counted from 1.
        line: usize,
    },
    /// The value holds a NUL or is too long.
    #[error("the value in line {line} of .env holds a NUL byte or is longer than 128 KiB")]
    BadValue {
        /// Counted from 1.
        line: usize,
    },
}

/// Reads `NAME=value` lines. Blank lines and `#` lines are skipped; `'...'` is literal; `"..."` knows `\n`, `\"`,
/// `\\`; anything else is the value as it stands. The last of two lines with one name counts.
pub fn parse_dotenv(text: &str) -> Result<Environment, DotenvError> {
    let mut all = Environment::default();
    for (index, raw) in unmarked(text).lines().enumerate() {
        let line = index + 1;
        if raw.trim().is_empty() || raw.trim_start().starts_with('#') {
            continue;
        }
        let (name, value) = raw.split_once('=').ok_or(DotenvError::NotAnEntry { line })?;
        let name = EnvName::parse(name).map_err(|source| DotenvError::BadName { line, source })?;
        let value = EnvValue::new(unquoted(value)).ok_or(DotenvError::BadValue { line })?;
        all.0.insert(name, value);
    }
    Ok(all)
}

/// As [`parse_dotenv`], for what somebody has typed: a quote that is not closed, or has more behind it, is a slip and no
/// part of the value.
pub fn parse_dotenv_strictly(text: &str) -> Result<Environment, DotenvError> {
    let all = parse_dotenv(text)?;
    match unmarked(text).lines().position(has_open_quote) {
        Some(index) => Err(DotenvError::OpenQuote { line: index + 1 }),
        None => Ok(all),
    }
}

/// Text without the byte order mark with which editors of Windows begin it.
pub(crate) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn has_open_quote(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, value)| value);
    let is_open = |quote: char| value.strip_prefix(quote).is_some_and(|rest| !rest.ends_with(quote));
    !line.trim_start().starts_with('#') && ['"', '\''].into_iter().any(is_open)
}

/// The `.env` of a release, which an app may have removed or spoilt since it was built: none is empty, a spoilt one is an
/// error that names the file and the line. No symbolic link is followed.
pub fn read_dotenv(path: &Path) -> Result<Environment, FsError> {
    let bytes = match fs::read_foreign(path, MOST_BYTES) {
        Err(e) if e.is_not_found() => return Ok(Environment::default()),
        other => other?,
    };
    let spoilt = |e| std::io::Error::new(std::io::ErrorKind::InvalidData, e);
    fs::at("read", path, parse_dotenv(&String::from_utf8_lossy(&bytes)).map_err(spoilt))
}

/// No `.env` is larger.
const MOST_BYTES: u64 = 1024 * 1024;

/// Writes variables so that [`parse_dotenv`] (and foreman) read the same back; bytes that are not UTF-8 are replaced.
pub fn render_dotenv<'a>(vars: impl IntoIterator<Item = (&'a EnvName, &'a EnvValue)>) -> String {
    vars.into_iter().map(|(name, value)| format!("{name}={}\n", quoted(&value.lossy()))).collect()
}

fn unquoted(value: &str) -> String {
    let inner = |quote: char| value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote));
    if let Some(literal) = inner('\'') {
        return literal.to_owned();
    }
    match inner('"') {
        Some(escaped) => unescaped(escaped),
        None => value.to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => out.push(c),
            _ => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
        }
    }
    out
}

fn quoted(value: &str) -> String {
    let plain = !value.contains(['\n', '\r']) && !value.starts_with(['"', '\'']) && value.trim() == value;
    if plain {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_foreman_reads() {
        let all = parse_dotenv("# c\n\nA=b=c\nB='x \"y\"'\nC=\"a\\nb\\\"\"\nD=plain # not a comment\r\nE=\n").unwrap();
        let get = |name| all.text(name).unwrap();
        assert_eq!(
            [get("A"), get("B"), get("C"), get("D"), get("E")],
            ["b=c", "x \"y\"", "a\nb\"", "plain # not a comment", ""]
        );
    }

    #[test]
    fn the_mark_that_windows_begins_a_text_with_is_no_part_of_it() {
        assert_eq!(parse_dotenv_strictly("\u{feff}A=1\r\n"), parse_dotenv("A=1\n"));
        assert_eq!(parse_dotenv_strictly("\u{feff}# 'a'\nA=1\n"), parse_dotenv("A=1\n"));
        assert!(parse_dotenv("A=1\n\u{feff}B=2\n").is_err());
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse_dotenv("A=1\nFOO\n").unwrap_err().to_string(), "line 2 of .env is not NAME=value");
        for bad in ["A B=c\n", "1A=x\n", "=x\n", "export A=1\n", "A=\0\n"] {
            assert!(parse_dotenv(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_quote_that_somebody_typed_is_closed_at_the_end_of_its_line() {
        for good in ["A=\"x\"\n", "A='x'\r\n", "A=it's\n", "# A=\"x\n", "A=\"\"\n", "A=\n", "A=x\"y\n"] {
            assert_eq!(parse_dotenv_strictly(good), parse_dotenv(good), "{good:?}");
        }
        for bad in ["A=\"x\n", "A='x\n", "A=\"\n", "A=\"x\" # y\n", "A=\"x\" \n", "A='x\"\n"] {
            let said = parse_dotenv_strictly(&format!("B=1\n{bad}")).unwrap_err().to_string();
            assert_eq!(said, "the quote in line 2 of .env is not closed at its end", "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "(\\PC|[\n\r\"'\\\\ ]){0,40}") {
            let all = Environment::default().with("A", &value);
            prop_assert_eq!(parse_dotenv_strictly(&render_dotenv(&all.0)).unwrap(), all);
        }

        #[test]
        fn any_text_is_read_or_refused_and_what_was_read_is_read_again(text in "((export )?[A-Z]{0,2}=?[\"']?(\\PC|[\r\\\\ #]){0,12}[\"']?\n){0,4}") {
            if let Ok(all) = parse_dotenv(&text) {
                prop_assert_eq!(parse_dotenv(&render_dotenv(&all.0)).unwrap(), all);
            }
        }
    }
}
