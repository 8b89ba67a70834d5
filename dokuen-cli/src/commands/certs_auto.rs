//! `certs:auto`, `certs:auto:disable`, `certs:revoke`: certificates from an authority.
//!
//! An order may take minutes, so it holds a lock of its own and not the app's: pushes go on meanwhile. The certificate in
//! force stays until nginx has the next one, whatever happens.

use std::io::Read;

use dokuen_core::{App, Front, Host, Lock, ServerName, Transcript, fs};

use super::certs::{front_of, put_into_force, whose};
use super::certs_renew::{KeptUp, have_made};
use crate::exit::{Exit, Failure};
use crate::front_door::acme::{self, Auto, LETS_ENCRYPT, STAGING};
use crate::front_door::{certs, names};
use crate::place;
use crate::printer::Printer;
use crate::topics::MaybeApp;
use crate::topics::certs::CertsAutoArgs;

/// Has a certificate made now, and keeps it up from now on.
pub fn enable(host: &Host, args: &CertsAutoArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = args.app.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    let auto = wanted(host, app.as_ref(), args)?;
    let front = front_of(host, app.as_ref());
    let names = names_for(host, app.as_ref(), &auto)?;
    let order = order_lock(&front, app.as_ref())?;
    out.step(&format!("having a certificate made for {}", names.join(", ")));
    let kept = KeptUp { host, app: app.as_ref(), front: &front, auto: &auto };
    have_made(&kept, &names, out)?;
    // Only what has worked once is kept up: a slip is told to the person who made it.
    keep_up(host, app.as_ref(), &front, &auto)?;
    drop(order);
    out.fact("it is renewed by itself when a third of its time is left");
    Ok(())
}

/// From now on somebody else looks after it.
pub fn disable(host: &Host, which: &MaybeApp, out: &mut Printer) -> Result<(), Failure> {
    let app = which.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    let front = front_of(host, app.as_ref());
    if load(&front)?.is_none() {
        return Err(none_auto(app.as_ref()));
    }
    let _order = order_lock(&front, app.as_ref())?;
    fs::remove(&front.auto_file())?;
    out.step(&format!("the certificate of {} is not renewed any more", whose(app.as_ref())));
    Ok(())
}

/// Has the authority take the certificate back, and answers https with it no more.
pub fn revoke(host: &Host, which: &MaybeApp, out: &mut Printer) -> Result<(), Failure> {
    let app = which.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    let front = front_of(host, app.as_ref());
    let auto = load(&front)?.ok_or_else(|| none_auto(app.as_ref()))?;
    let chain = certs::chain(&front)?;
    let chain =
        chain.ok_or_else(|| Failure::new(Exit::NotFound, format!("{} has no certificate", whose(app.as_ref()))))?;
    acme::revoke(host, &auto, &chain)?;
    let _lock = super::certs::lock(host, app.as_ref())?;
    let saved = certs::withdraw(&front)?;
    put_into_force(host, app.as_ref(), out)?;
    saved.keep();
    certs::sweep(&front)?;
    out.step(&format!("the certificate of {} is revoked", whose(app.as_ref())));
    out.fact("the next renewal makes another one: dokuen certs:renew");
    Ok(())
}

/// How this front door's certificate is kept up; `None`: it is not.
pub fn load(front: &Front) -> Result<Option<Auto>, Failure> {
    let path = front.auto_file();
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(None) };
    Ok(Some(fs::at("read", &path, serde_json::from_slice(&bytes).map_err(std::io::Error::other))?))
}

/// Keeps it up from now on, in this way.
pub(super) fn keep_up(host: &Host, app: Option<&App>, front: &Front, auto: &Auto) -> Result<(), Failure> {
    // What is half written there would be swept by whoever has the lock.
    let _lock = super::certs::lock(host, app)?;
    save(front, auto)
}

/// The same, where the app's lock is held already.
pub fn save(front: &Front, auto: &Auto) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(auto).expect("texts have a JSON form");
    fs::make_dirs(front.dir(), fs::PRIVATE_DIR)?;
    Ok(fs::replace(&front.auto_file(), &text, fs::PRIVATE_FILE)?)
}

