//! Config vars.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, Topic, done};
use crate::access::Needs;
use crate::commands::config;
use crate::exit::Failure;
use crate::printer::Printer;

/// Config vars.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum ConfigCommand {
    /// Show the config vars of an app
    #[command(name = "config", aliases = ["config:show"])]
    Show(AppData),
    /// Set config vars; the app then runs with them, without a failed request
    #[command(name = "config:set", aliases = ["config:add"])]
    Set(ConfigSetArgs),
    /// Unset config vars
    #[command(name = "config:unset", aliases = ["config:delete", "config:remove"])]
    Unset(ConfigUnsetArgs),
}

impl Topic for ConfigCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Show(args) => Needs::Collaborator(&args.app.application),
            Self::Set(args) => Needs::Collaborator(&args.app.application),
            Self::Unset(args) => Needs::Collaborator(&args.app.application),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Show(_) => None,
            Self::Set(args) => Some(format!("config:set {}", args.names())),
            Self::Unset(args) => Some(format!("config:unset {}", args.names.join(" "))),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Show(args) => config::show(host, args, out),
            Self::Set(args) => config::set(host, args, out),
            Self::Unset(args) => config::unset(host, &args.app.application, &args.names, out),
        })
    }
}

/// `config:set`
#[derive(Debug, Args)]
pub struct ConfigSetArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// A marker of the old days; it changes nothing
    #[arg(short = 'V', hide = true)]
    pub marker: bool,
    /// Read NAME=VALUE entries from standard input, each ended by a NUL byte; the words are their names
    #[arg(long, hide = true)]
    pub nul: bool,
    /// NAME=VALUE; NAME=- takes the value from standard input
    #[arg(required = true, value_name = "NAME=VALUE")]
    pub vars: Vec<OsString>,
}

impl ConfigSetArgs {
    /// The names without the values, for the record of events.
    fn names(&self) -> String {
        let words = self.vars.iter().map(|var| var.to_string_lossy());
        let name = |var: &str| if self.nul { Some(var.to_owned()) } else { Some(var.split_once('=')?.0.to_owned()) };
        words.filter_map(|var| name(&var)).collect::<Vec<_>>().join(" ")
    }
}

/// `config:unset`
#[derive(Debug, Args)]
pub struct ConfigUnsetArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// A marker of the old days; it changes nothing
    #[arg(short = 'V', hide = true)]
    pub marker: bool,
    /// Names of config vars
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Config vars are set as `NAME=VALUE`, all of them. A word without `=` may be half of a secret that a shell has split:
/// it is not echoed.
pub fn no_word_without_value(vars: &[OsString]) -> Result<(), Failure> {
    if vars.iter().all(|var| var.as_encoded_bytes().contains(&b'=')) {
        return Ok(());
    }
    let text = "config vars are set as NAME=VALUE; a word without \"=\" was given";
    Err(Failure::usage(text).hint("quote a value that holds blanks: dokuen config_set \"A='one two'\""))
}
