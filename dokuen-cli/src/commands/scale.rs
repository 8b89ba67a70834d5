//! `scale`: how many processes of each type; what is not named stays as it is.

use std::collections::BTreeMap;

use dokuen_core::{App, Environment, Formation, Host, Transcript, releases};

use super::shutdown;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;
use crate::topics::processes::ScaleArgs;
use crate::{place, reconcile, walk};

/// Shows the scale, or changes it: new processes are ready before it is kept, surplus ones drain after.
pub fn run(host: &Host, args: &ScaleArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    if args.items.is_empty() {
        return show(&app, args.form, out);
    }
    let _lock = app.lock("scaling")?;
    let live = reconcile::reconcile(host, &app)?;
    let config = app.env().load()?;
    let mut wanted = present(&app, &config)?;
    for item in &args.items {
        wanted = wanted.changed_by(item)?;
    }
    if let Some(tree) = releases::current(&app)? {
        wanted = wanted.checked_against(&walk::procfile_of(&tree)?)?;
    }
    if live.is_some() {
        walk::scale(host, &app, &wanted, &place::who(), out)?;
    } else {
        let (name, value) = walk::scale_var(&wanted)?;
        app.env().set(&name, &value)?;
    }
    out.step(&format!("scaled {} to {wanted}", app.name));
    shutdown::say_if_shut_down(&app, out);
    Ok(())
}

fn show(app: &App, form: Form, out: &mut Printer) -> Result<(), Failure> {
    let present = present(app, &app.env().load()?)?;
    if form.is_json() {
        out.json(&present.iter().map(|(kind, count)| (kind.to_string(), count)).collect::<BTreeMap<_, _>>());
        return Ok(());
    }
    for (kind, count) in present.iter() {
        out.out(format!("{kind}={count}\n").as_bytes());
    }
    Ok(())
}

/// What is asked for now; before the first deploy a fresh app is taken to have a `web`.
pub fn present(app: &App, config: &Environment) -> Result<Formation, Failure> {
    match releases::current(app)? {
        Some(tree) => walk::formation_for(config, &walk::procfile_of(&tree)?),
        None => Ok(Formation::parse(config.text("DOKUEN_SCALE").unwrap_or("web=1"))?),
    }
}

/// Whether of an app with a release nothing is to run.
pub fn is_idle(app: &App) -> Result<bool, Failure> {
    Ok(releases::current(app)?.is_some() && present(app, &app.env().load()?)?.instances().next().is_none())
}
