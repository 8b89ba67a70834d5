//! Commands that run once, in the live release.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, Topic};
use crate::access::Needs;
use crate::commands::run;
use crate::exit::Failure;
use crate::printer::Printer;

/// Commands that run once, in the live release.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum OneOffsCommand {
    /// Run a command in the live release, with its environment
    #[command(name = "run", aliases = ["run:command"])]
    Run(RunArgs),
}

impl Topic for OneOffsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Run(args) => Needs::Collaborator(&args.app.application),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Run(_) => Some("run".to_owned()),
        }
    }

    fn takes_this_process(&self) -> bool {
        match self {
            Self::Run(_) => true,
        }
    }

    fn run(&self, host: &Host, _: &mut Printer) -> Result<u8, Failure> {
        match self {
            Self::Run(args) => run::run(host, &args.app.application, &args.words),
        }
    }
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// The command and its arguments, passed on exactly
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}
