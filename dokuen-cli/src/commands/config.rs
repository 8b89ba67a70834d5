//! `config`, `config:set`, `config:unset`: the app runs with the new values, or nothing has changed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use dokuen_core::releases;
use dokuen_core::{App, EnvName, EnvValue, Environment, Host, Transcript, ledger, shown};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::AppData;
use crate::topics::config::{ConfigSetArgs, no_word_without_value};
use crate::walk::{self, Next};
use crate::{front_door, place, reconcile, settings};

/// `NAME=value` lines, the values as they are.
pub fn show(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    if args.form.is_json() {
        out.json(&as_json(&app.env().load()?));
        return Ok(());
    }
    for (name, value) in app.env().load()?.0 {
        out.out(&[name.as_str().as_bytes(), b"=", value.bytes(), b"\n"].concat());
    }
    Ok(())
}

/// Names and values; a value that is no text is `{"base64": ...}`.
fn as_json(config: &Environment) -> BTreeMap<&str, Value> {
    let value = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({"base64": crate::keys::base64::encode(bytes)}),
    };
    config.0.iter().map(|(name, bytes)| (name.as_str(), value(bytes.bytes()))).collect()
}

/// Sets all of them or none.
pub fn set(host: &Host, args: &ConfigSetArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let given = given(args)?;
    let _lock = app.lock("changing its config")?;
    let mut config = app.env().load()?;
    let names: Vec<_> = given.iter().map(|(name, _)| name.to_string()).collect();
    config.0.extend(given);
    change(host, &app, config, &format!("set {}", names.join(", ")), out)
}

/// Unsets them; one that is not set is said and changes nothing.
pub fn unset(host: &Host, name: &str, names: &[String], out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let names = names.iter().map(|n| EnvName::parse(n)).collect::<Result<Vec<_>, _>>()?;
    let _lock = app.lock("changing its config")?;
    let mut config = app.env().load()?;
    for name in names.iter().filter(|name| config.0.remove(name).is_none()) {
        out.fact(&format!("{name} is not set"));
    }
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    change(host, &app, config, &format!("unset {}", names.join(", ")), out)
}

fn change(host: &Host, app: &App, config: Environment, what: &str, out: &mut Printer) -> Result<(), Failure> {
    settings::check(host, &config)?;
    front_door::check_names(host, app, &config)?;
    if config == app.env().load()? {
        out.fact("nothing has changed");
        return Ok(());
    }
    let live = reconcile::reconcile(host, app)?;
    match (live, releases::current(app)?) {
        (Some(live), Some(tree)) => {
            let formation = walk::formation_for(&config, &walk::procfile_of(&tree)?)?;
            let commit = ledger::record(app, live.version)?.and_then(|r| r.commit);
            let next = Next { tree, commit, config, formation, what: Some(what.to_owned()), by: place::who() };
            walk::go_live(host, app, next, out)?;
        }
        _ => app.env().become_exactly(&config)?,
    }
    out.step(&format!("{what} for {}", app.name));
    Ok(())
}

fn given(args: &ConfigSetArgs) -> Result<Vec<(EnvName, EnvValue)>, Failure> {
    if !args.nul {
        no_word_without_value(&args.vars)?;
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

/// `NAME=value`, or `NAME=-` for a value on standard input that never was in an argv.
fn pair(word: &OsString) -> Result<(EnvName, EnvValue), Failure> {
    let bytes = word.as_bytes();
    let at = bytes.iter().position(|b| *b == b'=').unwrap_or_default();
    let name = EnvName::parse(&String::from_utf8_lossy(&bytes[..at]))?;
    let value = match &bytes[at + 1..] {
        b"-" => from_stdin(&name)?,
        value => value.to_vec(),
    };
    let value = EnvValue::new(value).ok_or_else(|| too_long(&name))?;
    Ok((name, value))
}

/// `NAME=VALUE` entries, each ended by NUL: how a checkout's `dokuen` sends values, so that they are in no argv and may
/// hold newlines. A value of `-` is just that here.
fn entries(bytes: &[u8]) -> Result<Vec<(EnvName, EnvValue)>, Failure> {
    let torn = || Failure::usage("standard input must hold NAME=VALUE entries, each ended by a NUL byte");
    let body = bytes.strip_suffix(b"\0").ok_or_else(torn)?;
    let entry = |entry: &[u8]| {
        let at = entry.iter().position(|b| *b == b'=').ok_or_else(torn)?;
        let name = EnvName::parse(&String::from_utf8_lossy(&entry[..at]))?;
        let value = EnvValue::new(&entry[at + 1..]).ok_or_else(|| too_long(&name))?;
        Ok((name, value))
    };
    body.split(|b| *b == 0).map(entry).collect()
}

fn all_of_stdin(most: usize) -> Result<Vec<u8>, Failure> {
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

fn too_long(name: &EnvName) -> Failure {
    let name = shown(name.as_str());
    Failure::usage(format!("the value of {name} holds a NUL byte or more than {} bytes", EnvValue::MOST))
}
