//! What runs once a deploy is live: `scripts` of `app.json`. The release serves by then, so a failure is said and changes
//! nothing.

use std::path::Path;

use dokuen_core::{App, Host, Transcript, fs, releases};

use crate::app_json::AppJson;
use crate::exit::{Exit, Failure};
use crate::{oneoffs, release_phase};

/// Runs `scripts.dokku.postdeploy`, and before it `scripts.postdeploy` where it has not run to its end yet: in Heroku's
/// words that one fills a fresh app, and to fill it twice would spoil it.
pub fn run(host: &Host, app: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    let Some(tree) = releases::current(app)? else { return Ok(()) };
    let scripts = AppJson::of(tree.path())?;
    if let Some(line) = &scripts.first_deploy
        && !app.filled_file().exists()
    {
        script(host, app, "postdeploy", line, out)?;
        fs::replace(&app.filled_file(), b"", fs::PRIVATE_FILE)?;
    }
    scripts.postdeploy.map_or(Ok(()), |line| script(host, app, "dokku.postdeploy", &line, out))
}

fn script(host: &Host, app: &App, name: &str, line: &str, out: &mut dyn Transcript) -> Result<(), Failure> {
    out.step(&format!("running {name}"));
    // Not in its tree yet: the profile scripts are `prepare`'s business.
    let words = dokuen_proc::line_in_shell(line, Path::new("/"));
    let command = oneoffs::prepare(host, app, "postdeploy.1", &words, &[])?.command;
    let ran = dokuen_build::stream(&command, release_phase::LONGEST, None, out);
    ran.map_err(|e| Failure::new(Exit::Failed, format!("{name} failed, and {} serves all the same: {e}", app.name)))
}
