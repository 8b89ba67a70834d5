//! People hear of events: programs of the host's own (`hooks/`) and webhooks.
//!
//! Whoever makes an event never waits: a child in a session of its own gets it on standard input and does the rest. It is
//! started only where somebody wants to hear of the event.

mod deliver;
mod local;
mod log;
mod webhook;

pub use webhook::{Webhook, Webhooks, checked_kinds};

use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use dokuen_core::cmd::Cmd;
use dokuen_core::{App, AppName, Host, fs};
use serde_json::{Value, json};

use crate::commands::rename;
use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::show::moment;
use log::Log;

/// An event is a line of names and numbers; more is none.
const MOST_BYTES: u64 = 64 * 1024;

/// What is told of an event.
#[derive(Debug)]
pub struct Told {
    kind: String,
    app: Option<String>,
    body: String,
}

/// The first word of what was done: `deploy`, `config`, `crash`.
pub fn kind(what: &str) -> &str {
    what.split([' ', ':']).next().unwrap_or_default()
}

impl Told {
    /// As programs and webhooks get it: the event as `events --json` shows it, its kind, and whether it went well.
    fn of(event: &Event) -> Self {
        let kind = kind(&event.what).to_owned();
        let mut body = Event { at: moment(&event.at), ..event.clone() }.to_json();
        body["kind"] = json!(kind);
        body["ok"] = event.exit.map_or(Value::Null, |exit| json!(exit == 0));
        Self { kind, app: event.app.clone(), body: body.to_string() }
    }

    fn read(body: String) -> Option<Self> {
        let value: Value = serde_json::from_str(&body).ok()?;
        let kind = value["kind"].as_str()?.to_owned();
        Some(Self { kind, app: value["app"].as_str().map(str::to_owned), body })
    }

    /// The app, where it is still there, by whatever name.
    fn app(&self, host: &Host) -> Option<App> {
        let app = host.app_at(AppName::parse(self.app.as_deref()?).ok()?);
        if app.exists() { Some(app) } else { rename::heir(host, &app) }
    }
}

/// Starts the child that tells of an event, where anybody wants to hear of it.
pub fn of_event(host: &Host, event: &Event) -> Result<(), Failure> {
    let told = Told::of(event);
    if local::programs(host)?.is_empty() && wanted(host, &told)?.is_empty() {
        return Ok(());
    }
    let dokuen = host.program();
    let child = Cmd::new(&dokuen, Path::new("/")).arg("notify").env("PATH", host.conf.search_path());
    // Known as one of this host's.
    let mut child = child.env(dokuen_proc::MARK, host.notify_log()).to_std();
    let spawned = child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = fs::at("start", &dokuen, spawned)?;
    // It is far less than a pipe holds: nobody waits for its reader.
    let given = child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(told.body.as_bytes()));
    Ok(fs::at("tell", &dokuen, given)?)
}

/// Posts an event to one webhook now, and only once: the HTTP status, or in words why there was none.
pub fn try_once(host: &Host, webhook: &Webhook, event: &Event) -> Result<u16, String> {
    deliver::once(host, webhook, &Told::of(event))
}

/// Webhooks of the host and of the event's app that are for it.
fn wanted(host: &Host, told: &Told) -> Result<Vec<(String, Webhook)>, Failure> {
    let mut all = Vec::new();
    for store in [Some(Webhooks::of_host(host)), told.app(host).map(|app| Webhooks::of_app(&app))].into_iter().flatten()
    {
        let of = store.all()?.into_iter().filter(|(_, hook)| hook.is_for(&told.kind));
        all.extend(of.map(|(id, hook)| (store.label(&id), hook)));
    }
    Ok(all)
}

/// What the hidden `notify` does: tells everybody of the event on standard input.
pub fn run(host: &Host) -> Result<(), Failure> {
    // A connection or terminal that ends is none of its business.
    let _ = nix::unistd::setsid();
    let mut body = String::new();
    let read = std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut body);
    let told = read.ok().and_then(|_| Told::read(body));
    let told = told.ok_or_else(|| Failure::new(Exit::Usage, "no event stands on standard input"))?;
    let log = Log::new(host);
    let webhooks = wanted(host, &told)?;
    std::thread::scope(|scope| {
        for (label, webhook) in &webhooks {
            let (log, told) = (&log, &told);
            scope.spawn(move || log.say(label, &deliver::deliver(host, webhook, told)));
        }
        local::run_all(host, &told, &log)
    })
}
