//! What a killed import has left is no app: whoever comes next removes it.

use dokuen_core::{App, Host, Lock, LockError, Silent};

use crate::commands::destroy;
use crate::exit::Failure;

/// Whether this app was one of those; then there is none of this name any more. The lock of all apps must not be held.
pub fn sweep(host: &Host, app: &App) -> Result<bool, Failure> {
    if !app.importing_file().exists() {
        return Ok(false);
    }
    let _names = Lock::take(&host.apps_lock(), "removing what a killed import has left")?;
    if !app.importing_file().exists() {
        return Ok(false);
    }
    let _lock = match app.lock("removing what a killed import has left") {
        // It is under way.
        Err(LockError::Busy { .. }) => return Ok(false),
        other => other?,
    };
    destroy::remove(host, app, &mut Silent)?;
    Ok(true)
}

/// All of them, where apps are listed or started.
pub fn sweep_all(host: &Host) -> Result<(), Failure> {
    host.apps()?.iter().try_for_each(|app| sweep(host, app).map(drop))
}
