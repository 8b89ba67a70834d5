//! How much config vars may hold: a process is given its app's and those of all apps in one piece, and the kernel takes only
//! so much. What is too large already may still be made smaller.

use dokuen_core::{Environment, Host, Layers};

use crate::exit::Failure;

/// Refuses what an app could not be started with.
pub fn check_app(host: &Host, before: &Environment, after: &Environment) -> Result<(), Failure> {
    let global = host.global_env().load()?;
    let whose = if global.0.is_empty() { "" } else { " with those of all apps" };
    refuse(size(&global, before), size(&global, after), whose)
}

/// Refuses config vars of all apps that one of them could not be started with.
pub fn check_all(host: &Host, before: &Environment, after: &Environment) -> Result<(), Failure> {
    refuse(before.size(), after.size(), "")?;
    for app in host.apps()? {
        let own = app.env().load()?;
        refuse(size(before, &own), size(after, &own), &format!(" with those of {}", app.name))?;
    }
    Ok(())
}

/// Of names that both have, the app's counts.
fn size(global: &Environment, app: &Environment) -> usize {
    Layers { global: global.clone(), app: app.clone(), ..Layers::default() }.merged().size()
}

fn refuse(before: usize, after: usize, with: &str) -> Result<(), Failure> {
    let most = Environment::MOST_BYTES;
    if after <= most || after < before {
        return Ok(());
    }
    Err(Failure::usage(format!("the config vars hold {after} bytes together{with}; {most} are allowed")))
}
