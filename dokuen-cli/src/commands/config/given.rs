//! Config vars as they are given: in words, on standard input, in a file.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use dokuen_core::{EnvName, EnvValue, Environment, fs, shown};

use crate::exit::{Exit, Failure};
use crate::place;
use crate::topics::config::{ConfigSetArgs, no_word_without_value};

/// Where the value of `NAME=...` comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// It stands there.
    Here(&'a [u8]),
    /// `NAME=-`.
    Stdin,
    /// `NAME=@FILE`.
    File(PathBuf),
}

impl<'a> Source<'a> {
    /// Of what stands behind the `=`. `@@x` is the value `@x`.
    pub fn of(value: &'a [u8]) -> Self {
        match value {
            b"-" => Self::Stdin,
            [b'@', b'@', ..] => Self::Here(&value[1..]),
            [b'@', path @ ..] => Self::File(OsString::from_vec(path.to_vec()).into()),
            here => Self::Here(here),
        }
    }

    /// The value. Whoever reads a file reads it with their own rights: never call this for a visitor's file.
    pub fn read(self, name: &EnvName) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Here(bytes) => Ok(bytes.to_vec()),
            Self::Stdin => from_stdin(name),
            Self::File(path) => from_file(&path, name),
        }
    }
}

/// The words of a `config:set`.
pub fn read(args: &ConfigSetArgs) -> Result<Vec<(EnvName, EnvValue)>, Failure> {
    if !args.nul {
        no_word_without_value(&args.vars)?;
        one_from_stdin(&args.vars)?;
        return args.vars.iter().map(pair).collect();
    }
    let entries = entries(&all_of_stdin(Environment::MOST_BYTES)?)?;
    // The names are what the record of events holds: it must be these.
    let named =
        entries.iter().map(|(name, _)| name.as_str()).eq(args.vars.iter().map(|word| word.to_str().unwrap_or("")));
    if named {
        Ok(entries)
    } else {
        Err(Failure::usage("the words must be the names on standard input, in their order"))
    }
}

/// Standard input is one value; a second one would be empty, and nobody would be told.
pub fn one_from_stdin(vars: &[OsString]) -> Result<(), Failure> {
    let stdin = |var: &&OsString| split(var.as_bytes()).is_some_and(|(_, value)| value == b"-");
    match vars.iter().filter(stdin).count() {
        0 | 1 => Ok(()),
        _ => Err(Failure::usage("only one value can come from standard input")),
    }
}

/// Name and value at the first `=`.
pub fn split(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = word.iter().position(|b| *b == b'=')?;
    Some((&word[..at], &word[at + 1..]))
}

fn pair(word: &OsString) -> Result<(EnvName, EnvValue), Failure> {
    let (name, value) = split(word.as_bytes()).unwrap_or_default();
    let name = EnvName::parse(&String::from_utf8_lossy(name))?;
    let source = Source::of(value);
    if matches!(source, Source::File(_)) && place::visitor().is_some() {
        let text = format!("the value of {name}: files are read where you are, not on the host");
        return Err(
            Failure::usage(text).hint(format!("{name}=- takes it from standard input, {name}=@@... begins with an @"))
        );
    }
    let value = EnvValue::new(source.read(&name)?).ok_or_else(|| too_long(&name))?;
    Ok((name, value))
}

/// `NAME=VALUE` entries, each ended by NUL: how a checkout's `dokuen` sends values, so that they are in no argv and may
/// hold newlines. A value of `-` is just that here.
fn entries(bytes: &[u8]) -> Result<Vec<(EnvName, EnvValue)>, Failure> {
    let torn = || Failure::usage("standard input must hold NAME=VALUE entries, each ended by a NUL byte");
    let body = bytes.strip_suffix(b"\0").ok_or_else(torn)?;
    let entry = |entry: &[u8]| {
        let (name, value) = split(entry).ok_or_else(torn)?;
        let name = EnvName::parse(&String::from_utf8_lossy(name))?;
        let value = EnvValue::new(value).ok_or_else(|| too_long(&name))?;
        Ok((name, value))
    };
    body.split(|b| *b == 0).map(entry).collect()
}

/// Standard input, all of it, when it is no more than that.
pub fn all_of_stdin(most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read standard input: {e}")))?;
    if bytes.len() > most { Err(Failure::usage(format!("standard input: only {most} bytes"))) } else { Ok(bytes) }
}

fn from_stdin(name: &EnvName) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(EnvValue::MOST as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read {name} from standard input: {e}")))?;
    Ok(bytes)
}

/// Standard input may be a file too, and a pipe is one (`<(command)`), so this reads whatever there is.
fn from_file(path: &Path, name: &EnvName) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let opened = fs::open(path).map_err(|e| {
        let failure = place::unreadable(e);
        let hint = || format!("a value that begins with an @ is written {name}=@@...");
        Failure { hint: failure.hint.clone().or_else(|| Some(hint())), ..failure }
    })?;
    fs::at("read", path, opened.take(EnvValue::MOST as u64 + 1).read_to_end(&mut bytes))?;
    Ok(bytes)
}

fn too_long(name: &EnvName) -> Failure {
    let name = shown(name.as_str());
    Failure::usage(format!("the value of {name} holds a NUL byte or more than {} bytes", EnvValue::MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_says_where_it_comes_from() {
        for (value, source) in [
            (&b"x"[..], Source::Here(b"x")),
            (b"", Source::Here(b"")),
            (b"-", Source::Stdin),
            (b"--", Source::Here(b"--")),
            (b"@/a b", Source::File("/a b".into())),
            (b"@@me", Source::Here(b"@me")),
            (b"a@b", Source::Here(b"a@b")),
        ] {
            assert_eq!(Source::of(value), source);
        }
    }
}
