//! Config vars.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dokuen_core::Host;

use super::{Topic, done};
use crate::access::Needs;
use crate::commands::config;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Config vars.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum ConfigCommand {
    /// Show the config vars of an app
    #[command(name = "config", aliases = ["config:show"])]
    Show(ConfigShowArgs),
    /// Show the values of some config vars
    #[command(name = "config:get")]
    Get(ConfigGetArgs),
    /// Set config vars; the app then runs with them, without a failed request
    #[command(name = "config:set", aliases = ["config:add"])]
    Set(ConfigSetArgs),
    /// Unset config vars
    #[command(name = "config:unset", aliases = ["config:delete", "config:remove"])]
    Unset(ConfigUnsetArgs),
    /// Set config vars from a file of NAME=VALUE lines
    #[command(name = "config:import")]
    Import(ConfigImportArgs),
    /// Write config vars in a form that other programs read
    #[command(name = "config:export")]
    Export(ConfigExportArgs),
    /// Change config vars in an editor
    #[command(name = "config:edit")]
    Edit(ConfigEditArgs),
}

impl Topic for ConfigCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Show(args) => args.whose.needs(),
            Self::Get(args) => args.whose.needs(),
            Self::Set(args) => args.whose.needs(),
            Self::Unset(args) => args.whose.needs(),
            Self::Import(args) => args.whose.needs(),
            Self::Export(args) => args.whose.needs(),
            // The editor would run on the host, as the account, and most editors can start a shell.
            Self::Edit(_) => Needs::Local,
        }
    }

    fn change(&self) -> Option<String> {
        let global = |whose: &Whose| if whose.global { " --global" } else { "" };
        match self {
            Self::Show(_) | Self::Get(_) | Self::Export(_) => None,
            Self::Set(args) => Some(format!("config:set{} {}", global(&args.whose), args.names())),
            Self::Unset(args) => Some(format!("config:unset{} {}", global(&args.whose), args.names.join(" "))),
            Self::Import(args) => Some(format!("config:import{}", global(&args.whose))),
            Self::Edit(args) => Some(format!("config:edit{}", global(&args.whose))),
        }
    }

    fn app(&self) -> Option<&str> {
        match self {
            Self::Edit(args) => args.whose.application.as_deref(),
            _ => self.needs().app(),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Show(args) => config::show(host, args, out),
            Self::Get(args) => config::get(host, args, out),
            Self::Set(args) => config::set(host, args, out),
            Self::Unset(args) => config::unset(host, args, out),
            Self::Import(args) => config::import(host, args, out),
            Self::Export(args) => config::export(host, args, out),
            Self::Edit(args) => config::edit(host, args, out),
        })
    }
}

/// Whose config vars: one app's, or those that every app gets.
#[derive(Debug, Args, Clone)]
pub struct Whose {
    /// The app
    #[arg(
        short = 'a',
        long = "application",
        visible_alias = "app",
        value_name = "APP",
        required_unless_present = "global"
    )]
    pub application: Option<String>,
    /// Those of every app of the host, below the app's own
    #[arg(long, conflicts_with = "application")]
    pub global: bool,
}

impl Whose {
    fn needs(&self) -> Needs<'_> {
        self.application.as_deref().map_or(Needs::Admin, Needs::Collaborator)
    }

    /// How it was typed.
    pub fn word(&self) -> String {
        self.application.as_ref().map_or_else(|| "--global".to_owned(), |app| format!("--application={app}"))
    }
}

/// `config`
#[derive(Debug, Args)]
pub struct ConfigShowArgs {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// In which form
    #[command(flatten)]
    pub form: Form,
    /// Print lines that a shell can read: NAME='value'
    #[arg(short = 's', long, conflicts_with_all = ["json", "format"])]
    pub shell: bool,
}

/// `config:get`
#[derive(Debug, Args)]
pub struct ConfigGetArgs {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Names of config vars
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// In which form
    #[command(flatten)]
    pub form: Form,
    /// Print lines that a shell can read: NAME='value'
    #[arg(short = 's', long, conflicts_with_all = ["json", "format"])]
    pub shell: bool,
}

/// `config:set`
#[derive(Debug, Args)]
pub struct ConfigSetArgs {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// A marker of the old days; it changes nothing
    #[arg(short = 'V', hide = true)]
    pub marker: bool,
    /// Keep it for the next release; what runs is left alone
    #[arg(long, visible_alias = "skip-deploy")]
    pub no_restart: bool,
    /// Read NAME=VALUE entries from standard input, each ended by a NUL byte; the words are their names
    #[arg(long, hide = true)]
    pub nul: bool,
    /// NAME=VALUE; NAME=- takes the value from standard input, NAME=@FILE from a file (@@ for a value that begins with @)
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
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// A marker of the old days; it changes nothing
    #[arg(short = 'V', hide = true)]
    pub marker: bool,
    /// Keep it for the next release; what runs is left alone
    #[arg(long, visible_alias = "skip-deploy")]
    pub no_restart: bool,
    /// Names of config vars
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// `config:import`
#[derive(Debug, Args)]
pub struct ConfigImportArgs {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Unset what the file does not name
    #[arg(long)]
    pub replace: bool,
    /// Keep it for the next release; what runs is left alone
    #[arg(long, visible_alias = "skip-deploy")]
    pub no_restart: bool,
    /// Only when the config vars are still those with this sum
    #[arg(long, hide = true, value_name = "SUM")]
    pub unless_changed_from: Option<String>,
    /// A file of NAME=VALUE lines; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
}

/// `config:export`
#[derive(Debug, Args)]
pub struct ConfigExportArgs {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// In which form
    #[arg(long, value_name = "FORMAT", default_value = "dotenv")]
    pub format: ExportFormat,
}

/// How config vars can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// NAME=VALUE lines, as `config:import` reads them.
    Dotenv,
    /// One object.
    Json,
    /// `export NAME='VALUE'` lines.
    Shell,
}

/// `config:edit`
#[derive(Debug, Args)]
pub struct ConfigEditArgs {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
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
