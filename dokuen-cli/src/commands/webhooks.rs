//! `webhooks`, `webhooks:add`, `webhooks:remove`: who hears of events over HTTP.

use std::io::Read;

use dokuen_core::{Host, Lock, Transcript, shown};
use serde::Serialize;

use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::notify::{self, Webhook, Webhooks, checked_kinds};
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, left, right};
use crate::topics::MaybeApp;
use crate::topics::hooks::{WebhooksAddArgs, WebhooksArgs, WebhooksRemoveArgs, WebhooksTestArgs};

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

/// What came back from a webhook.
#[derive(Debug, Serialize)]
struct Tried {
    id: String,
    url: String,
    /// The HTTP status; `null` when there was no answer.
    status: Option<u16>,
    ok: bool,
    /// In words, when it did not go well.
    error: Option<String>,
}

/// Posts one event of the kind `test` to each, whatever kinds it is for; once, without further tries.
pub fn test(host: &Host, args: &WebhooksTestArgs, out: &mut Printer) -> Result<(), Failure> {
    let mut all = store(host, &args.app)?.all()?;
    all.retain(|(id, _)| args.id.as_ref().is_none_or(|wanted| wanted == id));
    if all.is_empty() {
        let none = match &args.id {
            Some(id) => format!("there is no webhook {}", shown(id)),
            None => "there is no webhook".to_owned(),
        };
        return Err(Failure::new(Exit::NotFound, none).hint("dokuen webhooks"));
    }
    let event = Event::now(args.app.application.as_deref(), "test", Some(0));
    let tried: Vec<Tried> = all.into_iter().map(|(id, webhook)| try_one(host, id, &webhook, &event)).collect();
    out.data(args.form, &tried, |all| {
        let mut table = Table::new([left("id"), right("status"), left("url"), left("trouble")]);
        for one in all {
            let status = one.status.map_or("-".to_owned(), |status| status.to_string());
            table.row([one.id.clone(), status, one.url.clone(), one.error.clone().unwrap_or_else(|| "-".to_owned())]);
        }
        table
    });
    match tried.iter().filter(|one| !one.ok).count() {
        0 => Ok(()),
        bad => Err(Failure::new(Exit::Failed, format!("{bad} of {} webhooks did not take the event", tried.len()))),
    }
}

fn try_one(host: &Host, id: String, webhook: &Webhook, event: &Event) -> Tried {
    let url = webhook.shown();
    match notify::try_once(host, webhook, event) {
        Ok(status) => {
            let ok = (200..300).contains(&status);
            let error = (!ok).then(|| format!("it answered {status}"));
            Tried { id, url, status: Some(status), ok, error }
        }
        Err(why) => Tried { id, url, status: None, ok: false, error: Some(why) },
    }
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
