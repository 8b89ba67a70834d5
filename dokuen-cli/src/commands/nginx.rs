//! `nginx:set`, `:unset`, `:show`, `:test`, `:rebuild`: what nginx does for one app or for all.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{App, Front, Host, Transcript, shown};
use dokuen_nginx::{BadSetting, Origin, SETTINGS, Settings, Version};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::front_door::{self, Saved, sheets};
use crate::place;
use crate::printer::Printer;
use crate::show::{Table, left};
use crate::topics::MaybeApp;
use crate::topics::nginx::{NginxSetArgs, NginxShowArgs, NginxUnsetArgs};

/// Sets all of them or none.
pub fn set(host: &Host, args: &NginxSetArgs, out: &mut Printer) -> Result<(), Failure> {
    let pairs = args.pairs.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    if pairs.iter().filter(|(_, value)| value == b"-").count() > 1 {
        return Err(Failure::usage("only one value can come from standard input"));
    }
    let given = pairs.into_iter().map(|(name, value)| Ok((given(&name, value)?, name)));
    let given = given.collect::<Result<Vec<(Given, String)>, Failure>>()?;
    change(host, &args.app, out, |front, sheet| {
        let mut pages = Vec::new();
        for (value, name) in &given {
            match value {
                Given::Text(value) => sheet.set(name, value)?,
                Given::Page(file, bytes) => pages.push(Saved::change(&front.pages_dir().join(file), Some(bytes))?),
            }
        }
        Ok(pages)
    })
}

/// Takes settings back; one that is not set is said and changes nothing.
pub fn unset(host: &Host, args: &NginxUnsetArgs, out: &mut Printer) -> Result<(), Failure> {
    let mut missing = Vec::new();
    let changed = change(host, &args.app, out, |front, sheet| {
        let mut pages = Vec::new();
        for name in &args.names {
            match sheets::page_of(name) {
                Some(page) => {
                    pages.push(Saved::change(&front.pages_dir().join(format!("{}.html", page.name())), None)?)
                }
                None if sheet.unset(name) => {}
                None => missing.push(name.clone()),
            }
        }
        Ok(pages)
    });
    for name in missing {
        out.fact(&format!("{} is not set", shown(&name)));
    }
    changed
}

/// A setting as programs see it.
#[derive(Debug, Serialize)]
struct Row {
    setting: String,
    value: String,
    /// `app`, `all` or `default`.
    from: &'static str,
    about: &'static str,
}

/// What is in force and who said so.
pub fn show(host: &Host, args: &NginxShowArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = args.app.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    if args.text {
        return show_config(host, app.as_ref(), out);
    }
    let all = sheets::load(&host.front())?;
    let settings = match &app {
        Some(app) => sheets::load(&app.front())?.over(&all),
        None => Settings::default().over(&all),
    };
    let mut rows: Vec<Row> =
        settings.in_force().into_iter().map(|(name, value, origin)| row(name, value, origin)).collect();
    rows.extend(pages(host, app.as_ref())?);
    out.data(args.form, &rows, |rows| {
        let mut table = Table::new([left("SETTING"), left("VALUE"), left("FROM"), left("ABOUT")]);
        for row in rows {
            let value = if row.value.is_empty() { "-".to_owned() } else { row.value.clone() };
            table.row([row.setting.clone(), value, row.from.to_owned(), row.about.to_owned()]);
        }
        table
    });
    Ok(())
}

fn row(setting: String, value: String, origin: Origin) -> Row {
    let from = match origin {
        Origin::Default => "default",
        Origin::All => "all",
        Origin::App => "app",
    };
    let fits = |known: &&dokuen_nginx::Setting| {
        setting == known.name || (known.is_family() && setting.starts_with(known.name))
    };
    let about = SETTINGS.iter().find(fits).map_or("", |known| known.about);
    // Whose it is may be seen, what it is may not.
    let value = if setting.starts_with("basic-auth.") { "(a password)".to_owned() } else { value };
    Row { setting, value, from, about }
}

