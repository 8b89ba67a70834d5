//! `storage`, `storage:create`, `storage:destroy`: directories of an app that outlive its releases.

use std::path::PathBuf;

use dokuen_core::{App, Host, StorageName, Transcript, fs};
use serde::Serialize;

use super::restart;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::show::{Table, left, right};
use crate::topics::AppData;
use crate::topics::storage::{StorageCreateArgs, StorageDestroyArgs};
use crate::{place, prune, reconcile, walk};

/// A storage as programs see it.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    variable: String,
    path: PathBuf,
    bytes: u64,
}

/// By name.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let storage = app.storage();
    let entry = |name: &StorageName| {
        let path = storage.path(name);
        // What the app removes while it is counted is not there any more: that is no error.
        let bytes = fs_extra::dir::get_size(&path).unwrap_or(0);
        Entry { name: name.to_string(), variable: name.variable(), path, bytes }
    };
    let all: Vec<Entry> = storage.names()?.iter().map(entry).collect();
    out.data(args.form, &all, |all| {
        let mut table = Table::new([left("name"), left("variable"), right("bytes"), left("path")]);
        for one in all {
            let path = one.path.display().to_string();
            table.row([one.name.clone(), one.variable.clone(), one.bytes.to_string(), path]);
        }
        table
    });
    Ok(())
}

/// Makes one, and starts the app anew so that its processes know of it.
pub fn create(host: &Host, args: &StorageCreateArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let name = StorageName::parse(&args.name)?;
    let _lock = app.lock("making storage")?;
    let runs = reconcile::reconcile(host, &app)?.is_some();
    let (storage, variable) = (app.storage(), name.variable());
    if storage.names()?.contains(&name) {
        return Err(Failure::new(Exit::Failed, format!("{} has a storage {name} already", app.name)));
    }
    if app.env().load()?.get(&variable).is_some() {
        let text = format!("{variable} is a config var of {}: the storage {name} would not be found by it", app.name);
        return Err(Failure::usage(text).hint("choose another name, or unset the config var"));
    }
    storage.create(&name)?;
    out.step(&format!("created storage {name} of {}", app.name));
    out.fact(&format!("{variable}={}", storage.path(&name).display()));
    restart_unless(runs, args.no_restart, host, &app, out)
}

/// Removes one after its name was typed twice.
pub fn destroy(host: &Host, args: &StorageDestroyArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let name = StorageName::parse(&args.name)?;
    let _lock = app.lock("removing storage")?;
    let storage = app.storage();
    if !storage.names()?.contains(&name) {
        let none = Failure::new(Exit::NotFound, format!("{} has no storage {name}", app.name));
        return Err(none.hint(format!("dokuen storage --application={}", app.name)));
    }
    if args.confirm.as_deref() != Some(name.as_str()) {
        let hint = format!("dokuen storage:destroy --application={} {name} --confirm={name}", app.name);
        return Err(Failure::usage(format!("this removes all that {} keeps in {name}, for good", app.name)).hint(hint));
    }
    let runs = reconcile::reconcile(host, &app)?.is_some();
    // From this rename on it is not there any more; what is left of it is rubbish, also for whoever finds it later.
    let rubbish = prune::rubbish(host, &format!("storage-{}-{name}", app.name));
    fs::remove_tree(&rubbish)?;
    fs::rename(&storage.path(&name), &rubbish)?;
    walk::finish(out, "removing its files", fs::remove_tree(&rubbish).map_err(Failure::from));
    out.step(&format!("destroyed storage {name} of {}", app.name));
    restart_unless(runs, args.no_restart, host, &app, out)
}

/// The environment of a process is made when it starts.
fn restart_unless(runs: bool, keep: bool, host: &Host, app: &App, out: &mut Printer) -> Result<(), Failure> {
    match (runs, keep) {
        (false, _) => Ok(()),
        (true, true) => {
            out.fact("what runs is left alone; the next release or restart has it");
            Ok(())
        }
        (true, false) => restart::again(host, app, out),
    }
}
