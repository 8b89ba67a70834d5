//! `builds:purge-cache`: the next push is built, and its build starts with nothing kept.

use dokuen_core::{Host, Transcript};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::{place, slug_again};

/// Empties the cache directory; a build that runs holds the app's lock and is not disturbed.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("purging its cache")?;
    let emptied = fs_extra::dir::create(app.cache(), true);
    emptied.map_err(|e| Failure::new(Exit::Failed, format!("failed to empty `{}`: {e}", app.cache().display())))?;
    dokuen_core::fs::set_mode(&app.cache(), dokuen_core::fs::PRIVATE_DIR)?;
    slug_again::forget(&app)?;
    out.step(&format!("purged the build cache of {}", app.name));
    Ok(())
}