fn pages(host: &Host, app: Option<&App>) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for page in dokuen_nginx::Page::ALL {
        let file = format!("{}.html", page.name());
        let own = app.map(|app| app.front().pages_dir().join(&file)).filter(|path| path.exists());
        let from = if own.is_some() { "app" } else { "all" };
        let path = own.or_else(|| Some(host.front().pages_dir().join(&file)).filter(|path| path.exists()));
        let Some(path) = path else { continue };
        let bytes = dokuen_core::fs::read(&path)?.len();
        rows.push(Row {
            setting: format!("page.{}", page.name()),
            value: format!("({bytes} bytes)"),
            from,
            about: "a page of one's own",
        });
    }
    Ok(rows)
}

/// The text that nginx has, or that of all names that no app has.
fn show_config(host: &Host, app: Option<&App>, out: &mut Printer) -> Result<(), Failure> {
    let places = dokuen_nginx::Places::of(host);
    let path = app.map_or_else(|| places.catch_all(), |app| places.vhost(&app.name));
    match dokuen_core::fs::read_if_there(&path)? {
        Some(bytes) => out.out(&bytes),
        None => return Err(Failure::new(Exit::NotFound, "nginx has no configuration of it before the first deploy")),
    }
    Ok(())
}

/// Each app by itself, so that one that nginx does not accept hides no other.
pub fn test(host: &Host, args: &MaybeApp, out: &mut Printer) -> Result<(), Failure> {
    let apps = match &args.application {
        Some(name) => vec![place::app(host, name)?],
        None => host.apps()?,
    };
    let nginx = front_door::nginx(host)?;
    let mut refused = 0;
    for app in apps {
        let config = app.env().load()?;
        let tested = front_door::site(host, &app, &config, 1).and_then(|site| Ok(dokuen_nginx::test(&nginx, &site)?));
        match tested {
            Ok(()) => out.fact(&format!("{}: nginx accepts it", app.name)),
            Err(failure) => {
                refused += 1;
                out.problem(&app.name.to_string());
                out.failure(&failure);
            }
        }
    }
    match refused {
        0 => Ok(()),
        count => Err(Failure::new(Exit::NginxRefused, format!("nginx refuses {count} of them"))),
    }
}

/// As `boot` does it, for when an admin has changed snippets or templates.
pub fn rebuild(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let problems = front_door::rebuild_with_files(host)?;
    for (app, problem) in &problems {
        out.problem(&format!("{app}: {problem}"));
    }
    if problems.is_empty() {
        out.step("nginx has the configuration of every app");
        return Ok(());
    }
    Err(Failure::new(Exit::NginxRefused, "what is named above is as it was, or left out; all else is in force"))
}

/// A value as it was given.
enum Given {
    Text(String),
    Page(String, Vec<u8>),
}

/// `NAME=VALUE`.
fn pair(word: &OsString) -> Result<(String, Vec<u8>), Failure> {
    let bytes = word.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=');
    let at = at.ok_or_else(|| Failure::usage("settings are set as SETTING=VALUE").hint("dokuen nginx:show"))?;
    Ok((String::from_utf8_lossy(&bytes[..at]).into_owned(), bytes[at + 1..].to_vec()))
}

