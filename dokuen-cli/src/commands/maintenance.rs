//! `maintenance`, `maintenance:on`, `maintenance:off`: whether people are let in.

use dokuen_core::{Host, Transcript};

use crate::exit::Failure;
use crate::front_door::{self, Saved};
use crate::place;
use crate::printer::Printer;

/// From now on everybody sees the page.
pub fn on(host: &Host, app: &str, out: &mut Printer) -> Result<(), Failure> {
    switch(host, app, Some(b"on\n"), "is in maintenance", out)
}

/// From now on requests are passed on again.
pub fn off(host: &Host, app: &str, out: &mut Printer) -> Result<(), Failure> {
    switch(host, app, None, "lets people in", out)
}

/// `on` or `off`.
pub fn show(host: &Host, app: &str, out: &mut Printer) -> Result<(), Failure> {
    let is_on = place::app(host, app)?.front().maintenance_file().exists();
    out.out(if is_on { b"on\n" } else { b"off\n" });
    Ok(())
}

fn switch(host: &Host, app: &str, bytes: Option<&[u8]>, what: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, app)?;
    let _lock = app.lock("switching its maintenance")?;
    let saved = Saved::change(&app.front().maintenance_file(), bytes)?;
    front_door::refresh(host, &app, out)?;
    saved.keep();
    out.step(&format!("{} {what}", app.name));
    Ok(())
}
