//! What may be typed, as it is typed: by topic in [`topics`](crate::topics), and what it means in `commands`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::Exit;
use crate::printer::Printer;
use crate::topics::{
    Topic, apps::AppsCommand, builds::BuildsCommand, config::ConfigCommand, machine::MachineCommand,
    oneoffs::OneOffsCommand, people::PeopleCommand, processes::ProcessesCommand, program::ProgramCommand,
    releases::ReleasesCommand,
};

/// `dokuen`, from the command line.
#[derive(Debug, Parser)]
#[command(
    name = "dokuen",
    version,
    about = "A Heroku on your own machine: git push, and the app is live",
    disable_help_subcommand = false
)]
pub struct Cli {
    /// The conf of the host to work on
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show more of what goes wrong
    #[arg(long, global = true)]
    pub debug: bool,
    /// Say less: data without titles, problems, and nothing else
    #[arg(short = 'q', long, global = true)]
    pub quiet: bool,
    /// From a checkout: the git remote of the host and app to work on [default: dokuen]
    #[arg(short = 'r', long, value_name = "REMOTE")]
    pub remote: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Parses what was typed; help and complaints are printed, and the number is the exit status then.
pub fn parse(args: Vec<OsString>, out: &mut Printer) -> Result<Cli, u8> {
    Cli::try_parse_from(with_colons(args)).map_err(|e| {
        if e.use_stderr() {
            out.err(&e.render().to_string());
            return Exit::Usage as u8;
        }
        out.out(e.render().to_string().as_bytes());
        0
    })
}

/// Whether a word is the name of a command, with underscores or colons.
pub fn is_command(word: &str) -> bool {
    word == "help" || Cli::command().find_subcommand(OsStr::new(&word.replace('_', ":"))).is_some()
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
            skip = matches!(text.as_str(), "--config" | "--remote" | "-r");
            continue;
        }
        *arg = text.replace('_', ":").into();
        break;
    }
    args
}

/// Every command, by topic. Underscores and colons are one: `config_set` is `config:set`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See [`apps`](crate::topics::apps).
    #[command(flatten)]
    Apps(AppsCommand),
    /// See [`config`](crate::topics::config).
    #[command(flatten)]
    Config(ConfigCommand),
    /// See [`processes`](crate::topics::processes).
    #[command(flatten)]
    Processes(ProcessesCommand),
    /// See [`oneoffs`](crate::topics::oneoffs).
    #[command(flatten)]
    OneOffs(OneOffsCommand),
    /// See [`releases`](crate::topics::releases).
    #[command(flatten)]
    Releases(ReleasesCommand),
    /// See [`builds`](crate::topics::builds).
    #[command(flatten)]
    Builds(BuildsCommand),
    /// See [`people`](crate::topics::people).
    #[command(flatten)]
    People(PeopleCommand),
    /// See [`machine`](crate::topics::machine).
    #[command(flatten)]
    Machine(MachineCommand),
    /// See [`program`](crate::topics::program).
    #[command(flatten)]
    Program(ProgramCommand),
}

impl Command {
    /// What its topic says of it.
    pub fn topic(&self) -> &dyn Topic {
        match self {
            Self::Apps(command) => command,
            Self::Config(command) => command,
            Self::Processes(command) => command,
            Self::OneOffs(command) => command,
            Self::Releases(command) => command,
            Self::Builds(command) => command,
            Self::People(command) => command,
            Self::Machine(command) => command,
            Self::Program(command) => command,
        }
    }
}
