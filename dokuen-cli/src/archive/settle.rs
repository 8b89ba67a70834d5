//! All has come: it is checked as if it were typed here, and written where it belongs.

use dokuen_core::ledger::{self, Live};
use dokuen_core::releases::{self, Tree};
use dokuen_core::{Environment, Host, Transcript, fs};
use dokuen_nginx::Settings;

use super::manifest::refused;
use super::receive::Coming;
use super::repository;
use crate::exit::{Exit, Failure};
use crate::front_door::acme::{self, Auto};
use crate::front_door::names::{self, Name};
use crate::front_door::{certs, sheets};
use crate::notify::Webhooks;
use crate::printer::Printer;
use crate::topics::apps::ImportArgs;
use crate::{commands, config_size, git, keys, place, settings};

/// A generation of which no instance is.
const NO_GENERATION: u32 = 0;

/// Everything but its processes.
pub fn settle(host: &Host, args: &ImportArgs, coming: &mut Coming, out: &mut Printer) -> Result<(), Failure> {
    let mut config = coming.config.take().ok_or_else(|| refused("its config vars are missing"))?;
    if args.no_domains {
        config.0.retain(|name, _| name.as_str() != "ADDITIONAL_DOMAINS");
    }
    settings::check(host, &config)?;
    config_size::check_app(host, &Environment::default(), &config)?;
    settle_repository(host, coming, out)?;
    settle_names(host, args, coming, &config)?;
    coming.app.env().become_exactly(&config)?;
    settle_front(coming)?;
    if !args.no_domains {
        settle_certificate(host, coming, out)?;
    }
    let app = &coming.app;
    if coming.manifest.filled {
        fs::replace(&app.filled_file(), b"", fs::PRIVATE_FILE)?;
    }
    let webhooks = Webhooks::of_app(app);
    coming.manifest.webhooks.iter().try_for_each(|webhook| webhooks.add(webhook).map(drop))?;
    settle_releases(coming)
}

fn settle_repository(host: &Host, coming: &Coming, out: &mut Printer) -> Result<(), Failure> {
    let app = &coming.app;
    match &coming.bundle {
        Some(_) if host.conf.gitolite => {
            // Its rules say who may write which branch.
            out.fact("the repository is Gitolite's: push to it yourself");
        }
        Some(bundle) => {
            repository::unbundle(host, app, bundle)?;
            fs::remove(bundle)?;
        }
        None => {}
    }
    match &coming.manifest.branch {
        Some(branch) => {
            git::point_head(host, app.repo(), branch)?;
            Ok(fs::replace(&app.branch_file(), branch.as_bytes(), fs::PRIVATE_FILE)?)
        }
        None => Ok(()),
    }
}

/// Names are given out under one lock, as by `domains:add`, and by its rules.
fn settle_names(host: &Host, args: &ImportArgs, coming: &Coming, config: &Environment) -> Result<(), Failure> {
    let app = &coming.app;
    let given = if args.no_domains { Vec::new() } else { coming.manifest.names()? };
    if given.len() > names::MOST {
        return Err(refused(format!("{} names; an app may have {}", given.len(), names::MOST)));
    }
    may_have(host, &given)?;
    let _names = names::lock(host)?;
    let or_without = |failure: Failure| failure.hint("--no-domains leaves its names and its certificate behind");
    names::check(host, app, &given.iter().map(|name| name.name.clone()).collect::<Vec<_>>()).map_err(or_without)?;
    names::check_config(host, app, config).map_err(or_without)?;
    if given.is_empty() {
        return Ok(());
    }
    let file = app.front().domains_file();
    fs::make_dirs(app.front().dir(), fs::PRIVATE_DIR)?;
    Ok(fs::replace(&file, &names::to_file(&given), fs::PRIVATE_FILE)?)
}

