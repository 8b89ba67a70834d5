//! What may be typed, as it is typed: by topic in [`topics`](crate::topics), and what it means in `commands`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit::Exit;
use crate::help;
use crate::printer::Printer;
use crate::topics::{
    Topic, apps::AppsCommand, builds::BuildsCommand, certs::CertsCommand, config::ConfigCommand, cron::CronCommand,
    domains::DomainsCommand, hooks::HooksCommand, machine::MachineCommand, nginx::NginxCommand,
    oneoffs::OneOffsCommand, people::PeopleCommand, processes::ProcessesCommand, program::ProgramCommand,
    releases::ReleasesCommand, storage::StorageCommand,
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
    let args = with_colons(args);
    let named = command_at(&args).map(|at| args[at].to_string_lossy().into_owned()).unwrap_or_default();
    let matches = program(out.look.width).try_get_matches_from(args);
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|mut e| {
        name_the_nearest(&mut e);
        if e.use_stderr() {
            out.err(&e.render().to_string());
            if let Some(hint) = help::instead(&named).filter(|_| e.kind() == ErrorKind::InvalidSubcommand) {
                out.err(&format!("hint: {hint}\n"));
            }
            return Exit::Usage as u8;
        }
        out.out(e.render().to_string().as_bytes());
        0
    })
}

/// Of many commands with similar names clap lists all, the nearest last.
fn name_the_nearest(error: &mut clap::Error) {
    if let Some(ContextValue::Strings(names)) = error.get(ContextKind::SuggestedSubcommand) {
        let nearest = names.iter().rev().take(NEAREST).cloned().collect();
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(nearest));
    }
}

/// More than these nobody has meant.
const NEAREST: usize = 2;

/// The definition of all commands, with help by topic for a terminal of that width.
pub fn program(width: Option<usize>) -> clap::Command {
    let text = help::grouped(&topics(), width.unwrap_or(100));
    Cli::command().override_help(text)
}

/// The topics in the order of the help, each with its commands.
pub fn topics() -> Vec<(&'static str, clap::Command)> {
    let topic = |title, augment: fn(clap::Command) -> clap::Command| (title, augment(clap::Command::new("dokuen")));
    vec![
        topic("Apps", AppsCommand::augment_subcommands),
        topic("Config vars", ConfigCommand::augment_subcommands),
        topic("Domains", DomainsCommand::augment_subcommands),
        topic("Certificates", CertsCommand::augment_subcommands),
        topic("nginx and maintenance", NginxCommand::augment_subcommands),
        topic("Processes and logs", ProcessesCommand::augment_subcommands),
        topic("One-off commands", OneOffsCommand::augment_subcommands),
        topic("Scheduled jobs", CronCommand::augment_subcommands),
        topic("Storage", StorageCommand::augment_subcommands),
        topic("Releases", ReleasesCommand::augment_subcommands),
        topic("Builds and buildpacks", BuildsCommand::augment_subcommands),
        topic("People", PeopleCommand::augment_subcommands),
        topic("Who hears of events", HooksCommand::augment_subcommands),
        topic("The host", MachineCommand::augment_subcommands),
        topic("Dokuen itself", ProgramCommand::augment_subcommands),
    ]
}

/// Whether a word is the name of a command, with underscores or colons.
pub fn is_command(word: &str) -> bool {
    word == "help" || Cli::command().find_subcommand(OsStr::new(&word.replace('_', ":"))).is_some()
}

/// `config_set` is `config:set`: the first word that is no option is the command's name, and what `help` is asked about
/// is one too. `config:help` is `help config`.
fn with_colons(mut args: Vec<OsString>) -> Vec<OsString> {
    let Some(at) = command_at(&args) else { return args };
    let name = args[at].to_string_lossy().replace('_', ":");
    if name == "help" {
        // Asked in this way round, a slip is told what was meant.
        if args.len() == at + 2 && !args[at + 1].as_encoded_bytes().starts_with(b"-") {
            let about = args[at + 1].to_string_lossy().replace('_', ":");
            args.splice(at.., [about.into(), "--help".into()]);
        }
        return args;
    }
    match name.strip_suffix(":help") {
        Some(about) => drop(args.splice(at..=at, [about.into(), "--help".into()])),
        None => args[at] = name.into(),
    }
    args
}

/// Where the command's name stands.
fn command_at(args: &[OsString]) -> Option<usize> {
    let mut rest = args.iter().enumerate().skip(1);
    while let Some((at, arg)) = rest.next() {
        match arg.to_string_lossy().as_ref() {
            "--config" | "--remote" | "-r" => drop(rest.next()),
            option if option.starts_with('-') => {}
            _ => return Some(at),
        }
    }
    None
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
    /// See [`domains`](crate::topics::domains).
    #[command(flatten)]
    Domains(DomainsCommand),
    /// See [`certs`](crate::topics::certs).
    #[command(flatten)]
    Certs(CertsCommand),
    /// See [`nginx`](crate::topics::nginx).
    #[command(flatten)]
    Nginx(NginxCommand),
    /// See [`processes`](crate::topics::processes).
    #[command(flatten)]
    Processes(ProcessesCommand),
    /// See [`oneoffs`](crate::topics::oneoffs).
    #[command(flatten)]
    OneOffs(OneOffsCommand),
    /// See [`cron`](crate::topics::cron).
    #[command(flatten)]
    Cron(CronCommand),
    /// See [`storage`](crate::topics::storage).
    #[command(flatten)]
    Storage(StorageCommand),
    /// See [`releases`](crate::topics::releases).
    #[command(flatten)]
    Releases(ReleasesCommand),
    /// See [`builds`](crate::topics::builds).
    #[command(flatten)]
    Builds(BuildsCommand),
    /// See [`people`](crate::topics::people).
    #[command(flatten)]
    People(PeopleCommand),
    /// See [`hooks`](crate::topics::hooks).
    #[command(flatten)]
    Hooks(HooksCommand),
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
            Self::Domains(command) => command,
            Self::Certs(command) => command,
            Self::Nginx(command) => command,
            Self::Processes(command) => command,
            Self::OneOffs(command) => command,
            Self::Cron(command) => command,
            Self::Storage(command) => command,
            Self::Releases(command) => command,
            Self::Builds(command) => command,
            Self::People(command) => command,
            Self::Hooks(command) => command,
            Self::Machine(command) => command,
            Self::Program(command) => command,
        }
    }
}
