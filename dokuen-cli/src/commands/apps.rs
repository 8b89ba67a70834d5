//! `apps`: every app by name.

use dokuen_core::Host;

use crate::exit::Failure;
use crate::printer::Printer;

/// One name a line.
pub fn run(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    for app in host.apps()? {
        out.out(format!("{}\n", app.name).as_bytes());
    }
    Ok(())
}
