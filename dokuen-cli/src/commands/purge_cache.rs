//! `builds:purge-cache`: the next push is built, and its build starts with nothing kept.

use dokuen_core::{Host, Transcript, fs};

use crate::exit::Failure;
use crate::printer::Printer;
use crate::{place, slug_again, spare_tree};

/// Empties the cache directory; a build that runs holds the app's lock and is not disturbed.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("purging its cache")?;
    fs::remove_tree(&app.cache())?;
    fs::make_dir(&app.cache(), fs::PRIVATE_DIR)?;
    spare_tree::forget(host, &app)?;
    slug_again::forget(&app)?;
    out.step(&format!("purged the build cache of {}", app.name));
    Ok(())
}
