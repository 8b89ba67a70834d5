//! One file per command: load, call one library function, print.

pub mod access;
pub mod apps;
pub mod boot;
pub mod buildpacks;
pub mod builds;
pub mod config;
pub mod create;
pub mod deploy;
pub mod destroy;
pub mod events;
pub mod keys;
pub mod logs;
pub mod ps;
pub mod purge_cache;
pub mod releases;
pub mod restart;
pub mod run;
pub mod scale;
pub mod shutdown;
pub mod watch;

use dokuen_core::{Host, Transcript};

use crate::access::change;
use crate::args::{Cli, Command};
use crate::events::{Event, record};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::{place, prune, setup};

/// Runs one command; the number is its exit status.
pub(crate) fn dispatch(cli: Cli, out: &mut Printer) -> Result<u8, Failure> {
    let conf = cli.config.as_deref();
    match cli.command {
        Command::Setup(args) => return setup::run(&args, out).map(|()| 0),
        Command::Version => {
            out.out(format!("dokuen {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
            return Ok(0);
        }
        _ => {}
    }
    recorded(&place::host(conf)?, cli.command, out)
}

/// Runs a command and writes what it changed into the record of events.
pub(crate) fn recorded(host: &Host, command: Command, out: &mut Printer) -> Result<u8, Failure> {
    let Some((app, what)) = change(&command).map(|(app, what)| (app.map(str::to_owned), what)) else {
        return on_host(host, command, out);
    };
    let event = |exit| Event::now(app.as_deref(), &what, exit);
    if matches!(command, Command::Run(_)) {
        // The program may take this process's place.
        note(host, &event(None), out);
        return on_host(host, command, out);
    }
    let result = on_host(host, command, out);
    let exit = result.as_ref().map_or_else(|failure| failure.exit as u8, |exit| *exit);
    if exit != Exit::Usage as u8 {
        note(host, &event(Some(exit)), out);
    }
    result
}

/// Writes down that somebody was refused.
pub(crate) fn note_refused(host: &Host, command: &Command, failure: &Failure, out: &mut Printer) {
    if let Some((app, what)) = change(command) {
        note(host, &Event::now(app, &what, Some(failure.exit as u8)), out);
    }
}

/// What was done is done: a record that cannot be written is said, and changes nothing.
pub(crate) fn note(host: &Host, event: &Event, out: &mut Printer) {
    if let Err(failure) = record(host, event) {
        out.problem(&format!("not recorded in the events: {failure}"));
    }
}

fn on_host(host: &Host, command: Command, out: &mut Printer) -> Result<u8, Failure> {
    match command {
        Command::Create(args) => create::run(host, &args.application, out),
        Command::Apps => apps::run(host, out),
        Command::Destroy(args) => destroy::run(host, &args.app.application, args.confirm.as_deref(), out),
        Command::Config(args) => config::show(host, &args.application, out),
        Command::ConfigSet(args) => config::set(host, &args, out),
        Command::ConfigUnset(args) => config::unset(host, &args.app.application, &args.names, out),
        Command::Scale(args) => scale::run(host, &args.app.application, &args.items, out),
        Command::Restart(args) => restart::run(host, &args.application, out),
        Command::Shutdown(args) => shutdown::run(host, args.application.as_deref(), out),
        Command::Boot(args) => boot::run(host, args.app.application.as_deref(), args.watch, out),
        Command::Run(args) => return run::run(host, &args.app.application, &args.words),
        Command::Ps(args) => ps::run(host, &args.application, out),
        Command::Logs(args) => logs::run(host, &args, out),
        Command::Releases(args) => releases::run(host, &args.application, out),
        Command::Rollback(args) => releases::rollback(host, &args.app.application, args.version.as_deref(), out),
        Command::Prune(args) => releases::prune(host, &args.app.application, args.dry_run, out),
        Command::Builds(args) => builds::list(host, &args.application, out),
        Command::BuildsOutput(args) => builds::output(host, &args.app.application, args.version.as_deref(), out),
        Command::DeploysCancel(args) => builds::cancel(host, &args.application, out),
        Command::PurgeCache(args) => purge_cache::run(host, &args.application, out),
        Command::Tidy => prune::tidy(host),
        Command::Buildpacks => buildpacks::list(host, out),
        Command::BuildpacksInstall(args) => buildpacks::install(host, &args.url, out),
        Command::BuildpacksUninstall(args) => buildpacks::uninstall(host, &args.name, out),
        Command::Deploy(args) => deploy::run(host, &args.app.application, args.rev.as_deref(), out),
        Command::AddUser(args) => keys::add(host, &args, out),
        Command::RemoveUser(args) => keys::remove(host, &args.name, out),
        Command::Keys => keys::list(host, out),
        Command::KeysSync => crate::keys::rewrite(host),
        Command::Access(args) => access::list(host, &args.application, out),
        Command::Grant(args) => access::grant(host, &args, out),
        Command::Revoke(args) => access::revoke(host, &args, out),
        Command::Events(args) => events::run(host, &args, out),
        Command::Setup(_) | Command::Version => Ok(()),
    }
    .map(|()| 0)
}
