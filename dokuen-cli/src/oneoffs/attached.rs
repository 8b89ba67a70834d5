//! A one-off that somebody is attached to: it takes the place of this process, and is listed as long as that lives.

use std::path::{Path, PathBuf};
use std::process::Command;

use dokuen_core::{App, Host, Stamp, fs};
use dokuen_proc::{Bounds, Group};

use super::attendant::claim;
use super::tidy::forget_old;
use super::{Prepared, Process, SPEC, Spec, bounds};
use crate::exit::{Exit, Failure};
use crate::place;

/// Lists what this process is about to become, or to wait for, and gives the command its name and its mark: where its
/// cgroup is to be, if it is to have one.
pub fn attach(
    host: &Host,
    app: &App,
    words: &[String],
    prepared: &Prepared,
    command: &mut Command,
) -> Result<Option<PathBuf>, Failure> {
    forget_old(host, app)?;
    let name = claim(host, app, "run")?;
    let cgroup = dokuen_proc::cgroup_of_one_off(host, app, &name);
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
        cgroup: cgroup.clone(),
    };
    write(&dir.join(SPEC), &spec)?;
    command.env("PS", &name).env("DYNO", &name).env(dokuen_proc::MARK, &dir);
    Ok(cgroup)
}

/// Its cgroup, made. Where it was to have limits and there is none, that is an error; else it runs without one.
pub fn group(host: &Host, app: &App, dir: &Path) -> Result<Option<Group>, Failure> {
    let bounds = bounds(host, &app.env().load()?, "run")?;
    match Group::open(dir, bounds, &host.conf.search_path()) {
        Ok(group) => Ok(Some(group)),
        Err(_) if bounds == Bounds::default() => Ok(None),
        Err(e) => Err(Failure::new(Exit::Failed, format!("the limits are not in force: {e}"))),
    }
}

/// Of no use after a power cut, so it is not waited for.
fn write(path: &Path, spec: &Spec) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(spec).expect("text and numbers have a JSON form");
    Ok(fs::replace_report(path, &bytes, fs::PRIVATE_FILE)?)
}
