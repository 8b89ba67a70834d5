//! What builds say: of the live release, and of the build that runs.

use std::path::{Path, PathBuf};

use dokuen_core::{App, ledger, releases};

use super::files::Files;
use super::line::Line;
use crate::build_log;
use crate::exit::{Exit, Failure};

/// The build that runs, or the last one, also when nothing came of it.
#[derive(Debug)]
pub struct Running(pub App);

impl Files for Running {
    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        Ok(vec![self.0.build_log()])
    }

    fn line(&self, _: &Path, text: &str) -> Option<Line> {
        Line::parse(text)
    }
}

/// What the build of the live release said; it has one time, that of the release.
pub fn of_live(app: &App) -> Result<Vec<Line>, Failure> {
    let nothing = || Failure::new(Exit::NotFound, format!("{} has no release yet", app.name));
    let (Some(tree), Some(live)) = (releases::current(app)?, ledger::live(app)?) else { return Err(nothing()) };
    let at = ledger::record(app, live.version)?.map(|record| record.at).unwrap_or_default();
    let log = build_log::read(&tree)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&log).lines().map(|text| Line::new(&at, "build", text)).collect())
}
