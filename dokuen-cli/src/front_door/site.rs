//! An app's front door as nginx is to see it, from what lies on disk.

use std::collections::BTreeMap;

use dokuen_core::{App, AppName, Environment, Front, Host, ProcessType, ServerName, fs};
use dokuen_nginx::{ConfPath, Custom, Files, Page, Site, Upstream};
use dokuen_proc::{Listen, Terms};

use super::{certs, files, names, sheets, statics};
use crate::commands::rename::Note;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// The site of an app with this config and so many `web` instances.
pub fn of(host: &Host, app: &App, config: &Environment, instances: usize) -> Result<Site, Failure> {
    let (ours, all) = (app.front(), host.front());
    let (mut aliases, redirects) = names::all(host, app, config)?;
    let settings = sheets::load(&ours)?.over(&sheets::load(&all)?);
    let said = Settings::read(host, config)?;
    let slots = dokuen_core::slots_for(u16::try_from(instances).unwrap_or(u16::MAX));
    let site = Site::new(app.name.clone(), app.domain(&host.conf)?, path(&app.live_route())?);
    Ok(Site {
        former: renamed(host, app, &mut aliases)?,
        aliases,
        redirects,
        slots,
        upstream: upstream(host, config)?,
        certificates: certs::for_nginx(host, app)?,
        protocol: said.protocol,
        https_only: said.https_only,
        maintenance: ours.maintenance_file().exists(),
        files: Files {
            release: Some(path(&statics::root(host, app))?),
            users: users(app, &settings)?,
            pages: pages(app, &all)?,
        },
        custom: custom(&ours, &all)?,
        settings,
        ..site
    })
}

/// By which name nginx may know an app whose rename is not finished. It answers to its old one until it is.
fn renamed(host: &Host, app: &App, aliases: &mut Vec<ServerName>) -> Result<Option<AppName>, Failure> {
    let Some(note) = Note::of(app)? else { return Ok(None) };
    let Some(other) = note.other(host, app) else { return Ok(None) };
    if other.name == note.old {
        aliases.push(other.domain(&host.conf)?.into());
    }
    Ok(Some(other.name))
}

/// Whether nginx talks to the app's `web` processes themselves.
fn upstream(host: &Host, config: &Environment) -> Result<Upstream, Failure> {
    let web = ProcessType::parse("web").expect("a process type of every app");
    let terms = Terms::of(&host.conf, &web, config).map_err(|e| Failure::usage(e.to_string()))?;
    Ok(if terms.listen == Listen::Port { Upstream::Fronts } else { Upstream::Apps })
}

fn path(path: &std::path::Path) -> Result<ConfPath, Failure> {
    ConfPath::new(path).map_err(|e| Failure::new(Exit::HostNotReady, e))
}

fn users(app: &App, settings: &dokuen_nginx::Settings) -> Result<Option<ConfPath>, Failure> {
    let lines: String = settings.family("basic-auth.").map(|(name, hash)| format!("{name}:{hash}\n")).collect();
    if lines.is_empty() { Ok(None) } else { files::placed(app, lines.as_bytes(), "users").map(Some) }
}

fn pages(app: &App, all: &Front) -> Result<BTreeMap<Page, ConfPath>, Failure> {
    let mut pages = BTreeMap::new();
    for page in Page::ALL {
        if let Some(bytes) = sheets::page(&app.front(), all, page)? {
            pages.insert(page, files::placed(app, &bytes, "html")?);
        }
    }
    Ok(pages)
}

/// An admin's own: what is for all apps first, then what is for this one.
fn custom(ours: &Front, all: &Front) -> Result<Custom, Failure> {
    let snippet = |name: &str| -> Result<Vec<String>, Failure> {
        let files = [all, ours].map(|front| front.snippets_dir().join(name));
        files.iter().filter_map(|file| text(file).transpose()).collect()
    };
    let own = text(&ours.template_file())?;
    let template = if own.is_some() { own } else { text(&all.template_file())? };
    Ok(Custom {
        http: snippet("http.conf")?,
        server: snippet("server.conf")?,
        location: snippet("location.conf")?,
        template,
    })
}

fn text(path: &std::path::Path) -> Result<Option<String>, Failure> {
    let Some(bytes) = fs::read_if_there(path)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8 text"));
    Ok(Some(fs::at("read", path, text)?.trim_end().to_owned()))
}
