//! `apps`: every app by name, and what is known of each.

use dokuen_core::{App, Host, ledger};
use serde::Serialize;

use crate::commands::create::remote_url;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::{Form, moment};
use crate::{access, front_door, keys, place};

/// An app as programs see it.
#[derive(Debug, Serialize)]
pub struct Summary {
    name: String,
    /// `running`, `stopped`, or `empty` before the first deploy.
    state: &'static str,
    release: Option<String>,
    released_at: Option<String>,
    url: String,
    git: String,
}

/// One name a line. A visitor sees the apps they have a role in, an admin all.
pub fn list(host: &Host, form: Form, out: &mut Printer) -> Result<(), Failure> {
    let apps = visible(host)?;
    if !form.is_json() {
        let names: String = apps.iter().map(|app| format!("{}\n", app.name)).collect();
        out.out(names.as_bytes());
        return Ok(());
    }
    let all = apps.iter().map(|app| summary(host, app)).collect::<Result<Vec<_>, _>>()?;
    out.json(&all);
    Ok(())
}

/// The apps that whoever is at work may see.
pub fn visible(host: &Host) -> Result<Vec<App>, Failure> {
    let visitor = place::visitor().map(|visitor| &visitor.user);
    let apps = host.apps()?;
    match visitor {
        Some(user) if !keys::is_admin(host, user)? => {
            let seen = apps.into_iter().map(|app| Ok(access::role(host, &app, user)?.map(|_| app)));
            seen.filter_map(Result::transpose).collect()
        }
        _ => Ok(apps),
    }
}

fn summary(host: &Host, app: &App) -> Result<Summary, Failure> {
    let live = ledger::live(app)?.map(|live| live.version);
    let record = live.map(|version| ledger::record(app, version)).transpose()?.flatten();
    let state = match live {
        None => "empty",
        Some(_) if app.stopped_file().exists() => "stopped",
        Some(_) => "running",
    };
    Ok(Summary {
        name: app.name.to_string(),
        state,
        release: live.map(|version| version.to_string()),
        released_at: record.map(|record| moment(&record.at)),
        url: front_door::url(host, app)?,
        git: remote_url(host, app),
    })
}
