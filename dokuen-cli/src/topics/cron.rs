//! Jobs that `app.json` schedules.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, Topic};
use crate::access::Needs;
use crate::commands::cron;
use crate::exit::Failure;
use crate::printer::Printer;

/// Jobs that `app.json` schedules.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum CronCommand {
    /// List the scheduled jobs of an app: when they run next, how they ended last
    #[command(name = "cron", aliases = ["cron:list", "cron:report"])]
    List(AppData),
    /// Run a scheduled job now and wait for its end
    #[command(name = "cron:run")]
    Run(CronRunArgs),
    /// Show what the last run of a scheduled job has said
    #[command(name = "cron:logs")]
    Logs(CronLogsArgs),
    /// Start the jobs that are due
    #[command(name = "cron:tick", hide = true)]
    Tick,
}

impl Topic for CronCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::List(args) => Needs::Collaborator(&args.app.application),
            Self::Run(args) => Needs::Collaborator(&args.app.application),
            Self::Logs(args) => Needs::Collaborator(&args.app.application),
            Self::Tick => Needs::Local,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Run(args) => Some(format!("cron:run {}", args.job)),
            Self::List(_) | Self::Logs(_) | Self::Tick => None,
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        match self {
            Self::List(args) => cron::list(host, args, out).map(|()| 0),
            Self::Run(args) => cron::run(host, args, out),
            Self::Logs(args) => cron::logs(host, args, out).map(|()| 0),
            Self::Tick => crate::cron::tick(host, out).map(|()| 0),
        }
    }
}

/// `cron:run`
#[derive(Debug, Args)]
pub struct CronRunArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `cron` shows it
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Do not wait for its end
    #[arg(long, visible_alias = "detach")]
    pub detached: bool,
}

/// `cron:logs`
#[derive(Debug, Args)]
pub struct CronLogsArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `cron` shows it
    #[arg(value_name = "JOB")]
    pub job: String,
    /// How many lines
    #[arg(short = 'n', long = "num", visible_alias = "lines", default_value_t = 100)]
    pub lines: usize,
}
