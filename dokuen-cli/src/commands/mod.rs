//! One file per command: load, call one library function, print.

pub mod apps;
pub mod boot;
pub mod buildpacks;
pub mod config;
pub mod create;
pub mod deploy;
pub mod destroy;
pub mod logs;
pub mod ps;
pub mod purge_cache;
pub mod releases;
pub mod restart;
pub mod run;
pub mod scale;
pub mod shutdown;

use crate::args::{Cli, Command};
use crate::exit::Failure;
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
    let host = place::host(conf)?;
    match cli.command {
        Command::Create(args) => create::run(&host, &args.application, out),
        Command::Apps => apps::run(&host, out),
        Command::Destroy(args) => destroy::run(&host, &args.app.application, args.confirm.as_deref(), out),
        Command::Config(args) => config::show(&host, &args.application, out),
        Command::ConfigSet(args) => config::set(&host, &args.app.application, &args.vars, out),
        Command::ConfigUnset(args) => config::unset(&host, &args.app.application, &args.names, out),
        Command::Scale(args) => scale::run(&host, &args.app.application, &args.items, out),
        Command::Restart(args) => restart::run(&host, &args.application, out),
        Command::Shutdown(args) => shutdown::run(&host, args.application.as_deref(), out),
        Command::Boot(args) => boot::run(&host, args.application.as_deref(), out),
        Command::Run(args) => return run::run(&host, &args.app.application, &args.words),
        Command::Ps(args) => ps::run(&host, &args.application, out),
        Command::Logs(args) => logs::run(&host, &args, out),
        Command::Releases(args) => releases::run(&host, &args.application, out),
        Command::Rollback(args) => releases::rollback(&host, &args.app.application, args.version.as_deref(), out),
        Command::Prune(args) => releases::prune(&host, &args.app.application, args.dry_run, out),
        Command::PurgeCache(args) => purge_cache::run(&host, &args.application, out),
        Command::Tidy => prune::tidy(&host),
        Command::Buildpacks => buildpacks::list(&host, out),
        Command::BuildpacksInstall(args) => buildpacks::install(&host, &args.url, out),
        Command::BuildpacksUninstall(args) => buildpacks::uninstall(&host, &args.name, out),
        Command::Deploy(args) => deploy::run(&host, &args.app.application, args.rev.as_deref(), out),
        Command::Setup(_) | Command::Version => Ok(()),
    }
    .map(|()| 0)
}
