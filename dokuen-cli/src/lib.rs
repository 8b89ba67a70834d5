//! Dokuen's commands, as a library that other programs can embed: each is a function that takes a host and an app and
//! reports to a [`Transcript`](dokuen_core::Transcript). The walk of a deploy is in [`walk`], top to bottom.
//!
//! ```no_run
//! # fn main() -> Result<(), dokuen_cli::Failure> {
//! use dokuen_core::Silent;
//!
//! let host = dokuen_cli::place::host(Some("/srv/dokuen/dokuen.conf".as_ref()))?;
//! let app = dokuen_cli::place::app(&host, "blog")?;
//! let _lock = app.lock("restarting")?;
//! dokuen_cli::commands::restart::again(&host, &app, &mut Silent)?;
//! # Ok(())
//! # }
//! ```

mod args;
mod build;
pub mod commands;
mod exit;
mod front_door;
mod git;
mod hook;
pub mod place;
mod printer;
pub mod prune;
pub mod push;
pub mod reconcile;
mod release_phase;
mod settings;
pub mod setup;
pub mod walk;

pub use exit::{Exit, Failure};
pub use git::Commit;
pub use printer::Printer;

use std::ffi::OsString;
use std::path::Path;

use clap::Parser;

/// The whole program: what was typed, as whom it was called, to an exit status.
pub fn main(args: Vec<OsString>) -> u8 {
    // Files that others may read get exactly the mode they are made with, whatever the caller's umask.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let mut out = Printer::default();
    let result = match called_as(&args).as_str() {
        "pre-receive" | "dokuen-deploy" => hook::run(&mut out).map(|()| 0),
        _ => typed(args, &mut out),
    };
    result.unwrap_or_else(|failure| {
        out.failure(&failure);
        failure.exit as u8
    })
}

fn called_as(args: &[OsString]) -> String {
    let program = args.first().map(Path::new).and_then(Path::file_name);
    program.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn typed(args: Vec<OsString>, out: &mut Printer) -> Result<u8, Failure> {
    match args::Cli::try_parse_from(with_colons(args)) {
        Ok(cli) => {
            let debug = cli.debug;
            let done = commands::dispatch(cli, out);
            if let Some(failure) = done.as_ref().err().filter(|_| debug) {
                // Values of config vars hide themselves in this form.
                out.err(&format!("debug: {:?}\n", failure.cause));
            }
            done
        }
        Err(e) if !e.use_stderr() => {
            out.out(e.render().to_string().as_bytes());
            Ok(0)
        }
        Err(e) => {
            out.err(&e.render().to_string());
            Ok(Exit::Usage as u8)
        }
    }
}

/// `config_set` is `config:set`: the first word that is no option is the command's name.
fn with_colons(mut args: Vec<OsString>) -> Vec<OsString> {
    let mut skip = false;
    for arg in args.iter_mut().skip(1) {
        let text = arg.to_string_lossy().into_owned();
        if std::mem::take(&mut skip) {
            continue;
        }
        if text.starts_with('-') {
            skip = text == "--config";
            continue;
        }
        *arg = text.replace('_', ":").into();
        break;
    }
    args
}
