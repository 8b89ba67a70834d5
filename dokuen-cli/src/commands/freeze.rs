//! `apps:lock`, `apps:unlock`: while an app is locked nobody deploys it, not even by accident.

use dokuen_core::{App, Host, Stamp, Transcript, fs};

use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::topics::apps::LockArgs;

/// More is a story.
const LONGEST: usize = 200;

/// Locks it; once more with another message replaces the message.
pub fn lock(host: &Host, args: &LockArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, args.app.name())?;
    let message = args.message.as_deref().unwrap_or_default();
    if message.len() > LONGEST || message.chars().any(char::is_control) {
        return Err(Failure::usage(format!("the message is one line of at most {LONGEST} bytes")));
    }
    let reason = if message.is_empty() { String::new() } else { format!(": {message}") };
    let text = format!("locked by {} since {} UTC{reason}\n", place::who(), Stamp::now().for_people());
    fs::replace(&app.frozen_file(), text.as_bytes(), fs::PRIVATE_FILE)?;
    out.step(&format!("{} is locked: it is not deployed until apps:unlock", app.name));
    Ok(())
}

/// Unlocks it, whoever has locked it.
pub fn unlock(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    if state(&app)?.is_none() {
        out.fact(&format!("{} is not locked", app.name));
        return Ok(());
    }
    fs::remove(&app.frozen_file())?;
    out.step(&format!("{} can be deployed again", app.name));
    Ok(())
}

/// `locked by anna since ...`, when it is.
pub fn state(app: &App) -> Result<Option<String>, Failure> {
    let bytes = fs::read_if_there(&app.frozen_file())?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned()))
}

/// What stands before every deploy and rollback.
pub fn refuse_if_locked(app: &App) -> Result<(), Failure> {
    let Some(text) = state(app)? else { return Ok(()) };
    let failure = Failure::new(Exit::Busy, format!("{} is {text}", app.name));
    Err(failure.hint(format!("dokuen apps:unlock {}", app.name)))
}
