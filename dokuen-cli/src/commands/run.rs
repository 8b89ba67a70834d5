//! `run`: a command in the live release, with its environment. It takes this process's place, so that its input,
//! terminal, signals and exit status are its own.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;

use dokuen_core::cmd::Cmd;
use dokuen_core::{Environment, Host, Layers, ledger, read_dotenv, releases};

use crate::exit::{Exit, Failure};
use crate::place;

/// Never returns when the command could be started.
pub fn run(host: &Host, name: &str, words: &[String]) -> Result<u8, Failure> {
    let app = place::app(host, name)?;
    let nothing =
        || Failure::new(Exit::NotFound, format!("{} has no release yet", app.name)).hint("git push dokuen master");
    let (Some(tree), Some(live)) = (releases::current(&app)?, ledger::live(&app)?) else { return Err(nothing()) };
    let commit = ledger::record(&app, live.version)?.and_then(|r| r.commit).unwrap_or_default();
    let environment = one_off_environment(host, &app, tree.path(), &live.version.to_string(), &commit)?;
    let argv = dokuen_proc::argv_in_shell(words, tree.path());
    let mut command = Cmd::new(&argv[0], tree.path()).args(&argv[1..]).envs(environment.pairs()).to_std();
    if let Some(term) = std::env::var_os("TERM") {
        command.env("TERM", term);
    }
    if place::visitor().is_some() && !std::io::stdin().is_terminal() {
        // The place is not given away: somebody has to notice when the visitor has gone.
        return dokuen_proc::run_watched(command).map_err(|e| {
            Failure::new(Exit::Failed, format!("failed to start it in `{}`: {e}", tree.path().display()))
        });
    }
    let error = command.exec();
    Err(Failure::new(Exit::Failed, format!("failed to start it in `{}`: {error}", tree.path().display())))
}

/// What a process of the release would get, without a port.
pub fn one_off_environment(
    host: &Host,
    app: &dokuen_core::App,
    tree: &std::path::Path,
    version: &str,
    commit: &str,
) -> Result<Environment, Failure> {
    let defaults = read_dotenv(&tree.join(".env"))?;
    let platform = Environment::default()
        .with("HOME", tree)
        .with("PS", "run.1")
        .with("DYNO", "run.1")
        .with("DOKUEN_APP", app.name.as_str())
        .with("DOKUEN_RELEASE", version)
        .with("GIT_REV", commit)
        .with("SOURCE_VERSION", commit);
    let base = dokuen_proc::base_environment(&host.conf.search_path());
    Ok(Layers { base, defaults, global: host.global_env().load()?, app: app.env().load()?, platform }.merged())
}
