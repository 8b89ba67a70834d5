//! `config` and its family: the app runs with the new values, or nothing has changed.

mod change;
mod edit;
pub mod given;
mod transfer;

pub use change::{set, unset};
pub use edit::{edit, edited_by_hand};
pub use transfer::{export, import, sum_of_dotenv};

use std::collections::BTreeMap;

use dokuen_core::{App, EnvName, EnvStore, Environment, Host};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::topics::config::{ConfigGetArgs, ConfigShowArgs, Whose};

/// An app's own config vars, or those of the host.
pub enum Store {
    /// One app's.
    App(App),
    /// Every app's.
    Global(EnvStore),
}

impl Store {
    /// The one that was named.
    pub fn of(host: &Host, whose: &Whose) -> Result<Self, Failure> {
        match &whose.application {
            Some(name) => Ok(Self::App(place::app(host, name)?)),
            None => Ok(Self::Global(host.global_env())),
        }
    }

    /// What is in it.
    pub fn load(&self) -> Result<Environment, Failure> {
        Ok(match self {
            Self::App(app) => app.env().load()?,
            Self::Global(store) => store.load()?,
        })
    }
}

/// `NAME=value` lines, the values as they are.
pub fn show(host: &Host, args: &ConfigShowArgs, out: &mut Printer) -> Result<(), Failure> {
    let config = Store::of(host, &args.whose)?.load()?;
    if args.form.is_json() {
        out.json(&as_json(&config));
        return Ok(());
    }
    if args.shell {
        out.out(&transfer::as_shell(&config, ""));
        return Ok(());
    }
    for (name, value) in config.0 {
        out.out(&[name.as_str().as_bytes(), b"=", value.bytes(), b"\n"].concat());
    }
    Ok(())
}

/// Values, one after the other, each with an end of line. One that is not set is an error, and then nothing is shown.
pub fn get(host: &Host, args: &ConfigGetArgs, out: &mut Printer) -> Result<(), Failure> {
    let mut config = Store::of(host, &args.whose)?.load()?;
    let names = args.names.iter().map(|name| EnvName::parse(name)).collect::<Result<Vec<_>, _>>()?;
    if let Some(name) = names.iter().find(|name| !config.0.contains_key(name)) {
        let hint = format!("dokuen config {}", args.whose.word());
        return Err(Failure::new(Exit::Failed, format!("{name} is not set")).hint(hint));
    }
    if args.form.is_json() || args.shell {
        config.0.retain(|name, _| names.contains(name));
        match args.shell {
            true => out.out(&transfer::as_shell(&config, "")),
            false => out.json(&as_json(&config)),
        }
        return Ok(());
    }
    for value in names.iter().filter_map(|name| config.0.get(name)) {
        out.out(&[value.bytes(), b"\n"].concat());
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
