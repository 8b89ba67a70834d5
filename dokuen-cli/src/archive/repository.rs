//! An app's branches and tags as one file, which git makes and git reads.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use dokuen_core::cmd::{CmdError, how};
use dokuen_core::{App, Host};

use super::manifest::refused;
use crate::exit::{Exit, Failure};
use crate::git::{HARMLESS, git};

/// A bundle without a name; `None` of a repository into which nothing was pushed.
pub fn bundle(host: &Host, app: &App) -> Result<Option<File>, Failure> {
    let some = git(host, app.repo()).args(["for-each-ref", "--count=1", "refs/heads", "refs/tags"]).run()?;
    if some.stdout.is_empty() {
        return Ok(None);
    }
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("failed to bundle the repository: {e}"));
    let file = tempfile::tempfile_in(host.tmp_dir()).map_err(failed)?;
    let bundle = git(host, app.repo()).args(["bundle", "create", "--quiet", "-", "--branches", "--tags"]);
    let to = file.try_clone().map_err(failed)?;
    let output = bundle.to_std().stdin(Stdio::null()).stdout(to).stderr(Stdio::piped()).output().map_err(failed)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(std::io::Error::other(format!("git bundle {}: {words}", how(output.status)))));
    }
    Ok(Some(file))
}

/// Its branches and tags into the new repository; what git would not take by a push is not taken.
pub fn unbundle(host: &Host, app: &App, bundle: &Path) -> Result<(), Failure> {
    // Git 2.47 cannot be told what is harmless in a bundle, and older ones look less closely: all is looked at below.
    let take = git(host, app.repo()).args(["-c", "fetch.fsckObjects=false", "fetch", "--quiet", "--no-tags"]);
    let take = take.args(["--no-write-fetch-head", "--no-auto-maintenance"]).arg(bundle);
    let done = take.args(["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]).run();
    done.map_err(said)?;
    let harmless = HARMLESS.iter().map(|name| format!("{}=ignore", name.trim_start_matches("receive.")));
    let check = harmless.fold(git(host, app.repo()), |git, fault| git.args(["-c", &fault]));
    check.args(["fsck", "--strict", "--no-dangling", "--no-progress"]).run().map(drop).map_err(said)
}

fn said(cause: CmdError) -> Failure {
    match cause {
        CmdError::Failed { output, .. } => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let first = words
                .lines()
                .find(|line| !line.trim().is_empty() && !line.starts_with("warning"))
                .unwrap_or("git does not take it");
            refused(format!("its repository: {}", first.chars().filter(|c| !c.is_control()).collect::<String>()))
        }
        other => other.into(),
    }
}
