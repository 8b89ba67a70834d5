//! `version`: which Dokuen this is.

use serde::Serialize;

use crate::printer::Printer;
use crate::show::Form;

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
    os: &'static str,
    architecture: &'static str,
}

/// One line, or the same as JSON.
pub fn run(form: Form, out: &mut Printer) {
    let version = Version {
        name: "dokuen",
        version: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
    };
    if form.is_json() {
        out.json(&version);
    } else {
        out.out(format!("{} {}\n", version.name, version.version).as_bytes());
    }
}
