//! What runs in a new release before any of its processes: `DOKUEN_AFTER_BUILD`, the Procfile's `release:`, and before
//! that the `predeploy` of `app.json`.

use std::path::Path;
use std::time::Duration;

use dokuen_core::cmd::Cmd;
use dokuen_core::ledger;
use dokuen_core::{App, Environment, Host, ProcessType, Transcript};
use dokuen_proc::About;

use crate::app_json::AppJson;
use crate::cancel::Cancellable;
use crate::exit::{Exit, Failure};
use crate::git::Commit;
use crate::walk;

/// Migrations take their time.
pub const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Runs them, in a tree that is not whole yet, where they are given; a failure aborts the deploy, and the old release serves on.
pub fn run(
    host: &Host,
    app: &App,
    tree: &Path,
    config: &Environment,
    commit: &Commit,
    cancel: &Cancellable,
    out: &mut dyn Transcript,
) -> Result<(), Failure> {
    let procfile = walk::procfile_in(tree)?;
    let release = ProcessType::parse("release").ok();
    let app_json = AppJson::of(tree)?;
    let lines = [
        ("DOKUEN_AFTER_BUILD", config.text("DOKUEN_AFTER_BUILD")),
        ("predeploy", app_json.predeploy.as_deref()),
        ("release", release.as_ref().and_then(|kind| procfile.command(kind))),
    ];
    for (name, line) in lines.into_iter().filter_map(|(name, line)| Some((name, line?))) {
        out.step(&format!("running {name}"));
        let version = ledger::next(app)?.to_string();
        let about = About { tree, name: "release.1", app: app.name.as_str(), version: &version, commit: commit.id() };
        let environment = dokuen_proc::environment_of(host, app, about, config.clone())?;
        let argv = dokuen_proc::line_in_shell(line, tree);
        let command = Cmd::new(&argv[0], tree).args(&argv[1..]).envs(environment.pairs());
        let ran = dokuen_build::stream(&command, LONGEST, Some(cancel.flag()), out);
        ran.map_err(|cause| Failure::new(Exit::Failed, After { name, source: cause }))?;
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("{name} failed; the release was not started")]
struct After {
    name: &'static str,
    source: dokuen_build::StreamError,
}
