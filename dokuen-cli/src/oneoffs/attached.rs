//! A one-off that somebody is attached to: it takes the place of this process, and is listed as long as that lives.

use std::path::Path;
use std::process::Command;

use dokuen_core::{App, Stamp, fs};

use super::attendant::claim;
use super::tidy::forget_old;
use super::{Prepared, Process, SPEC, Spec};
use crate::exit::Failure;
use crate::place;

/// Lists what this process is about to become, or to wait for, and gives the command its name and its mark.
pub fn attach(app: &App, words: &[String], prepared: &Prepared, command: &mut Command) -> Result<(), Failure> {
    forget_old(app)?;
    let name = claim(app, "run")?;
    let dir = app.runs_dir().join(&name);
    let pid = nix::unistd::getpid().as_raw();
    let spec = Spec {
        words: words.to_vec(),
        by: place::who(),
        at: Stamp::now().for_people(),
        release: prepared.release.clone(),
        tree: prepared.tree.path().to_owned(),
        env: Vec::new(),
        job: None,
        due: None,
        timeout: None,
        attached: Some(Process { pid, started: dokuen_proc::start_time(pid).unwrap_or(0) }),
    };
    write(&dir.join(SPEC), &spec)?;
    command.env("PS", &name).env("DYNO", &name).env("DOKUEN_INSTANCE", &dir);
    Ok(())
}

/// Of no use after a power cut, so it is not waited for.
fn write(path: &Path, spec: &Spec) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(spec).expect("text and numbers have a JSON form");
    Ok(fs::replace_report(path, &bytes, fs::PRIVATE_FILE)?)
}
