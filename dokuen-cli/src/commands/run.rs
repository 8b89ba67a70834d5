//! `run`: a command in the live release, with its environment. It takes this process's place, so that its input,
//! terminal, signals and exit status are its own.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;

use dokuen_core::{Host, Transcript};

use crate::exit::{Exit, Failure};
use crate::oneoffs::{attach, pairs, prepare};
use crate::place;
use crate::printer::Printer;
use crate::topics::oneoffs::RunArgs;

/// Never returns when the command could be started.
pub fn run(host: &Host, args: &RunArgs, out: &mut Printer) -> Result<u8, Failure> {
    let app = place::app(host, &args.app.application)?;
    let prepared = prepare(host, &app, "run.1", &args.words, &pairs(&args.env)?)?;
    let failed = |e: std::io::Error| {
        Failure::new(Exit::Failed, format!("failed to start it in `{}`: {e}", prepared.tree.path().display()))
    };
    let mut command = prepared.command.to_std();
    if let Some(term) = std::env::var_os("TERM") {
        command.env("TERM", term);
    }
    if let Err(failure) = attach(&app, &args.words, &prepared, &mut command) {
        // On a full disk a shell is what helps.
        out.problem(&format!("run:list does not know of this one: {failure}"));
    }
    if place::visitor().is_some() && !std::io::stdin().is_terminal() {
        // The place is not given away: somebody has to notice when the visitor has gone.
        return dokuen_proc::run_watched(command).map_err(failed);
    }
    Err(failed(command.exec()))
}
