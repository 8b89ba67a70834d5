//! What a one-off is run as: in the tree of the live release, with the environment of its processes but no port.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::releases::Tree;
use dokuen_core::{App, EnvName, Environment, Host, ProcessType, ledger, releases};
use dokuen_proc::{About, Bounds, Terms};

use crate::exit::{Exit, Failure};
use crate::reconcile::nothing_to_start;
use crate::walk;

/// Everything but who runs it.
#[derive(Debug)]
pub struct Prepared {
    /// The program, its arguments, its directory, its environment.
    pub command: Cmd,
    /// The live release.
    pub release: String,
    /// Its tree.
    pub tree: Tree,
}

/// `name` is what it will find in `PS` and `DYNO`; `env` goes above everything else that is set.
pub fn prepare(
    host: &Host,
    app: &App,
    name: &str,
    words: &[String],
    env: &[(String, String)],
) -> Result<Prepared, Failure> {
    let (Some(tree), Some(live)) = (releases::current(app)?, ledger::live(app)?) else {
        return Err(nothing_to_start(app));
    };
    let release = live.version.to_string();
    let commit = ledger::record(app, live.version)?.and_then(|r| r.commit).unwrap_or_default();
    let about = About { tree: tree.path(), name, app: app.name.as_str(), version: &release, commit: &commit };
    let environment = dokuen_proc::environment_of(host, app, about, app.env().load()?)?;
    let argv = dokuen_proc::argv_in_shell(&as_the_procfile_has_it(words, &tree), tree.path());
    let command = Cmd::new(&argv[0], tree.path()).args(&argv[1..]).envs(environment.pairs());
    let command = command.envs(env.iter().map(|(name, value)| (name, value)));
    Ok(Prepared { command, release, tree })
}

/// What one of that name (`run.7`, `cron.8`) may use: `run` and `cron` are types like those of the Procfile.
pub fn bounds(host: &Host, config: &Environment, name: &str) -> Result<Bounds, Failure> {
    let kind = ProcessType::parse(name.split('.').next().unwrap_or(name))?;
    Ok(Terms::of(&host.conf, &kind, config).map_err(|e| Failure::new(Exit::Failed, e))?.bounds)
}

/// `K=V` words, as `--env` takes them.
pub fn pairs(words: &[String]) -> Result<Vec<(String, String)>, Failure> {
    // Heroku separates several with semicolons.
    let all = words.iter().flat_map(|word| word.split(';')).filter(|word| !word.is_empty());
    all.map(|word| {
        let (name, value) = word.split_once('=').ok_or_else(|| Failure::usage("--env takes NAME=VALUE"))?;
        Ok((EnvName::parse(name)?.to_string(), value.to_owned()))
    })
    .collect()
}

/// A word that names a type of the Procfile is that line, with the other words behind it.
fn as_the_procfile_has_it(words: &[String], tree: &Tree) -> Vec<String> {
    let kind = words.first().and_then(|word| ProcessType::parse(word).ok());
    let Ok(procfile) = walk::procfile_of(tree) else { return words.to_vec() };
    let Some(line) = kind.and_then(|kind| procfile.command(&kind).map(str::to_owned)) else { return words.to_vec() };
    let script = if words.len() > 1 { format!("{line} \"$@\"") } else { line };
    let shell = dokuen_proc::line_in_shell("", Path::new("/")).swap_remove(0);
    [shell, "-c".to_owned(), script].into_iter().chain(words.iter().cloned()).collect()
}
