//! One app's vhost: what its templates are filled with.

use dokuen_core::Protocol;
use serde::Serialize;

use super::{TEMPLATES, filled};
use crate::conf_path::ConfPath;
use crate::error::NginxError;
use crate::listen::Door;
use crate::logs::access_log;
use crate::seal::{PLACE, heading, seal};
use crate::servers::{Purpose, Server, servers};
use crate::site::{Certificate, Page, Site, Upstream};

/// The text of an app's vhost behind this door.
pub(crate) fn vhost(site: &Site, door: &Door) -> Result<String, NginxError> {
    let data = Vhost::of(site, door);
    let heading = heading(&site.all_names(), &site.app);
    match &site.custom.template {
        None => filled_below(&heading, &data),
        Some(template) => {
            let text = TEMPLATES.render_template(template, &data);
            let text = text.map_err(|source| NginxError::Template { source: Box::new(source) })?;
            // Without it no change could ever be proven, and each would be taken back.
            if !text.contains(PLACE) {
                return Err(NginxError::NoProof);
            }
            Ok(seal(&(heading + &text)))
        }
    }
}

fn filled_below(heading: &str, data: &Vhost<'_>) -> Result<String, NginxError> {
    // The heading has a place for the sum too, so it is part of the text that is summed up.
    #[derive(Serialize)]
    struct Headed<'a> {
        heading: &'a str,
        #[serde(flatten)]
        data: &'a Vhost<'a>,
    }
    filled("vhost", &Headed { heading, data })
}

/// What an admin's own template may use as well: docs/nginx.md names each of these.
#[derive(Serialize)]
struct Vhost<'a> {
    app: &'a str,
    http: Vec<String>,
    live: &'a ConfPath,
    slots: Vec<u16>,
    keepalive: &'static [&'static str],
    tries: u16,
    servers: Vec<Block<'a>>,
    maintenance: bool,
    gate: Vec<String>,
    /// The first word of the directives that pass requests on, and the scheme they are passed on by.
    way: &'static str,
    pass: &'static str,
    proxy: Vec<String>,
    statics: Vec<Static<'a>>,
    release: Option<&'a ConfPath>,
    symlinks: bool,
    expires: Option<&'a str>,
    pages: Vec<Shown<'a>>,
    challenges: Option<&'a ConfPath>,
    server_snippets: &'a [String],
    location_snippets: &'a [String],
}

#[derive(Serialize)]
struct Block<'a> {
    listen: Vec<String>,
    names: Vec<String>,
    lines: Vec<String>,
    tls: Option<Tls<'a>>,
    away: Option<String>,
}

#[derive(Serialize)]
struct Tls<'a> {
    chain: &'a ConfPath,
    key: &'a ConfPath,
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Static<'a> {
    prefix: &'a str,
    dir: &'a str,
}

/// A page that is shown in place of an answer.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'static str,
    status: u16,
    title: String,
    text: String,
    advice: String,
    file: Option<&'a ConfPath>,
}

impl<'a> Vhost<'a> {
    fn of(site: &'a Site, door: &'a Door) -> Self {
        let settings = &site.settings;
        let grpc = site.protocol == Protocol::Grpc;
        let mut http = settings.http_lines(&site.app, &door.cache);
        http.extend(site.custom.http.iter().cloned());
        // Files of a release are shown when there is a release and people are let in.
        let shows_files = site.files.release.is_some() && !site.maintenance;
        Self {
            app: site.app.as_str(),
            http,
            live: &site.live,
            slots: (1..=site.slots).collect(),
            tries: tries(site),
            keepalive: keepalive(site, door.keepalive_time),
            servers: servers(site, !door.https.is_empty())
                .into_iter()
                .map(|server| Block::of(site, door, server))
                .collect(),
            maintenance: site.maintenance,
            gate: settings.gate_lines(&site.app, site.files.users.as_ref()),
            way: if grpc { "grpc" } else { "proxy" },
            pass: if grpc { "grpc" } else { "http" },
            proxy: if grpc { settings.grpc_lines() } else { settings.proxy_lines(&site.app) },
            statics: settings
                .family("static.")
                .filter(|_| shows_files)
                .map(|(prefix, dir)| Static { prefix, dir })
                .collect(),
            release: site.files.release.as_ref(),
            symlinks: cfg!(target_os = "linux"),
            expires: Some(settings.get("static-expires")).filter(|time| !time.is_empty()),
            pages: pages(site),
            challenges: door.challenges.as_ref(),
            server_snippets: &site.custom.server,
            location_snippets: &site.custom.location,
        }
    }
}

