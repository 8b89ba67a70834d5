//! `run`: a command in the live release, with its environment. It takes this process's place, so that its input,
//! terminal, signals and exit status are its own.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

use dokuen_core::{App, Host, Transcript};
use dokuen_proc::Group;

use crate::exit::{Exit, Failure};
use crate::oneoffs::{Prepared, attach, group, pairs, prepare};
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
    let group = group_of(host, &app, args, &prepared, &mut command, out);
    if place::visitor().is_some() && !std::io::stdin().is_terminal() {
        // The place is not given away: somebody has to notice when the visitor has gone.
        return dokuen_proc::run_watched(command, group).map_err(failed);
    }
    if let Some(group) = &group {
        group.join(&mut command);
    }
    Err(failed(command.exec()))
}

/// Lists it and makes its cgroup. It runs also where neither can be done: on a full disk a shell is what helps.
fn group_of(
    host: &Host,
    app: &App,
    args: &RunArgs,
    prepared: &Prepared,
    command: &mut Command,
    out: &mut Printer,
) -> Option<Group> {
    let made = match attach(host, app, &args.words, prepared, command) {
        Ok(dir) => dir.map(|dir| group(host, app, &dir)).transpose().map(Option::flatten),
        Err(failure) => {
            out.problem(&format!("run:list does not know of this one: {failure}"));
            return None;
        }
    };
    made.unwrap_or_else(|failure| {
        out.problem(&failure.to_string());
        None
    })
}
