//! What a rename has to do besides the swap that decides, in an order that may be broken off anywhere and begun again. All of
//! it gives to the app what has its other name: the old one after the swap, the new one where the swap was taken back.

use dokuen_core::{App, AppName, Host, Silent, Transcript, fs};

use super::leads_to;
use super::note::Note;
use crate::exit::Failure;
use crate::front_door::{self, names};

/// Finishes a rename that was begun, or takes it back. The app's lock must be held.
///
/// nginx that cannot be told of it keeps no command from the app, and no app down at boot: by the other vhost it leads to the
/// app still, and whoever tells it next, and says what is wrong with it, tells it of this too.
pub fn settle(host: &Host, app: &App) -> Result<(), Failure> {
    let Some(note) = Note::of(app)? else { return Ok(()) };
    let Some(other) = on_disk(host, app, &note)? else { return Ok(fs::remove(&app.renaming_file())?) };
    match front_door::renamed(host, app, &other, &mut Silent) {
        Ok(()) => give_up(host, app, &other, &note, &mut Silent),
        Err(_) => Ok(()),
    }
}

/// nginx leads to the app by the name that it has, and is told now that it has no other.
pub fn give_up(host: &Host, app: &App, other: &App, note: &Note, out: &mut dyn Transcript) -> Result<(), Failure> {
    if !note.leaves_link(app) {
        give_up_places(other, app)?;
    }
    fs::remove(&app.renaming_file())?;
    // What fails from here on is done by the app's next route.
    front_door::renamed(host, app, other, out)?;
    front_door::forget(host, other)
}

/// All that is on the disk has the app's name; gives back the app by its other one.
pub fn on_disk(host: &Host, app: &App, note: &Note) -> Result<Option<App>, Failure> {
    let Some(other) = note.other(host, app) else { return Ok(None) };
    if other.repo().exists() && !app.repo().exists() {
        fs::rename(other.repo(), app.repo())?;
    }
    for link in links_to(host, &other)?.iter().filter(|link| link.name != app.name) {
        fs::relink_by(app.dir(), app.name.as_ref(), link.dir())?;
    }
    lead_other(&other, app)?;
    rename_names(host, app, &other)?;
    rename_logs(app, &other)?;
    Ok(Some(other))
}

/// Both names lead to the app.
///
/// What runs has its sockets below the other one, and nginx looks for them there until it is told, its workers of before even
/// longer. So the run directory stays where it is.
fn lead_other(other: &App, app: &App) -> Result<(), Failure> {
    if !leads_to(other, app) {
        fs::relink_by(app.dir(), app.name.as_ref(), other.dir())?;
    }
    let (there, here) = (other.run_dir(), app.run_dir());
    let Some(name) = there.file_name().filter(|_| there.exists() && !here.exists()) else { return Ok(()) };
    fs::remove(here)?;
    Ok(fs::link(name.as_ref(), here)?)
}

/// Somebody else may have the other name next.
fn give_up_places(other: &App, app: &App) -> Result<(), Failure> {
    fs::remove(other.dir())?;
    let (there, here) = (other.run_dir(), app.run_dir());
    if there.is_symlink() {
        fs::remove(there)?;
    } else if there.exists() && (here.is_symlink() || !here.exists()) {
        fs::remove(here)?;
        fs::rename_report(there, here)?;
    }
    Ok(())
}

/// The names at which links to that app are.
pub fn links_to(host: &Host, app: &App) -> Result<Vec<App>, Failure> {
    let names = fs::names(&host.apps_dir())?.into_iter().filter_map(|name| AppName::parse(&name).ok());
    Ok(names.map(|name| host.app_at(name)).filter(|one| leads_to(one, app)).collect())
}

/// Among the names that were given to it, its own is the one that it has: where names lead to, and where it leads itself.
fn rename_names(host: &Host, app: &App, other: &App) -> Result<(), Failure> {
    let (was, is) = (other.domain(&host.conf)?, app.domain(&host.conf)?);
    let before = names::given(app)?;
    let mut after = before.clone();
    for name in &mut after {
        if name.name == was.clone().into() {
            name.name = is.clone().into();
        }
        if name.to.as_ref() == Some(&was) {
            name.to = Some(is.clone());
        }
    }
    match after == before {
        true => Ok(()),
        false => Ok(fs::replace(&app.front().domains_file(), &names::to_file(&after), fs::PRIVATE_FILE)?),
    }
}

/// Whoever writes one goes on writing it: a file keeps its writers when it is renamed.
fn rename_logs(app: &App, other: &App) -> Result<(), Failure> {
    let lead = format!("dokuen.{}.", other.name);
    for name in fs::names(&app.logs_dir())? {
        if let Some(rest) = name.strip_prefix(&lead) {
            fs::rename(&app.logs_dir().join(&name), &app.named_log(rest))?;
        }
    }
    Ok(())
}
