//! Dokuen's commands, as a library that other programs can embed: each is a function that takes a host and an app and
//! reports to a [`Transcript`](dokuen_core::Transcript). The walk of a deploy is in [`walk`], top to bottom.
//!
//! ```
//! use dokuen_cli::{Commit, Exit, Failure};
//!
//! assert!(Commit::parse("--upload-pack=id").is_none(), "only object ids reach git");
//! assert_eq!(Failure::usage("scale web=abc").exit, Exit::Usage);
//! ```
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

mod accepted;
pub mod access;
mod app_json;
mod archive;
mod args;
mod build;
mod build_dir;
mod build_limits;
mod build_log;
mod cache;
mod cancel;
mod client;
pub mod commands;
mod config_size;
mod cron;
pub mod doctor;
pub mod events;
mod exit;
mod failed_builds;
mod front_door;
mod git;
mod git_locks;
mod gitolite;
mod help;
mod hook;
pub mod keys;
pub mod mason;
mod notify;
pub mod oneoffs;
pub mod place;
mod postdeploy;
mod printer;
pub mod prune;
pub mod push;
mod pushed_tree;
mod pusher;
pub mod reconcile;
mod ref_names;
mod release_phase;
mod room;
mod settings;
pub mod setup;
pub mod shell;
mod show;
mod slug_again;
mod spare_tree;
mod submodules;
mod topics;
mod unpack;
pub mod walk;

pub use exit::{Exit, Failure};
pub use git::Commit;
pub use printer::Printer;

use std::ffi::OsString;
use std::path::Path;

/// The whole program: what was typed, as whom it was called, to an exit status.
pub fn main(args: Vec<OsString>) -> u8 {
    // Files that others may read get exactly the mode they are made with, whatever the caller's umask.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let mut out = Printer::default();
    let name = called_as(&args);
    let result = match name.as_str() {
        "pre-receive" | "dokuen-deploy" => hook::run(&mut out).map(|()| 0),
        "dokuen-shell" | "-dokuen-shell" => shell::run(&args, &mut out),
        gitolite::TRIGGER => gitolite::before_git::run(&args, &mut out),
        _ if gitolite::runs_this() => gitolite::command::run(&args, &mut out),
        _ => typed(args, &mut out),
    };
    let exit = result.unwrap_or_else(|failure| {
        out.failure(&failure);
        failure.exit as u8
    });
    match name.as_str() {
        // What has gone live is what git must take, also when not all of it could be said.
        "pre-receive" | "dokuen-deploy" => exit,
        _ => out.end(exit),
    }
}

fn called_as(args: &[OsString]) -> String {
    let program = args.first().map(Path::new).and_then(Path::file_name);
    program.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn typed(args: Vec<OsString>, out: &mut Printer) -> Result<u8, Failure> {
    if let Some(exit) = client::run(&args, out)? {
        return Ok(exit);
    }
    let cli = match args::parse(args, out) {
        Ok(cli) => cli,
        Err(exit) => return Ok(exit),
    };
    let debug = cli.debug;
    out.look.quiet = cli.quiet;
    let done = commands::dispatch(cli, out);
    if let Some(failure) = done.as_ref().err().filter(|_| debug) {
        // Values of config vars hide themselves in this form.
        out.err(&format!("debug: {:?}\n", failure.cause));
    }
    done
}
