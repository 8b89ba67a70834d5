//! Which release somebody means.

use dokuen_core::ledger::{self, Record, Version};
use dokuen_core::{App, shown};

use crate::exit::{Exit, Failure};

/// A number that was typed.
pub fn typed(text: &str) -> Result<Version, Failure> {
    Version::parse(text).ok_or_else(|| Failure::usage(format!("{} is no release number such as v12", shown(text))))
}

/// The one that is live.
pub fn live(app: &App) -> Result<Version, Failure> {
    let live = ledger::live(app)?.ok_or_else(|| none(app, "yet"))?;
    Ok(live.version)
}

/// The one before that.
pub fn before_live(app: &App) -> Result<Version, Failure> {
    let live = ledger::live(app)?.map(|live| live.version);
    let before = ledger::versions(app)?.into_iter().rev().find(|version| Some(*version) < live);
    before.ok_or_else(|| none(app, "before the live one"))
}

/// Its record.
pub fn record(app: &App, version: Version) -> Result<Record, Failure> {
    ledger::record(app, version)?.ok_or_else(|| none(app, &version.to_string()))
}

fn none(app: &App, which: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("{} has no release {which}", app.name))
        .hint(format!("dokuen releases --application={}", app.name))
}
