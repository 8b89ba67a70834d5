//! What a release no longer runs, since its Procfile lacks the type. Nobody is refused for it: to take `web` away may well
//! be meant. But that an app answers nothing any more is not for its visitors to find out.

use dokuen_core::{App, Host, Procfile, releases};

use super::{Next, formation_for, procfile_of};
use crate::exit::Failure;
use crate::front_door;

/// What is to be said once this is live, a line each.
pub fn said_of(host: &Host, app: &App, next: &Next) -> Result<Vec<String>, Failure> {
    let Some(before) = releases::current(app)?.filter(|before| before.path() != next.tree.path()) else {
        return Ok(Vec::new());
    };
    let procfile = procfile_of(&next.tree)?;
    let ran = formation_for(&app.env().load()?, &procfile_of(&before)?)?;
    let lost: Vec<_> = ran.iter().filter(|(kind, n)| *n > 0 && procfile.command(kind).is_none()).collect();
    let no_web = lost.iter().any(|(kind, _)| kind.is_web());
    let nothing = !lost.is_empty() && next.formation.instances().next().is_none();
    let lines = [no_web.then(|| no_web_at(host, app)).transpose()?, nothing.then(|| nothing_runs(app, &procfile))];
    Ok(lines.into_iter().flatten().collect())
}

fn no_web_at(host: &Host, app: &App) -> Result<String, Failure> {
    Ok(format!("the Procfile has no web any more: nothing answers at {}", front_door::url(host, app)?))
}

fn nothing_runs(app: &App, procfile: &Procfile) -> String {
    // `release` is a type by its form, but has run already.
    let kind = procfile.types().find(|kind| kind.as_str() != "release");
    let start = kind.map(|kind| format!(": dokuen scale --application={} {kind}=1 starts it", app.name));
    format!("nothing of {} runs any more{}", app.name, start.unwrap_or_default())
}
