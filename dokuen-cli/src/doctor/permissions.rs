//! Open permissions: secrets that others can read, and anything that anybody can write.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dokuen_core::Host;
use dokuen_core::fs::{self, PRIVATE_DIR, PRIVATE_FILE};

use super::{Check, Finding};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "permissions", look, fix: Some(fix) };

/// A path that lets in more people than it should, and the mode it should have.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    mode: u32,
    wanted: u32,
}

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let open = open(host)?;
    if open.is_empty() {
        return Ok(vec![Finding::ok("no secret can be read by others, and nothing is writable by all")]);
    }
    let finding = |Open { path, mode, wanted }: Open| {
        let path = path.display();
        Finding::problem(format!("{path} has mode {mode:o}, not {wanted:o}"), format!("chmod {wanted:o} '{path}'"))
    };
    Ok(open.into_iter().map(finding).collect())
}

fn fix(host: &Host) -> Result<(), Failure> {
    for Open { path, wanted, .. } in open(host)? {
        fs::set_mode(&path, wanted)?;
    }
    Ok(())
}

fn open(host: &Host) -> Result<Vec<Open>, Failure> {
    let mut open = Vec::new();
    for (dir, mode) in host.directories() {
        open.extend(check(&dir, mode));
    }
    let secrets = [host.global_env().dir(), host.keys_dir(), host.events_dir(), host.webhooks_dir()];
    for dir in &secrets {
        open.extend(files(dir)?);
    }
    for app in host.apps()? {
        open.extend([app.dir(), app.repo()].into_iter().filter_map(|dir| check(dir, PRIVATE_DIR)));
        for dir in app.subdirectories() {
            open.extend(check(&dir, PRIVATE_DIR));
        }
        let storage = app.storage();
        open.extend(check(storage.dir(), PRIVATE_DIR));
        for name in storage.names()? {
            open.extend(check(&storage.path(&name), PRIVATE_DIR));
        }
        open.extend(files(&app.env().dir())?);
    }
    // The machine's nginx has a group of its own on the run directory.
    open.extend(check(&host.conf.run_dir, 0o2750));
    open.extend(check(&host.conf.dokuen_dir, 0o755));
    Ok(open)
}

/// What lies in a directory of secrets.
fn files(dir: &Path) -> Result<Vec<Open>, Failure> {
    Ok(fs::names(dir)?.iter().filter_map(|name| check(&dir.join(name), PRIVATE_FILE)).collect())
}

/// Only bits too many count: whoever is stricter may be.
fn check(path: &Path, wanted: u32) -> Option<Open> {
    let meta = path.symlink_metadata().ok().filter(|meta| !meta.is_symlink())?;
    let mode = meta.mode() & 0o7777;
    (mode & !wanted & 0o077 != 0).then(|| Open { path: path.to_owned(), mode, wanted: mode & wanted })
}
