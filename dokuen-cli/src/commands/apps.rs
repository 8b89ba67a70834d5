//! `apps`: every app by name, and what is known of each.

use std::collections::BTreeMap;
use std::path::Path;

use dokuen_core::{App, Host, fs, ledger};
use serde::Serialize;

use super::create::{in_shell, remote_url};
use super::freeze;
use crate::archive::killed;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::settings::Settings;
use crate::show::{Form, Table, for_people, left, moment};
use crate::topics::apps::InfoArgs;
use crate::{access, front_door, keys, place};

/// An app as programs see it.
#[derive(Debug, Serialize)]
pub struct Summary {
    name: String,
    /// `running`, `stopped`, `idle` when it is scaled to nothing, or `empty` before the first deploy.
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
    killed::sweep_all(host)?;
    let apps = host.apps()?;
    match visitor {
        Some(user) if !keys::is_admin(host, user)? => {
            let seen = apps.into_iter().map(|app| Ok(access::role(host, &app, user)?.map(|_| app)));
            seen.filter_map(Result::transpose).collect()
        }
        _ => Ok(apps),
    }
}

/// All that is known of one app.
#[derive(Debug, Serialize)]
struct Info {
    #[serde(flatten)]
    summary: Summary,
    domains: Vec<String>,
    commit: Option<String>,
    branch: Option<String>,
    formation: BTreeMap<String, u16>,
    /// `locked by anna since ...`
    locked: Option<String>,
    releases: usize,
    /// Of the trees, the build cache and the logs; of the repository.
    disk_bytes: u64,
    repository_bytes: u64,
}

/// `apps:info`: a line per thing that is known.
pub fn info(host: &Host, args: &InfoArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, args.app.name())?;
    let info = look(host, &app)?;
    if args.form.is_json() {
        out.json(&info);
        return Ok(());
    }
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let formation = info.formation.iter().map(|(kind, count)| format!("{kind}={count}")).collect::<Vec<_>>().join(" ");
    let rows = [
        ("app", info.summary.name),
        ("state", info.summary.state.to_owned()),
        ("url", info.summary.url),
        ("domains", info.domains.join(" ")),
        ("git", info.summary.git),
        ("branch", or_none(info.branch)),
        ("release", or_none(info.summary.release)),
        ("released", or_none(info.summary.released_at.map(|at| for_people(&at)))),
        ("commit", or_none(info.commit)),
        ("processes", if formation.is_empty() { "none".to_owned() } else { formation }),
        ("releases", info.releases.to_string()),
        ("on disk", format!("{} MiB", info.disk_bytes.div_ceil(1024 * 1024))),
        ("repository", format!("{} MiB", info.repository_bytes.div_ceil(1024 * 1024))),
        ("locked", info.locked.unwrap_or_else(|| "no".to_owned())),
    ];
    if args.shell {
        let line = |(name, value): &(&str, String)| format!("{}={}\n", name.replace(' ', "_"), in_shell(value));
        out.out(rows.iter().map(line).collect::<String>().as_bytes());
        return Ok(());
    }
    let mut table = Table::new([left(""), left("")]);
    rows.into_iter().for_each(|(name, value)| table.row([name.to_owned(), value]));
    out.out(table.render(out.look.width, false).as_bytes());
    Ok(())
}

fn look(host: &Host, app: &App) -> Result<Info, Failure> {
    let config = app.env().load()?;
    let live = ledger::live(app)?.map(|live| live.version);
    let record = live.map(|version| ledger::record(app, version)).transpose()?.flatten();
    let names = Settings::read(host, &config)?.domains;
    let branch = fs::read_if_there(&app.branch_file())?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let formation = super::scale::present(app, &config)?;
    // What a build or a process removes while it is counted is not there any more: that is no error.
    let size = |dir: &Path| fs_extra::dir::get_size(dir).unwrap_or(0);
    Ok(Info {
        summary: summary(host, app)?,
        domains: std::iter::once(app.domain(&host.conf)?).chain(names).map(|name| name.to_string()).collect(),
        commit: record.and_then(|record| record.commit),
        branch,
        formation: formation.iter().map(|(kind, count)| (kind.to_string(), count)).collect(),
        locked: freeze::state(app)?,
        releases: ledger::versions(app)?.len(),
        disk_bytes: size(app.dir()),
        repository_bytes: size(app.repo()),
    })
}

fn summary(host: &Host, app: &App) -> Result<Summary, Failure> {
    let live = ledger::live(app)?.map(|live| live.version);
    let record = live.map(|version| ledger::record(app, version)).transpose()?.flatten();
    let state = match live {
        None => "empty",
        Some(_) if app.stopped_file().exists() => "stopped",
        // One app that cannot be read does not hide the others.
        Some(_) if super::scale::is_idle(app).unwrap_or(false) => "idle",
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
