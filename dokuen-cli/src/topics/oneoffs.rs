//! Commands that run once, in the live release.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, Topic, done};
use crate::access::Needs;
use crate::commands::{run, runs};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::{oneoffs, place};

/// Commands that run once, in the live release.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum OneOffsCommand {
    /// Run a command, or a line of the Procfile by its name, in the live release, with its environment
    #[command(name = "run", aliases = ["run:command"])]
    Run(RunArgs),
    /// Run a command in the background; it goes on when you have left
    #[command(name = "run:detached")]
    Detached(RunArgs),
    /// List the commands that run, attached or in the background, and the last that did in the background
    #[command(name = "run:list")]
    List(AppData),
    /// End commands, attached or in the background
    #[command(name = "run:stop")]
    Stop(RunStopArgs),
    /// Show what a command in the background has said
    #[command(name = "run:logs")]
    Logs(RunLogsArgs),
    /// Stay with a command in the background
    #[command(name = "run:attend", hide = true)]
    Attend(AttendArgs),
}

impl Topic for OneOffsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Run(args) | Self::Detached(args) => Needs::Collaborator(&args.app.application),
            Self::List(args) => Needs::Collaborator(&args.app.application),
            Self::Stop(args) => Needs::Collaborator(&args.app.application),
            Self::Logs(args) => Needs::Collaborator(&args.app.application),
            Self::Attend(_) => Needs::Local,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Run(_) => Some("run".to_owned()),
            Self::Detached(_) => Some("run:detached".to_owned()),
            Self::Stop(args) => Some(format!("run:stop {}", args.names.join(" "))),
            Self::List(_) | Self::Logs(_) | Self::Attend(_) => None,
        }
    }

    fn takes_this_process(&self) -> bool {
        matches!(self, Self::Run(_))
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Run(args) => return run::run(host, args, out),
            Self::Detached(args) => runs::detached(host, args, out),
            Self::List(args) => runs::list(host, args, out),
            Self::Stop(args) => runs::stop(host, args, out),
            Self::Logs(args) => runs::show_logs(host, args, out),
            Self::Attend(args) => oneoffs::attend(host, &place::app(host, &args.app.application)?, &args.name),
        })
    }
}

/// `run`, `run:detached`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// One more variable, NAME=VALUE; may be given again
    #[arg(short = 'e', long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Give it no terminal, even where there is one
    #[arg(long, visible_alias = "disable-pty")]
    pub no_tty: bool,
    /// The exit status is always that of the command
    #[arg(short = 'x', long, hide = true)]
    pub exit_code: bool,
    /// The command and its arguments, passed on exactly
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}

/// `run:stop`
#[derive(Debug, Args)]
pub struct RunStopArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `run:list` shows them
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<String>,
    /// All that run
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
}

/// `run:logs`
#[derive(Debug, Args)]
pub struct RunLogsArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `run:list` shows it; the newest when it is left out
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How many lines
    #[arg(short = 'n', long = "num", visible_alias = "lines", default_value_t = 100)]
    pub lines: usize,
    /// Go on as lines come
    #[arg(short = 't', long, visible_short_alias = 'f')]
    pub tail: bool,
}

/// `run:attend`
#[derive(Debug, Args)]
pub struct AttendArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Its name
    pub name: String,
}
