//! Releases: making one, and going back to one.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, Topic, done};
use crate::access::Needs;
use crate::commands::{deploy, releases};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Releases: making one, and going back to one.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum ReleasesCommand {
    /// List an app's releases
    #[command(name = "releases")]
    List(ReleasesArgs),
    /// Show what is known of a release: commit, buildpacks, who, how long, which config vars changed
    #[command(name = "releases:info")]
    Info(ReleaseArgs),
    /// Show what tells two releases apart: commits, config vars by name, processes
    #[command(name = "releases:diff")]
    Diff(DiffArgs),
    /// Go back to an earlier release, its code and its config
    #[command(name = "rollback", aliases = ["releases:rollback"])]
    Rollback(RollbackArgs),
    /// Remove old releases beyond those that are kept
    #[command(name = "releases:prune")]
    Prune(PruneArgs),
    /// Deploy a commit of the app's repository
    #[command(name = "deploy")]
    Deploy(DeployArgs),
}

impl Topic for ReleasesCommand {
    fn needs(&self) -> Needs<'_> {
        Needs::Collaborator(match self {
            Self::List(args) => &args.app.application,
            Self::Info(args) => &args.app.application,
            Self::Diff(args) => &args.app.application,
            Self::Rollback(args) => &args.app.application,
            Self::Prune(args) => &args.app.application,
            Self::Deploy(args) => &args.app.application,
        })
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) | Self::Info(_) | Self::Diff(_) => None,
            Self::Prune(args) if args.dry_run => None,
            Self::Prune(_) => Some("releases:prune".to_owned()),
            Self::Rollback(args) => {
                Some(format!("rollback {}", args.version.as_deref().unwrap_or("to the one before")))
            }
            Self::Deploy(args) => Some(format!("deploy {}", args.rev.as_deref().unwrap_or_default())),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(args) => releases::list(host, args, out),
            Self::Info(args) => releases::info(host, args, out),
            Self::Diff(args) => releases::diff(host, args, out),
            Self::Rollback(args) => releases::rollback(host, &args.app.application, args.version.as_deref(), out),
            Self::Prune(args) => releases::prune(host, &args.app.application, args.dry_run, out),
            Self::Deploy(args) => deploy::run(host, &args.app.application, args.rev.as_deref(), out),
        })
    }
}

/// `releases`
#[derive(Debug, Args)]
pub struct ReleasesArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Only so many, the newest
    #[arg(short = 'n', long = "num", value_name = "COUNT")]
    pub most: Option<usize>,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// `releases:info`
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// v12; the live one when it is left out
    #[arg(value_name = "RELEASE")]
    pub version: Option<String>,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// `releases:diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// v11; the one before when it is left out
    #[arg(value_name = "FROM")]
    pub from: Option<String>,
    /// v12; the live one when it is left out
    #[arg(value_name = "TO")]
    pub to: Option<String>,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// `rollback`
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// v12; the release before the live one when it is left out
    #[arg(value_name = "RELEASE")]
    pub version: Option<String>,
}

/// `releases:prune`
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
}

/// `deploy`
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// A commit id, branch or tag of the app's repository; the deployed branch when it is left out
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
}