fn given(name: &str, value: Vec<u8>) -> Result<Given, Failure> {
    let from_stdin = value == b"-";
    let value = if from_stdin { stdin(name)? } else { value };
    if let Some(page) = sheets::page_of(name) {
        if !from_stdin {
            return Err(Failure::usage(format!("{name} is a page: it comes on standard input"))
                .hint(format!("dokuen nginx:set {name}=- < page.html")));
        }
        return Ok(Given::Page(format!("{}.html", page.name()), value));
    }
    let text =
        String::from_utf8(value).map_err(|_| Failure::usage(format!("{}: the value is not text", shown(name))))?;
    let text = if from_stdin { text.trim_end_matches('\n').to_owned() } else { text };
    if name.starts_with("basic-auth.") && !text.starts_with('$') {
        if !from_stdin {
            // An argv can be read by everybody on the machine.
            return Err(Failure::usage(format!("{}: a password comes on standard input", shown(name)))
                .hint("echo PASSWORD | dokuen nginx:set basic-auth.NAME=-"));
        }
        return Ok(Given::Text(hashed(&text)?));
    }
    Ok(Given::Text(text))
}

fn stdin(name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(sheets::MOST_OF_A_PAGE as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read {} from standard input: {e}", shown(name))))?;
    if bytes.len() > sheets::MOST_OF_A_PAGE {
        return Err(Failure::usage(format!("{}: more than {} bytes", shown(name), sheets::MOST_OF_A_PAGE)));
    }
    Ok(bytes)
}

/// nginx asks crypt(3), which on macOS knows none of the better ways; `apr1` is nginx's own and known everywhere.
fn hashed(password: &str) -> Result<String, Failure> {
    if password.is_empty() || password.contains(['\n', '\0']) {
        return Err(Failure::usage("a password is one line that is not empty"));
    }
    let way = if cfg!(target_os = "macos") { "-apr1" } else { "-6" };
    let openssl =
        Cmd::new("openssl", Path::new("/")).env("PATH", "/usr/local/bin:/usr/bin:/bin").args(["passwd", way, "-stdin"]);
    let output = openssl.stdin(format!("{password}\n").into_bytes()).run()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The sheet is written and in force, or as it was.
fn change(
    host: &Host,
    which: &MaybeApp,
    out: &mut Printer,
    edit: impl FnOnce(&Front, &mut Settings) -> Result<Vec<Saved>, Failure>,
) -> Result<(), Failure> {
    let app = which.application.as_deref().map(|name| place::app(host, name)).transpose()?;
    let front = app.as_ref().map_or_else(|| host.front(), App::front);
    let _lock = match &app {
        Some(app) => app.lock("changing its nginx settings")?,
        None => front_door::names::lock(host)?,
    };
    let mut sheet = sheets::load(&front)?;
    let had_http3 = sheet.is_on("http3");
    let pages = edit(&front, &mut sheet)?;
    if sheet.is_on("http3") && !had_http3 {
        check_http3(host)?;
    }
    let saved = Saved::change(&front.settings_file(), Some(&sheets::to_file(&sheet)))?;
    match &app {
        Some(app) => front_door::refresh(host, app, out)?,
        None => {
            if let Err(failure) = front_door::rebuild_or_fail(host) {
                drop((saved, pages));
                // Apps that could have it have it by now: they go back too.
                front_door::rebuild_with_files(host)?;
                return Err(failure);
            }
        }
    }
    saved.keep();
    pages.into_iter().for_each(Saved::keep);
    let whose = app.map_or_else(|| "all apps".to_owned(), |app| app.name.to_string());
    out.step(&format!("nginx has the settings of {whose}"));
    Ok(())
}

/// An nginx that loses it later goes on without: this is about telling whoever asks for it.
fn check_http3(host: &Host) -> Result<(), Failure> {
    let build = front_door::nginx(host)?.build()?;
    if build.http3 {
        return Ok(());
    }
    let which = build.version.map_or_else(|| "this nginx".to_owned(), |Version(a, b, c)| format!("nginx {a}.{b}.{c}"));
    let text = format!("{which} has no HTTP/3: it takes 1.25.0 or newer, built --with-http_v3_module");
    Err(Failure::new(Exit::HostNotReady, text))
}

impl From<BadSetting> for Failure {
    fn from(cause: BadSetting) -> Self {
        Self::new(Exit::Usage, cause).hint("dokuen nginx:show lists every setting")
    }
}
