//! One file per command: load, call one library function, print.

pub mod access;
pub mod apps;
pub mod boot;
pub mod buildpacks;
pub mod builds;
pub mod certs;
pub mod certs_auto;
pub mod certs_renew;
pub mod config;
pub mod create;
pub mod cron;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod domains;
pub mod events;
pub mod freeze;
pub mod hold;
pub mod keys;
pub mod logs;
pub mod maintenance;
pub mod nginx;
pub mod ps;
pub mod purge_cache;
pub mod releases;
pub mod rename;
pub mod restart;
pub mod run;
pub mod runs;
pub mod scale;
pub mod shutdown;
pub mod storage;
pub mod version;
pub mod wait;
pub mod watch;
pub mod webhooks;

use dokuen_core::{Host, Transcript};

use crate::args::{Cli, Command};
use crate::events::{Event, record};
use crate::exit::{Exit, Failure};
use crate::notify;
use crate::place;
use crate::printer::Printer;
use crate::topics::machine::MachineCommand;

/// Runs one command; the number is its exit status.
pub(crate) fn dispatch(cli: Cli, out: &mut Printer) -> Result<u8, Failure> {
    if let Command::Program(command) = &cli.command {
        return command.run_anywhere(out);
    }
    let host = place::host_after(cli.config.as_deref(), |host| {
        if let Command::Machine(MachineCommand::Doctor(args)) = &cli.command {
            crate::doctor::ask_as_root(host);
            if args.fix {
                crate::doctor::give_back_as_root(host);
            }
        }
    })?;
    recorded(&host, &cli.command, out)
}

/// Runs a command and writes what it changed into the record of events.
pub(crate) fn recorded(host: &Host, command: &Command, out: &mut Printer) -> Result<u8, Failure> {
    let command = command.topic();
    let Some(what) = command.change() else { return command.run(host, out) };
    let event = |exit| Event::now(command.app(), what.trim_end(), exit);
    if command.takes_this_process() {
        note(host, &event(None), out);
        return command.run(host, out);
    }
    let result = command.run(host, out);
    let exit = result.as_ref().map_or_else(|failure| failure.exit as u8, |exit| *exit);
    // A failure would say that nothing has changed.
    out.excuse_what_is_unwritten();
    if exit != Exit::Usage as u8 {
        note(host, &event(Some(exit)), out);
    }
    result
}

/// Writes down that somebody was refused.
pub(crate) fn note_refused(host: &Host, command: &Command, failure: &Failure, out: &mut Printer) {
    let command = command.topic();
    if let Some(what) = command.change() {
        note(host, &Event::now(command.app(), what.trim_end(), Some(failure.exit as u8)), out);
    }
}

/// What was done is done: a record that cannot be written is said, and changes nothing.
pub(crate) fn note(host: &Host, event: &Event, out: &mut Printer) {
    if let Err(failure) = record(host, event) {
        out.problem(&format!("not recorded in the events: {failure}"));
    }
    if let Err(failure) = notify::of_event(host, event) {
        out.problem(&format!("nobody was told of it: {failure}"));
    }
}
