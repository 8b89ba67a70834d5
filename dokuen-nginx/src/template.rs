//! Templates of the four files; nothing but checked values reaches them.

use std::sync::LazyLock;

use handlebars::Handlebars;
use serde::Serialize;

use crate::conf_path::ConfPath;
use crate::error::NginxError;
use crate::listen::Listen;
use crate::own::Account;
use crate::seal::seal;
use crate::site::{Log, Site};

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.register_escape_fn(handlebars::no_escape);
    for (name, text) in [
        ("vhost", include_str!("templates/vhost.hbs")),
        ("default", include_str!("templates/default.hbs")),
        ("main", include_str!("templates/main.hbs")),
        ("signal", include_str!("templates/signal.hbs")),
    ] {
        templates.register_template_string(name, text).expect("the templates are part of the program and tested");
    }
    templates
});

/// The vhost of one app, as it stands in `nginx/A.<base domain>.conf`.
pub fn render(site: &Site, listen: &Listen) -> Result<String, NginxError> {
    vhost(site, listen.words())
}

#[derive(Serialize)]
struct Vhost<'a> {
    app: &'a str,
    domains: Vec<&'a str>,
    live: &'a ConfPath,
    slots: Vec<u16>,
    listen: Vec<String>,
    access_log: Option<String>,
    error_log: Option<String>,
}

pub(crate) fn vhost(site: &Site, listen: Vec<String>) -> Result<String, NginxError> {
    let data = Vhost {
        app: site.app.as_str(),
        domains: site.domains().iter().map(|d| d.as_str()).collect(),
        live: &site.live,
        slots: (1..=site.slots).collect(),
        listen,
        access_log: log(&site.access_log, "off"),
        // nginx has no `error_log off`: that would be a file of this name.
        error_log: log(&site.error_log, "/dev/null crit"),
    };
    filled("vhost", &data)
}

fn log(log: &Log, off: &str) -> Option<String> {
    match log {
        Log::Shared => None,
        Log::Off => Some(off.to_owned()),
        Log::File(path) => Some(format!("\"{path}\"")),
    }
}

#[derive(Serialize)]
pub(crate) struct CatchAll {
    pub listen: Vec<String>,
    pub near: Vec<String>,
    pub keepalive_min_timeout: bool,
}

pub(crate) fn catch_all(data: &CatchAll) -> Result<String, NginxError> {
    filled("default", data)
}

#[derive(Serialize)]
pub(crate) struct Main<'a> {
    pub account: Option<&'a Account>,
    pub open_files: Option<u64>,
    pub dir: &'a ConfPath,
    pub include: &'a ConfPath,
}

pub(crate) fn main(data: &Main<'_>) -> Result<String, NginxError> {
    filled("main", data)
}

#[derive(Serialize)]
struct Signal<'a> {
    dir: &'a ConfPath,
}

pub(crate) fn signal(dir: &ConfPath) -> Result<String, NginxError> {
    filled("signal", &Signal { dir })
}

fn filled(name: &'static str, data: &impl Serialize) -> Result<String, NginxError> {
    let text = TEMPLATES.render(name, data);
    text.map(|text| seal(&text)).map_err(|source| NginxError::Render { name, source: Box::new(source) })
}

#[cfg(test)]
mod tests;
