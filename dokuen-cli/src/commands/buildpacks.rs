//! `buildpacks`, `buildpacks:install`, `buildpacks:uninstall`: what is installed for every app of the machine.

use dokuen_build::{BuildpackUrl, Paths};
use dokuen_core::{BuildpackName, Host, Transcript};

use crate::build;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// A line each, sorted by name.
pub fn list(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let store = build::store(host);
    out.step(&format!("buildpacks ({})", store.dir.display()));
    let installed = store.list()?;
    for pack in &installed {
        out.fact(&format!("{}: {}", pack.name, pack.url));
    }
    if installed.is_empty() {
        out.out(b"  - no buildpacks installed, use buildpacks:install\n");
    }
    Ok(())
}

/// Installs one, or updates the one of the same name.
pub fn install(host: &Host, url: &str, out: &mut Printer) -> Result<(), Failure> {
    let url = BuildpackUrl::parse(url, Paths::Allowed).map_err(|e| Failure::new(Exit::Usage, e))?;
    let installed = build::store(host).install(&url, &build::environment(host), out)?;
    out.step(&format!("installed buildpack {}", installed.name));
    Ok(())
}

/// Removes one; builds that run in it finish first.
pub fn uninstall(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let name = BuildpackName::parse(name)?;
    let store = build::store(host);
    if !store.list()?.iter().any(|pack| pack.name == name) {
        return Err(
            Failure::new(Exit::NotFound, format!("{name} buildpack is not installed")).hint("dokuen buildpacks")
        );
    }
    store.remove(name.as_str())?;
    out.step(&format!("removed buildpack {name}"));
    Ok(())
}
