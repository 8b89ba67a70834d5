//! The program itself: what works where no host is set up.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::Topic;
use crate::access::Needs;
use crate::commands::version;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;
use crate::{args, client, help, setup};

/// The program itself: what works where no host is set up.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum ProgramCommand {
    /// Make this machine (or just one directory) a Dokuen host; run again, it repairs and never destroys
    #[command(name = "setup")]
    Setup(Box<SetupArgs>),
    /// Write what bash, zsh or fish reads to complete commands, options and apps
    #[command(name = "completions")]
    Completions(CompletionsArgs),
    /// Write a man page: dokuen man config:set | man -l -
    #[command(name = "man")]
    Man(ManArgs),
    /// Say what could stand at the end of a line
    #[command(name = "complete", hide = true)]
    Complete(CompleteArgs),
    /// Write docs/commands.md
    #[command(name = "docs:commands", hide = true)]
    Reference,
    /// Show the version
    #[command(name = "version")]
    Version(Form),
}

impl ProgramCommand {
    /// Runs it, with or without a host.
    pub fn run_anywhere(&self, out: &mut Printer) -> Result<u8, Failure> {
        match self {
            Self::Setup(args) => setup::run(args, out)?,
            Self::Completions(args) => out.out(help::script(args.shell).as_bytes()),
            Self::Man(args) => help::man(args::program(None), args.command.as_deref(), out)?,
            Self::Complete(args) => {
                let all = help::complete(&args::program(None), &args.line, client::app_names);
                out.out(all.iter().map(|one| format!("{one}\n")).collect::<String>().as_bytes());
            }
            Self::Reference => out.out(help::reference(&args::topics()).as_bytes()),
            Self::Version(form) => version::run(*form, out),
        }
        Ok(0)
    }
}

impl Topic for ProgramCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Setup(_) | Self::Complete(_) | Self::Reference => Needs::Local,
            Self::Completions(_) | Self::Man(_) | Self::Version(_) => Needs::Key,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Setup(_) | Self::Version(_) => None,
            Self::Completions(_) | Self::Man(_) | Self::Complete(_) | Self::Reference => None,
        }
    }

    fn run(&self, _: &Host, out: &mut Printer) -> Result<u8, Failure> {
        self.run_anywhere(out)
    }
}

/// `setup`
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Where all of Dokuen's state is to live
    pub dir: PathBuf,
    /// Take the default for every question that no flag answers
    #[arg(long)]
    pub yes: bool,
    /// The account that everything runs as
    #[arg(long, value_name = "USER")]
    pub appuser: Option<String>,
    /// Its group, when the account has to be made
    #[arg(long, value_name = "GROUP")]
    pub appgroup: Option<String>,
    /// Whose boot unit to install
    #[arg(long, value_name = "PLATFORM", value_parser = ["linux", "macos"])]
    pub platform: Option<String>,
    /// Apps answer at APP.DOMAIN
    #[arg(long, value_name = "DOMAIN")]
    pub base_domain: Option<String>,
    /// The host name people push to
    #[arg(long, value_name = "HOST")]
    pub git_server: Option<String>,
    /// An nginx of Dokuen's own, or the machine's
    #[arg(long, value_name = "WHOSE", value_parser = ["own", "system"])]
    pub nginx: Option<String>,
    /// Where nginx listens for https, or off
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen_https: Option<String>,
    /// Where nginx listens
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The lowest port that processes are given
    #[arg(long, value_name = "PORT")]
    pub min_port: Option<u16>,
    /// The highest port that processes are given
    #[arg(long, value_name = "PORT")]
    pub max_port: Option<u16>,
    /// Gitolite stands in front: it has the keys, the rules and the repositories
    #[arg(long)]
    pub gitolite: bool,
    /// Directories to search for programs before the system's own, with colons between
    #[arg(long, value_name = "DIRS")]
    pub bin_path: Option<String>,
}

/// `completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: help::Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// About which command; about all when it is left out
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// `complete`
#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// The line up to the cursor
    pub line: String,
}
