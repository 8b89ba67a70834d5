//! `config:import` and `config:export`: many config vars at once, to and from other programs.

use std::path::Path;

use dokuen_core::{Environment, Host, fnv1a, fs, parse_dotenv_strictly, render_dotenv, shown};

use super::change::{Running, change, list};
use super::{Store, as_json, given};
use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::topics::config::{ConfigExportArgs, ConfigImportArgs, ExportFormat};

/// Every line must be right, or nothing is set.
pub fn import(host: &Host, args: &ConfigImportArgs, out: &mut Printer) -> Result<(), Failure> {
    let store = Store::of(host, &args.whose)?;
    let given = parse(&read(&args.file)?, &name_of(&args.file))?;
    change(host, &store, Running::unless(args.no_restart), out, |config, _| {
        if args.unless_changed_from.as_ref().is_some_and(|sum| *sum != sum_of(config)) {
            let text = "somebody else has changed the config vars meanwhile; nothing was set";
            return Err(Failure::new(Exit::Busy, text).hint(format!("dokuen config:edit {}", args.whose.word())));
        }
        let changed = given.0.iter().filter(|(name, value)| config.0.get(name) != Some(value)).map(|(name, _)| name);
        let mut what: Vec<String> =
            Some(list(changed)).filter(|l| !l.is_empty()).map(|l| format!("set {l}")).into_iter().collect();
        if args.replace {
            let gone = list(config.0.keys().filter(|name| !given.0.contains_key(name)));
            what.extend(Some(gone).filter(|gone| !gone.is_empty()).map(|gone| format!("unset {gone}")));
            config.0.clear();
        }
        config.0.extend(given.0);
        Ok(what.join(", "))
    })
}

/// The config vars in one of three forms.
pub fn export(host: &Host, args: &ConfigExportArgs, out: &mut Printer) -> Result<(), Failure> {
    let config = Store::of(host, &args.whose)?.load()?;
    match args.format {
        ExportFormat::Dotenv => out.out(as_dotenv(&config)?.as_bytes()),
        ExportFormat::Json => out.json(&as_json(&config)),
        ExportFormat::Shell => out.out(&as_shell(&config, "export ")),
    }
    Ok(())
}

/// The form that `config:import` reads. A value that is no text has none.
pub fn as_dotenv(config: &Environment) -> Result<String, Failure> {
    if let Some((name, _)) = config.0.iter().find(|(_, value)| std::str::from_utf8(value.bytes()).is_err()) {
        let text = format!("the value of {name} is no UTF-8 text, which a .env file cannot hold");
        return Err(Failure::new(Exit::Failed, text).hint("config:export --format=shell, or --format=json"));
    }
    Ok(render_dotenv(&config.0))
}

/// One assignment a line, every byte kept.
pub fn as_shell(config: &Environment, lead: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in &config.0 {
        out.extend(format!("{lead}{name}='").bytes());
        for byte in value.bytes() {
            match byte {
                b'\'' => out.extend(b"'\\''"),
                other => out.push(*other),
            }
        }
        out.extend(b"'\n");
    }
    out
}

/// `NAME=value` lines; an error names the line.
pub fn parse(bytes: &[u8], from: &str) -> Result<Environment, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::usage(format!("{from} is no UTF-8 text")))?;
    parse_dotenv_strictly(text).map_err(|e| {
        let lines = Failure::new(Exit::Usage, e).lines();
        Failure::usage(lines.join(": ").replacen(".env", from, 1)).hint("each line is NAME=VALUE; nothing was set")
    })
}

/// Tells two states of config vars apart.
pub fn sum_of(config: &Environment) -> String {
    format!("{:016x}", fnv1a(&config.to_nul()))
}

/// The same of what `config:export` has written.
pub fn sum_of_dotenv(text: &str) -> Result<String, Failure> {
    Ok(sum_of(&parse(text.as_bytes(), "what the host sent")?))
}

fn name_of(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { shown(&file.to_string_lossy()) }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        return given::all_of_stdin(2 * Environment::MOST_BYTES);
    }
    if place::visitor().is_some() {
        let text = "files are read where you are, not on the host";
        return Err(Failure::usage(text).hint("ssh HOST dokuen config:import -a APP - < FILE"));
    }
    fs::read(file).map_err(place::unreadable)
}
