//! `certs`, `certs:add`, `certs:remove`: certificates that people bring themselves.

use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use dokuen_core::{App, Front, Host, ServerName, Transcript, fs};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::front_door::certs::{self, About, Checked};
use crate::front_door::{self, acme, names};
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, for_people, left, right};
use crate::topics::MaybeApp;
use crate::topics::certs::{CertsAddArgs, CertsArgs};

/// Chain and key together.
const MOST: u64 = 1 << 20;

/// A certificate as programs see it.
#[derive(Debug, Serialize)]
struct Shown {
    /// `null` for the one of all apps.
    app: Option<String>,
    names: Vec<String>,
    issuer: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    days_left: Option<i64>,
    fingerprint: Option<String>,
    /// The authority that keeps it up; `null` when somebody brings it.
    auto: Option<String>,
    /// Why the last renewal failed, and when.
    failed: Option<String>,
}

/// Every certificate with the days that are left.
pub fn list(host: &Host, args: &CertsArgs, out: &mut Printer) -> Result<(), Failure> {
    let mut all = Vec::new();
    for (app, front) in fronts(host, &args.app)? {
        all.extend(shown(app.as_ref(), &front)?);
    }
    out.data(args.form, &all, |all| {
        let mut table =
            Table::new([left("APP"), left("NAMES"), left("UNTIL"), right("DAYS"), left("KEPT UP BY"), left("TROUBLE")]);
        for one in all {
            let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
            table.row([
                or(&one.app, "(all)"),
                one.names.join(" "),
                one.not_after.as_deref().map_or("-".to_owned(), for_people),
                one.days_left.map_or("-".to_owned(), |days| days.to_string()),
                or(&one.auto, "-"),
                or(&one.failed, "-"),
            ]);
        }
        table
    });
    Ok(())
}

fn shown(app: Option<&App>, front: &Front) -> Result<Option<Shown>, Failure> {
    let (about, auto) = (certs::in_force(front)?, super::certs_auto::load(front)?);
    if about.is_none() && auto.is_none() {
        return Ok(None);
    }
    let of = |get: fn(&About) -> String| about.as_ref().map(get);
    Ok(Some(Shown {
        app: app.map(|app| app.name.to_string()),
        names: about.as_ref().map(|about| about.names.clone()).unwrap_or_default(),
        issuer: of(|about| about.issuer.clone()),
        not_before: of(|about| about.not_before.clone()),
        not_after: of(|about| about.not_after.clone()),
        days_left: about.as_ref().map(|about| about.days_left(now())),
        fingerprint: of(|about| about.fingerprint.clone()),
        failed: auto.as_ref().and_then(|auto| auto.failed.as_ref()).map(|(at, why)| format!("{at} {why}")),
        auto: auto.map(|auto| auto.directory),
    }))
}

/// That of an app, or of each app and of all.
pub fn fronts(host: &Host, which: &MaybeApp) -> Result<Vec<(Option<App>, Front)>, Failure> {
    if let Some(name) = &which.application {
        let app = place::app(host, name)?;
        let front = app.front();
        return Ok(vec![(Some(app), front)]);
    }
    let apps = host.apps()?.into_iter().map(|app| (app.front(), Some(app)));
    Ok(std::iter::once((host.front(), None)).chain(apps).map(|(front, app)| (app, front)).collect())
}

/// Files, or standard input: PEM or a tar of it. In force when the command ends.
pub fn add(host: &Host, args: &CertsAddArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = args.app.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    let pem = if args.files.is_empty() { from_stdin()? } else { from_files(&args.files)? };
    let checked = acme::check(host, &pem).map_err(|failure| Failure { exit: Exit::Usage, ..failure })?;
    install(host, app.as_ref(), &checked, out)
}

/// Takes the certificate out of force; its key is removed.
pub fn remove(host: &Host, which: &MaybeApp, out: &mut Printer) -> Result<(), Failure> {
    let app = which.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    let front = front_of(host, app.as_ref());
    let _lock = lock(host, app.as_ref())?;
    if certs::in_force(&front)?.is_none() {
        return Err(Failure::new(Exit::NotFound, format!("{} has no certificate", whose(app.as_ref()))));
    }
    let saved = certs::withdraw(&front)?;
    put_into_force(host, app.as_ref(), out)?;
    saved.keep();
    certs::sweep(&front)?;
    out.step(&format!("{} has no certificate", whose(app.as_ref())));
    Ok(())
}

