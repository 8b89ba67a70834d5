//! All that is small of an app, as it is at one moment: taken under the app's lock.

use std::fs::File;

use dokuen_core::ledger::{self, Record, Version};
use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, Environment, Host, Stamp, fs};
use dokuen_nginx::Page;

use super::manifest::Manifest;
use super::{FORMAT, repository};
use crate::commands::certs_auto;
use crate::exit::Failure;
use crate::front_door::{certs, names, sheets};
use crate::notify::Webhooks;
use crate::topics::apps::ExportArgs;

/// An app at one moment.
pub struct Snapshot {
    pub manifest: Manifest,
    pub config: Environment,
    /// Of each release.
    pub configs: Vec<(Version, Environment)>,
    pub certificate: Option<Vec<u8>>,
    /// By the names of their files.
    pub pages: Vec<(String, Vec<u8>)>,
    pub bundle: Option<File>,
}

impl Snapshot {
    /// The app's lock must be held, and the app be reconciled.
    pub fn take(host: &Host, app: &App, args: &ExportArgs) -> Result<Self, Failure> {
        let live = ledger::live(app)?;
        let commit = live.map(|live| ledger::record(app, live.version)).transpose()?.flatten().and_then(|r| r.commit);
        let history = if args.releases { History::of(app)? } else { History::default() };
        let front = app.front();
        let manifest = Manifest {
            format: FORMAT,
            dokuen: env!("CARGO_PKG_VERSION").to_owned(),
            at: Stamp::now().for_people(),
            app: app.name.to_string(),
            dir: app.dir().to_owned(),
            branch: fs::read_if_there(&app.branch_file())?.map(|b| String::from_utf8_lossy(&b).trim().to_owned()),
            commit,
            filled: app.filled_file().exists(),
            maintenance: front.maintenance_file().exists(),
            domains: names::given(app)?.iter().map(ToString::to_string).collect(),
            settings: sheets::load(&front)?.given().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            webhooks: Webhooks::of_app(app).all()?.into_iter().map(|(_, webhook)| webhook).collect(),
            auto: certs_auto::load(&front)?,
            storage: app.storage().names()?.iter().map(ToString::to_string).collect(),
            live: live.filter(|_| args.releases).map(|live| live.version),
            releases: history.records,
            trees: history.trees,
            previous: history.previous,
        };
        Ok(Self {
            manifest,
            config: app.env().load()?,
            configs: history.configs,
            certificate: certs::pem(&front)?,
            pages: pages(app)?,
            bundle: repository::bundle(host, app)?,
        })
    }
}

#[derive(Default)]
struct History {
    records: Vec<Record>,
    configs: Vec<(Version, Environment)>,
    trees: Vec<String>,
    previous: Option<String>,
}

impl History {
    fn of(app: &App) -> Result<Self, Failure> {
        let mut history = Self::default();
        for version in ledger::versions(app)? {
            history.records.extend(ledger::record(app, version)?);
            history.configs.push((version, ledger::config(app, version)?.unwrap_or_default()));
        }
        let known = |name: &String| history.records.iter().any(|record| record.tree == *name);
        history.trees = releases::all(app)?.iter().map(Tree::name).filter(known).collect();
        history.previous = releases::previous(app)?.map(|tree| tree.name()).filter(|t| history.trees.contains(t));
        Ok(history)
    }
}

fn pages(app: &App) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut pages = Vec::new();
    for page in Page::ALL {
        let name = format!("{}.html", page.name());
        pages.extend(fs::read_if_there(&app.front().pages_dir().join(&name))?.map(|bytes| (name, bytes)));
    }
    Ok(pages)
}
