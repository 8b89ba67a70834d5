//! The rows of `fixtures/bad_inputs.json` that are this library's: what it must refuse, and what it must take as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dokuen_build::{Choice, Paths, Wanted};
use serde::Deserialize;

use crate::host::{Host, script};

#[derive(Deserialize)]
struct Row {
    id: String,
    entry: String,
    input: serde_yaml::Value,
    expect: String,
    #[serde(default)]
    enc: String,
}

fn rows(entry: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bad_inputs.json");
    let all: Vec<Row> = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let rows: Vec<_> = all.into_iter().filter(|row| row.entry == entry).collect();
    assert!(rows.len() > 5, "{entry} has lost its rows");
    rows
}

impl Row {
    fn bytes(&self) -> Vec<u8> {
        let text = self.input.as_str().unwrap();
        match self.enc.as_str() {
            "b64" => unbase64(text),
            "rep" => repeated(text).into_bytes(),
            _ => text.into(),
        }
    }

    fn accepts(&self) -> bool {
        match self.expect.as_str() {
            "reject" => false,
            "accept-literally" => true,
            other => panic!("{}: {other}", self.id),
        }
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for byte in text.bytes().filter(|b| *b != b'=') {
        bits = bits << 6 | alphabet.iter().position(|b| *b == byte).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// `64*a` is a name of that length; `10000*tN: x` are as many lines.
fn repeated(text: &str) -> String {
    let (count, what) = text.split_once('*').unwrap();
    let count = count.parse().unwrap();
    match what.contains('\n') {
        true => (0..count).map(|n| what.replace('N', &n.to_string())).collect(),
        false => format!("{}: x\n", what.repeat(count)),
    }
}

#[test]
fn buildpack_urls() {
    // A caller may allow paths; then `Store::keep_out` keeps other apps' code out of reach (`fetching.rs`).
    for row in rows("buildpack_url") {
        let bytes = row.bytes();
        let parsed = std::str::from_utf8(&bytes).ok().map(|text| Wanted::parse(text, Paths::Refused));
        assert_eq!(parsed.is_some_and(|url| url.is_ok()), row.accepts(), "{}", row.id);
    }
}

#[test]
fn buildpack_names() {
    let host = Host::new();
    for row in rows("buildpack_name") {
        let before = fs::read_dir(host.root()).unwrap().count();
        assert!(host.store.remove(&String::from_utf8(row.bytes()).unwrap()).is_err() && !row.accepts(), "{}", row.id);
        assert_eq!(fs::read_dir(host.root()).unwrap().count(), before, "{}", row.id);
    }
}

/// Builds an app whose file `name` is the row's input, with a buildpack that adds nothing.
fn builds_with(row: &Row, name: &str) -> Result<BTreeMap<String, String>, String> {
    let host = Host::new();
    let path = host.app().join(name);
    let mut compile = "true".to_owned();
    match row.input.as_str().unwrap() {
        text if text.starts_with("<symlink to ") => {
            std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        }
        text if text.starts_with("<fifo") => compile = format!("mkfifo \"$1/{name}\""),
        "<missing>" => {}
        _ => fs::write(&path, row.bytes()).unwrap(),
    }
    let release = if name == "Procfile" { "" } else { "echo 'default_process_types: {web: x}'" };
    let outcome = host.build_with(&host.pack("null", &compile, release));
    host.assert_clean();
    match &outcome.result {
        Err(_) => Err(outcome.error()),
        Ok(slug) if name == "Procfile" => {
            let procfile = slug.procfile();
            let pairs =
                procfile.types().map(|kind| (kind.to_string(), procfile.command(kind).unwrap_or("").to_owned()));
            Ok(pairs.collect())
        }
        Ok(slug) => Ok(slug.defaults().0.iter().map(|(name, value)| (name.to_string(), value.lossy())).collect()),
    }
}

#[test]
fn procfiles() {
    for row in rows("procfile") {
        // Which of two commands is meant is asked where a person can be told: in the push (`dokuen-cli`).
        if row.id == "PROC-011" {
            continue;
        }
        let built = builds_with(&row, "Procfile");
        assert_eq!(built.is_ok(), row.accepts(), "{}: {built:?}", row.id);
        if let Ok(types) = built {
            let text = String::from_utf8(row.bytes()).unwrap();
            assert!(types.values().all(|command| text.contains(command) && !command.ends_with('\r')), "{}", row.id);
        }
    }
}

#[test]
fn dotenvs() {
    for row in rows("dotenv") {
        let built = builds_with(&row, ".env");
        assert_eq!(built.is_ok(), row.accepts(), "{}: {built:?}", row.id);
        if let Ok(vars) = built {
            let text = String::from_utf8(row.bytes()).unwrap();
            let whole =
                vars.iter().all(|(name, value)| text.contains(&format!("{name}={value}")) && !value.contains('\r'));
            assert!(whole, "{}: {vars:?}", row.id);
        }
    }
}

#[test]
fn releases() {
    for row in rows("release_yaml") {
        let host = Host::new().with("Procfile", "web: x\n");
        let pack = host.pack("own", "true", "");
        match row.input.as_str().unwrap() {
            "<exit 1>" => script(&pack.join("bin/release"), "exit 1"),
            "<prints 1 GB>" => script(&pack.join("bin/release"), "head -c 1000000000 /dev/zero"),
            _ => {
                fs::write(pack.join("text"), row.bytes()).unwrap();
                script(&pack.join("bin/release"), "cat \"$(dirname \"$0\")/../text\"");
            }
        }
        let outcome = host.build(Choice::Named(vec![Wanted::parse(pack.to_str().unwrap(), Paths::Allowed).unwrap()]));
        assert_eq!(outcome.result.is_ok(), row.accepts(), "{}: {:?}", row.id, outcome.result.err());
    }
}
