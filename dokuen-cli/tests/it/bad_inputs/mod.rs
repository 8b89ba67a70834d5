//! The project's list of bad inputs, `fixtures/bad_inputs.json`; `DOKUEN_BAD_INPUTS` names another file of that form.
//!
//! `reject`: an exit status, one line that shows the input escaped, in two seconds, and nothing has changed.
//! `accept-literally`: byte for byte where it belongs. Where a row cannot be as it says, the test says why.

mod conf;
mod names;
mod running;
mod trees;
mod values;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::host::{Host, Options, fixtures};
use crate::outcome::{Outcome, run};
use crate::snapshot::Snapshot;

struct Row {
    id: String,
    words: Vec<Vec<u8>>,
    accept: bool,
}

/// The rows of one entry; `except` are those that the test treats by themselves.
fn rows(entry: &str, except: &[&str]) -> Vec<Row> {
    let path = std::env::var_os("DOKUEN_BAD_INPUTS").map_or_else(|| fixtures().join("bad_inputs.json"), PathBuf::from);
    let all: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let of_entry = all.as_array().unwrap().iter().filter(|row| row["entry"] == entry);
    let rows: Vec<_> = of_entry.map(row).filter(|row| !except.contains(&row.id.as_str())).collect();
    assert!(!rows.is_empty(), "no rows for {entry}");
    rows
}

fn row(row: &Value) -> Row {
    let words = match &row["input"] {
        Value::Array(words) => words.iter().map(|w| w.as_str().unwrap().as_bytes().to_vec()).collect(),
        one => vec![decoded(one.as_str().unwrap(), row["enc"].as_str())],
    };
    Row { id: row["id"].as_str().unwrap().to_owned(), words, accept: row["expect"] == "accept-literally" }
}

fn decoded(text: &str, how: Option<&str>) -> Vec<u8> {
    match how {
        None => text.as_bytes().to_vec(),
        Some("rep") => {
            let (count, piece) = text.split_once('*').unwrap();
            // `N` in a piece is its number, so that no two are alike.
            let numbered =
                |n: usize| if piece.contains('N') { piece.replace('N', &n.to_string()) } else { piece.to_owned() };
            (0..count.parse().unwrap()).map(numbered).collect::<String>().into_bytes()
        }
        Some("b64") => base64(text),
        Some(other) => panic!("unknown encoding {other}"),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|b| alphabet.iter().position(|a| *a == b));
    let (mut out, mut have, mut bits) = (Vec::new(), 0u32, 0);
    for digit in digits {
        (have, bits) = (have << 6 | digit as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((have >> bits) as u8);
        }
    }
    out
}

impl Row {
    fn bytes(&self) -> &[u8] {
        &self.words[0]
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn os(&self, before: &str) -> OsString {
        OsString::from_vec([before.as_bytes(), self.bytes()].concat())
    }

    fn bytes_os(&self) -> OsString {
        self.os("")
    }

    /// A NUL cannot stand in an argv at all, and Linux takes no longer word than 128 KiB.
    fn fits_an_argv(&self) -> bool {
        !self.bytes().contains(&0) && self.bytes().len() < 131_000
    }
}

/// What is wrong with a table's rows, collected so that one failure does not hide the others.
#[derive(Default)]
struct Wrong {
    rows: Vec<String>,
    /// The state that nothing has changed since, as far as is known.
    before: Option<Snapshot>,
}

impl Wrong {
    fn note(&mut self, row: &Row, what: impl std::fmt::Display) {
        self.rows.push(format!("{} {:.200?}: {what}", row.id, row.text()));
    }

    /// Everything that a rejection must be.
    fn unless_rejected(&mut self, row: &Row, host: &Host, within: Duration, deliver: impl FnOnce() -> Outcome) {
        let before = self.before.take().unwrap_or_else(|| host.snapshot());
        let outcome = deliver();
        let first = outcome.err.lines().find(|l| l.contains("  ! ") || l.starts_with("error:")).unwrap_or_default();
        if outcome.code == 0 {
            self.note(row, format!("was accepted\n{outcome}"));
        } else if outcome.took > within {
            self.note(row, format!("took {:?}", outcome.took));
        } else if first.is_empty() || outcome.err.contains("panicked") {
            self.note(row, format!("says no word\n{outcome}"));
        } else if first.chars().any(|c| c.is_control() || c == '\u{202e}') || first.len() > 600 {
            self.note(row, format!("is shown raw: {first:?}"));
        }
        match before.changes_in(host.dir()) {
            changes if changes.is_empty() => self.before = Some(before),
            changes => self.note(row, format!("has changed on the disk:\n{}", changes.join("\n"))),
        }
        if fs::read_dir("/tmp").unwrap().any(|e| e.unwrap().file_name().to_string_lossy().starts_with("PWN")) {
            self.note(row, "was run");
        }
    }

    /// For rows that are accepted: the state is another one from then on.
    fn unless(&mut self, row: &Row, so: bool, what: impl std::fmt::Display) {
        self.before = None;
        if !so {
            self.note(row, what);
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.rows.is_empty(), "{} rows:\n{}", self.rows.len(), self.rows.join("\n"));
    }
}

const SOON: Duration = Duration::from_secs(2);
/// A push also runs git, and a build.
const BY_PUSH: Duration = Duration::from_secs(20);

fn host() -> Host {
    Host::with(Options { base: "dokuen", ..Options::default() })
}

fn live(host: &Host) -> App {
    let app = host.app("app", "types");
    app.push().ok();
    app
}

/// `dokuen WORDS...`, of which some are no text.
fn dokuen(host: &Host, words: &[OsString], input: &[u8]) -> Outcome {
    run(host.command(host.program()).args(words), input, None)
}

fn words(fixed: &[&str], last: OsString) -> Vec<OsString> {
    fixed.iter().map(OsString::from).chain([last]).collect()
}

#[test]
fn the_table_can_decode_itself() {
    assert_eq!(base64("QQBC"), b"A\0B");
    assert_eq!(base64("Y29uZmlnX3ZhcnM6IHtBOiD/fQo="), b"config_vars: {A: \xff}\n");
    assert_eq!(decoded("3*tN: x\n", Some("rep")), b"t0: x\nt1: x\nt2: x\n");
    assert_eq!(decoded("3*ab", Some("rep")), b"ababab");
}
