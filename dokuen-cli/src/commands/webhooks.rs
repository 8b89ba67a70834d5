//! `webhooks`, `webhooks:add`, `webhooks:remove`: who hears of events over HTTP.

use std::io::Read;

use dokuen_core::{Host, Lock, Transcript};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::notify::{Webhook, Webhooks, checked_kinds};
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, left};
use crate::topics::MaybeApp;
use crate::topics::hooks::{WebhooksAddArgs, WebhooksArgs, WebhooksRemoveArgs};

/// A webhook as programs see it: neither its secret nor what is secret of its URL.
#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    url: String,
    events: Vec<String>,
}

/// By number.
pub fn list(host: &Host, args: &WebhooksArgs, out: &mut Printer) -> Result<(), Failure> {
    let entry = |(id, webhook): (String, Webhook)| Entry { id, url: webhook.shown(), events: webhook.events };
    let all: Vec<Entry> = store(host, &args.app)?.all()?.into_iter().map(entry).collect();
    out.data(args.form, &all, |all| {
        let mut table = Table::new([left("id"), left("events"), left("url")]);
        for one in all {
            let events = if one.events.is_empty() { "all".to_owned() } else { one.events.join(",") };
            table.row([one.id.clone(), events, one.url.clone()]);
        }
        table
    });
    Ok(())
}

/// Its secret is shown this once.
pub fn add(host: &Host, args: &WebhooksAddArgs, out: &mut Printer) -> Result<(), Failure> {
    let url = match args.url.as_str() {
        "-" => given()?,
        url => url.to_owned(),
    };
    let webhook = Webhook::new(&url, checked_kinds(&args.events)?)?;
    let _lock = Lock::take(&host.apps_lock(), "adding a webhook")?;
    let id = store(host, &args.app)?.add(&webhook)?;
    out.step(&format!("webhook {id} hears of events at {}", webhook.shown()));
    out.fact("each is signed: X-Dokuen-Signature is sha256= and the HMAC-SHA256 of the body with this secret");
    out.out(format!("{}\n", webhook.secret).as_bytes());
    Ok(())
}

/// One that is not there is an error.
pub fn remove(host: &Host, args: &WebhooksRemoveArgs, out: &mut Printer) -> Result<(), Failure> {
    let _lock = Lock::take(&host.apps_lock(), "removing a webhook")?;
    store(host, &args.app)?.remove(&args.id)?;
    out.step(&format!("webhook {} hears of nothing any more", args.id));
    Ok(())
}

fn store(host: &Host, whose: &MaybeApp) -> Result<Webhooks, Failure> {
    Ok(match &whose.application {
        Some(name) => Webhooks::of_app(&place::app(host, name)?),
        None => Webhooks::of_host(host),
    })
}

fn given() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(8 * 1024).read_to_string(&mut text);
    read.map_err(|e| Failure::new(Exit::Usage, format!("failed to read the URL: {e}")))?;
    Ok(text)
}