/// Files a certificate and puts it into force; else the former one stays. The caller holds no lock.
pub(super) fn install(host: &Host, app: Option<&App>, checked: &Checked, out: &mut Printer) -> Result<(), Failure> {
    let front = front_of(host, app);
    if host.conf.listen_https.is_none() {
        return Err(Failure::new(Exit::HostNotReady, "nginx listens nowhere for https")
            .hint("add listen_https: ADDRESS:PORT to dokuen.conf"));
    }
    let _lock = lock(host, app)?;
    if let Some(app) = app {
        check_names(host, app, &checked.about, out)?;
    }
    let saved = certs::file(&front, checked)?;
    put_into_force(host, app, out)?;
    saved.keep();
    certs::sweep(&front)?;
    let about = &checked.about;
    out.step(&format!("https answers with a certificate for {}", about.names.join(", ")));
    out.fact(&format!("good until {}, {} days", for_people(&about.not_after), about.days_left(now())));
    Ok(())
}

/// It must be good for a name of the app; which names it is not good for is said.
fn check_names(host: &Host, app: &App, about: &About, out: &mut Printer) -> Result<(), Failure> {
    let config = app.env().load()?;
    let (mut all, redirects) = names::all(host, app, &config)?;
    all.push(ServerName::from(app.domain(&host.conf)?));
    all.extend(redirects.into_iter().map(|redirect| redirect.from));
    let (good, other): (Vec<_>, Vec<_>) = all.into_iter().partition(|name| about.certifies(name));
    if good.is_empty() {
        let text =
            format!("the certificate is for {}, and {} has none of these names", about.names.join(", "), app.name);
        return Err(Failure::usage(text).hint(format!("dokuen domains:add --application={} NAME", app.name)));
    }
    for name in other {
        out.fact(&format!("it is not good for {name}, which http alone answers"));
    }
    Ok(())
}

pub(super) fn put_into_force(host: &Host, app: Option<&App>, out: &mut Printer) -> Result<(), Failure> {
    match app {
        Some(app) => front_door::refresh(host, app, out),
        None => front_door::rebuild_or_fail(host),
    }
}

pub(super) fn front_of(host: &Host, app: Option<&App>) -> Front {
    app.map_or_else(|| host.front(), App::front)
}

pub(super) fn lock(host: &Host, app: Option<&App>) -> Result<dokuen_core::Lock, Failure> {
    match app {
        Some(app) => Ok(app.lock("changing its certificate")?),
        None => names::lock(host),
    }
}

/// In a sentence.
pub fn whose(app: Option<&App>) -> String {
    app.map_or_else(|| "the machine".to_owned(), |app| app.name.to_string())
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Over ssh a path would be one of the host's, which the account may read and its visitor may not.
fn from_files(files: &[std::path::PathBuf]) -> Result<Vec<u8>, Failure> {
    if place::visitor().is_some() {
        return Err(Failure::usage("over ssh a certificate and its key come on standard input")
            .hint("cat CERTIFICATE KEY | ssh git@HOST dokuen certs:add --application=APP"));
    }
    let mut all = Vec::new();
    for file in files {
        let file = std::path::absolute(file).map_err(|e| Failure::new(Exit::Usage, e))?;
        all.extend(fs::read_foreign(&resolved(&file), MOST).map_err(place::unreadable)?);
        all.push(b'\n');
    }
    Ok(all)
}

/// certbot's `live/` holds symlinks, which whoever types the path means.
fn resolved(file: &Path) -> std::path::PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read standard input: {e}")))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::usage(format!("standard input: more than {MOST} bytes")));
    }
    // A tar says so in its first header.
    if bytes.get(257..262) == Some(b"ustar") { untarred(&bytes) } else { Ok(bytes) }
}

/// Nothing is unpacked to the disk: only the bytes of plain files count, whatever their names.
fn untarred(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let refused = |why: String| Failure::usage(format!("standard input: the tar cannot be read: {why}"));
    let (mut all, mut files) = (Vec::new(), 0);
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().map_err(|e| refused(e.to_string()))? {
        let mut entry = entry.map_err(|e| refused(e.to_string()))?;
        match entry.header().entry_type() {
            tar::EntryType::Regular => {}
            tar::EntryType::Directory => continue,
            _ => return Err(refused("it holds what is no plain file".to_owned())),
        }
        files += 1;
        if files > 10 {
            return Err(refused("it holds more than 10 files".to_owned()));
        }
        entry.read_to_end(&mut all).map_err(|e| refused(e.to_string()))?;
        all.push(b'\n');
    }
    Ok(all)
}