fn wanted(host: &Host, app: Option<&App>, args: &CertsAutoArgs) -> Result<Auto, Failure> {
    let path = |path: &Option<std::path::PathBuf>| -> Result<Option<String>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let path = std::path::absolute(path).map_err(|e| Failure::new(Exit::Usage, e))?;
        if !path.is_file() {
            return Err(Failure::usage(format!("{}: there is no such file on this host", path.display())));
        }
        Ok(Some(path.display().to_string()))
    };
    let directory = match (&args.directory, args.staging) {
        (Some(url), _) if url.starts_with("https://") => url.clone(),
        (Some(_), _) => return Err(Failure::usage("an authority's address begins with https://")),
        (None, true) => STAGING.to_owned(),
        (None, false) => LETS_ENCRYPT.to_owned(),
    };
    if host.conf.listen_https.is_none() {
        return Err(Failure::new(Exit::HostNotReady, "nginx listens nowhere for https")
            .hint("add listen_https: ADDRESS:PORT to dokuen.conf"));
    }
    let names = args.names.iter().map(|name| names::typed(name).map(|name| name.to_string()));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    if app.is_none() && names.is_empty() {
        return Err(Failure::usage("a certificate for all apps needs names")
            .hint(format!("dokuen certs:auto --hook PROGRAM '*.{}'", host.conf.base_domain)));
    }
    let eab_key = args.eab_kid.as_ref().map(|_| secret()).transpose()?;
    Ok(Auto {
        directory,
        root: path(&args.root)?,
        email: args.email.clone(),
        eab_kid: args.eab_kid.clone(),
        eab_key,
        hook: path(&args.hook)?,
        names,
        failed: None,
    })
}

fn secret() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(4096).read_to_string(&mut text);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read standard input: {e}")))?;
    let text = text.trim().to_owned();
    if text.is_empty() {
        Err(Failure::usage("the key of the external account comes on standard input"))
    } else {
        Ok(text)
    }
}

/// The names that were asked for, or all of the app's that can be shown to be its. Its own name is left out where the
/// base domain is none of the internet's and it has others: the authority would refuse all because of it.
pub(super) fn names_for(host: &Host, app: Option<&App>, auto: &Auto) -> Result<Vec<String>, Failure> {
    let Some(app) = app.filter(|_| auto.names.is_empty()) else { return reachable(auto, auto.names.clone()) };
    let (mut all, redirects) = names::all(host, app, &app.env().load()?)?;
    all.extend(redirects.into_iter().map(|redirect| redirect.from));
    all.retain(|name| auto.hook.is_some() || !name.is_wildcard());
    let own = ServerName::from(app.domain(&host.conf)?);
    if all.is_empty() || !is_of_no_internet(host.conf.base_domain.as_str()) {
        all.push(own);
    }
    all.sort();
    all.dedup();
    reachable(auto, all.iter().map(ToString::to_string).collect())
}

fn reachable(auto: &Auto, names: Vec<String>) -> Result<Vec<String>, Failure> {
    match names.iter().find(|name| name.starts_with("*.") && auto.hook.is_none()) {
        Some(name) => Err(Failure::usage(format!("{name}: an authority believes wildcards only by DNS"))
            .hint("dokuen certs:auto --hook PROGRAM ..., as an admin")),
        None => Ok(names),
    }
}

/// Top-level domains that no authority knows (RFC 2606, 6761, 6762, 8375, ICANN's `internal`).
fn is_of_no_internet(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    matches!(last, "test" | "example" | "invalid" | "localhost" | "local" | "internal" | "lan")
        || domain.ends_with("home.arpa")
        || !domain.contains('.')
}

/// One order at a time for each front door.
pub(super) fn order_lock(front: &Front, app: Option<&App>) -> Result<Lock, Failure> {
    fs::make_dirs(front.dir(), fs::PRIVATE_DIR)?;
    let what = format!("the certificate of {}", whose(app));
    Ok(Lock::try_take(&front.order_lock(), &what, "having a certificate made")?)
}

pub(super) fn none_auto(app: Option<&App>) -> Failure {
    let text = format!("the certificate of {} is not kept up by itself", whose(app));
    let of = app.map_or_else(String::new, |app| format!(" --application={}", app.name));
    Failure::new(Exit::NotFound, text).hint(format!("dokuen certs:auto{of}"))
}