/// All names below one are more than an app's own people can promise to be theirs.
fn may_have(host: &Host, given: &[Name]) -> Result<(), Failure> {
    let (Some(visitor), Some(wildcard)) = (place::visitor(), given.iter().find(|name| name.name.is_wildcard())) else {
        return Ok(());
    };
    if keys::is_admin(host, &visitor.user)? {
        return Ok(());
    }
    let text = format!("only an admin may give an app all names below one: {}", wildcard.name);
    Err(Failure::new(Exit::Denied, text).hint("--no-domains leaves its names and its certificate behind"))
}

fn settle_front(coming: &Coming) -> Result<(), Failure> {
    let front = coming.app.front();
    let mut sheet = Settings::default();
    for (name, value) in &coming.manifest.settings {
        sheet.set(name, value)?;
    }
    fs::make_dirs(front.dir(), fs::PRIVATE_DIR)?;
    if !coming.manifest.settings.is_empty() {
        fs::replace(&front.settings_file(), &sheets::to_file(&sheet), fs::PRIVATE_FILE)?;
    }
    for (page, bytes) in &coming.pages {
        fs::make_dirs(&front.pages_dir(), fs::PRIVATE_DIR)?;
        fs::replace(&front.pages_dir().join(format!("{}.html", page.name())), bytes, fs::PRIVATE_FILE)?;
    }
    match coming.manifest.maintenance {
        true => Ok(fs::replace(&front.maintenance_file(), b"", fs::PRIVATE_FILE)?),
        false => Ok(()),
    }
}

/// One that is over, or that nginx has no use for here, is left behind and said; the app comes all the same.
fn settle_certificate(host: &Host, coming: &Coming, out: &mut Printer) -> Result<(), Failure> {
    let front = coming.app.front();
    if let Some(pem) = &coming.certificate {
        if host.conf.listen_https.is_none() {
            out.problem("its certificate is left behind: nginx listens nowhere for https here");
        } else {
            match acme::check(host, pem) {
                Ok(checked) => certs::file(&front, &checked)?.keep(),
                Err(failure) => out.problem(&format!("its certificate is left behind: {failure}")),
            }
        }
    }
    match &coming.manifest.auto {
        Some(Auto { hook: None, root: None, .. }) if host.conf.listen_https.is_some() => {
            let auto = coming.manifest.auto.clone().map(|auto| Auto { failed: None, ..auto });
            auto.map_or(Ok(()), |auto| commands::certs_auto::save(&front, &auto))
        }
        Some(_) => {
            let app = &coming.app.name;
            out.problem("its certificate is not renewed by itself any more: that needs files of the machine it was on");
            out.fact(&format!("dokuen certs:auto --application={app} has it renewed here"));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Trees are whole from here on, the ledger has their numbers, and one of them is what is live.
fn settle_releases(coming: &mut Coming) -> Result<(), Failure> {
    let app = &coming.app;
    let has_moved = coming.manifest.dir != app.dir();
    let mut trees: Vec<Tree> = Vec::new();
    for unfinished in std::mem::take(&mut coming.trees) {
        if has_moved {
            // A slug is taken again where it was built, and only there.
            fs::remove(&unfinished.path().join(super::OWN).join("slug"))?;
        }
        trees.push(unfinished.complete()?);
    }
    for record in &coming.manifest.releases {
        let missing = || refused(format!("the config vars of {} are missing", record.version));
        let config = coming.configs.get(&record.version).ok_or_else(missing)?;
        ledger::write(app, record, config)?.file()?;
    }
    let Some(live) = coming.manifest.live else { return Ok(()) };
    let tree = coming.manifest.releases.iter().find(|record| record.version == live).map(|record| &record.tree);
    for name in [coming.manifest.previous.as_ref(), tree].into_iter().flatten() {
        let tree = trees.iter().find(|tree| tree.name() == *name);
        releases::promote(app, tree.ok_or_else(|| refused(format!("the tree {name} is missing")))?)?;
    }
    Ok(ledger::set_live(app, Live { version: live, generation: NO_GENERATION })?)
}
