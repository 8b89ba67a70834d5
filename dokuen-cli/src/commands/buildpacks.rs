//! `buildpacks`, `buildpacks:install`, `buildpacks:uninstall`: what is installed for every app of the machine.

use dokuen_build::{BUILT_IN, BuildpackUrl, Paths};
use dokuen_core::{BuildpackName, Host, Transcript};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::show::Form;
use crate::{build, mason};

/// A buildpack as programs see it.
#[derive(Debug, Serialize)]
struct Pack {
    name: String,
    built_in: bool,
    /// Where an installed one came from.
    url: Option<String>,
    commit: Option<String>,
}

/// Installed ones by name, then the built-in ones in the order they are asked.
pub fn list(host: &Host, form: Form, out: &mut Printer) -> Result<(), Failure> {
    let store = build::store(host);
    let installed = store.list()?;
    if form.is_json() {
        let own = installed.iter().map(|p| Pack {
            name: p.name.to_string(),
            built_in: false,
            url: Some(p.url.clone()),
            commit: p.commit.clone(),
        });
        let others = BUILT_IN.iter().filter(|pack| !installed.iter().any(|own| own.name.as_str() == pack.name));
        let others = others.map(|pack| Pack { name: pack.name.to_owned(), built_in: true, url: None, commit: None });
        out.json(&own.chain(others).collect::<Vec<_>>());
        return Ok(());
    }
    mason::list(&store, out)?;
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

/// Removes one. A build that has copied it already does not need it any more.
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
