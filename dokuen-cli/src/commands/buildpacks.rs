//! `buildpacks`, `buildpacks:install`, `buildpacks:uninstall`: what is installed for every app of the machine.

use dokuen_build::{BUILT_IN, BuildpackUrl, Paths};
use dokuen_core::{BuildpackName, Host, Transcript};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::{build, mason};

/// Installed ones by name, then the built-in ones in the order they are asked.
pub fn list(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let store = build::store(host);
    mason::list(&store, out)?;
    let installed = store.list()?;
    out.step("built in, asked after the installed ones");
    for pack in BUILT_IN {
        let replaced = installed.iter().any(|own| own.name.as_str() == pack.name);
        out.fact(&format!("{}: {}{}", pack.name, pack.what, if replaced { " (replaced by your own)" } else { "" }));
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