/// Enough to get past all slots of instances whose wrapper was killed: a refused connection costs nothing, and a front sees
/// to it that nothing else is repeated so often. The socket of an app itself outlives the wrapper, and has no front.
fn tries(site: &Site) -> u16 {
    match site.upstream {
        Upstream::Fronts => site.slots,
        Upstream::Apps => site.slots.min(3),
    }
}

/// How many connections each worker of nginx keeps, and how long: with 64 of them a fifth of the requests of 400 clients took a
/// new one. An nginx that does not know how to give a busy one up keeps none to an app itself.
/// Nor does any for gRPC, whose connections nobody but the two ends of them can tell to be idle.
fn keepalive(site: &Site, knows_time: bool) -> &'static [&'static str] {
    match (site.upstream, knows_time) {
        _ if site.protocol == Protocol::Grpc => &[],
        (Upstream::Fronts, _) => &["keepalive 256;", "keepalive_timeout 10s;"],
        (Upstream::Apps, true) => &["keepalive 256;", "keepalive_timeout 1s;", "keepalive_time 1s;"],
        (Upstream::Apps, false) => &[],
    }
}

impl<'a> Block<'a> {
    fn of(site: &'a Site, door: &Door, server: Server<'a>) -> Self {
        let mut listen = if server.http { door.http.clone() } else { Vec::new() };
        if server.https.is_some() {
            listen.extend(door.https.iter().cloned());
        }
        let http3 = server.https.is_some() && door.http3 && site.settings.is_on("http3");
        if http3 {
            listen.extend(door.quic.iter().cloned());
        }
        let log = door.logs.as_ref().and_then(|dir| dir.join(&access_log(&site.app)));
        let lines = if server.purpose == Purpose::App { site.settings.server_lines(log.as_ref()) } else { Vec::new() };
        let tls = server.https.map(|Certificate { chain, key, .. }| {
            let mut lines = site.settings.tls_lines(http3.then_some(door.ports.1));
            lines.extend(door.http2_directive.then(|| "http2 on;".to_owned()));
            Tls { chain, key, lines }
        });
        let away = match &server.purpose {
            Purpose::App => None,
            Purpose::Secure => Some(format!("https://$host{}$request_uri", door.https_port())),
            Purpose::Away(to) => {
                let certified = site.certificate(&to.clone().into()).is_some() && !door.https.is_empty();
                Some(match (certified, site.https_only) {
                    (true, true) => format!("https://{to}{}$request_uri", door.https_port()),
                    (true, false) => format!("$scheme://{to}$dokuen_port$request_uri"),
                    (false, _) => format!("http://{to}{}$request_uri", door.http_port()),
                })
            }
        };
        Self { listen, names: server.names.iter().map(ToString::to_string).collect(), lines, tls, away }
    }
}

fn pages(site: &Site) -> Vec<Shown<'_>> {
    let app = &site.app;
    let page = |name, status, title: &str, text: String, advice: String, file| Shown {
        name,
        status,
        title: title.to_owned(),
        text,
        advice,
        file,
    };
    let own = |page: Page| site.files.pages.get(&page);
    let logs =
        format!("Please try again in a moment. Whoever runs it finds the cause with: dokuen logs --application {app}");
    if site.maintenance {
        let back = "Please come back a little later.".to_owned();
        let text = format!("{app} is in maintenance");
        return vec![page("maintenance", 503, "Back soon", text, back, own(Page::Maintenance))];
    }
    let size = site.settings.get("client-max-body-size");
    let more =
        format!("Whoever runs it can allow more with: dokuen nginx:set --application {app} client-max-body-size=1g");
    vec![
        page("502", 502, "Not running", format!("{app} is not running"), logs.clone(), own(Page::Down)),
        page("504", 504, "No answer", format!("{app} did not answer in time"), logs, own(Page::Late)),
        page("413", 413, "Too large", format!("{app} takes requests of {size} at most"), more, None),
    ]
}
