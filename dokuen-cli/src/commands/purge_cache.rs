//! `builds:purge-cache`: the next push is built, and its build starts with nothing kept.

use dokuen_core::{App, Host, Transcript, fs};

use crate::exit::Failure;
use crate::printer::Printer;
use crate::{place, prune, slug_again, spare_tree};

/// Empties the cache directory; a build that runs holds the app's lock and is not disturbed.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    let _lock = app.lock("purging its cache")?;
    clear(host, &app)?;
    spare_tree::forget(host, &app)?;
    slug_again::forget(&app)?;
    out.step(&format!("purged the build cache of {}", app.name));
    Ok(())
}

/// Out of the way first: whoever makes copies in it for the next build, without the lock, makes them in none then.
fn clear(host: &Host, app: &App) -> Result<(), Failure> {
    let aside = prune::rubbish(host, &format!("cache-{}-{}", app.name, std::process::id()));
    match fs::rename(&app.cache(), &aside) {
        Err(e) if !e.is_not_found() || app.cache().exists() => return Err(e.into()),
        _ => fs::make_dir(&app.cache(), fs::PRIVATE_DIR)?,
    }
    Ok(fs::remove_tree(&aside)?)
}
