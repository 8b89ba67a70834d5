//! What runs, how many of it, and what it says.

use clap::{Args, Subcommand, ValueEnum};
use dokuen_core::Host;

use super::{AppArg, MaybeApp, Topic, done};
use crate::access::Needs;
use crate::commands::{boot, logs, ps, restart, scale, shutdown, wait};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// What runs, how many of it, and what it says.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum ProcessesCommand {
    /// Show what really runs
    #[command(name = "ps", aliases = ["ps:report"])]
    Ps(PsArgs),
    /// Show or change how many processes of each type run
    #[command(name = "scale", aliases = ["ps:scale"])]
    Scale(ScaleArgs),
    /// Start new processes of the live release and stop the old ones after
    #[command(name = "restart", aliases = ["ps:restart"])]
    Restart(RestartArgs),
    /// Wait until everything that should run is up
    #[command(name = "ps:wait")]
    Wait(WaitArgs),
    /// Stop one app and keep it stopped, or stop everything until the next boot
    #[command(name = "shutdown", aliases = ["ps:stop", "ps:kill", "stop", "kill"])]
    Shutdown(MaybeApp),
    /// Start every app that was not shut down, or one app in any case
    #[command(name = "boot", aliases = ["ps:start", "start"])]
    Boot(BootArgs),
    /// Show the logs of an app's processes
    #[command(name = "logs")]
    Logs(LogsArgs),
}

impl Topic for ProcessesCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            // Of all apps everybody sees those they have a role in.
            Self::Ps(args) => args.app.application.as_deref().map_or(Needs::Key, Needs::Collaborator),
            Self::Restart(args) => Needs::Collaborator(&args.app.application),
            Self::Wait(args) => Needs::Collaborator(&args.app.application),
            Self::Scale(args) => Needs::Collaborator(&args.app.application),
            Self::Logs(args) => Needs::Collaborator(&args.app.application),
            Self::Boot(args) if args.watch => Needs::Local,
            Self::Boot(args) => args.app.needs(),
            Self::Shutdown(args) => args.needs(),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Ps(_) | Self::Wait(_) | Self::Logs(_) => None,
            Self::Scale(args) if args.items.is_empty() => None,
            Self::Scale(args) => Some(format!("scale {}", args.items.join(" "))),
            Self::Restart(args) => Some(format!("restart {}", args.processes.join(" "))),
            Self::Shutdown(_) => Some("shutdown".to_owned()),
            // By nobody: it is tried again.
            Self::Boot(args) if args.again => None,
            Self::Boot(_) => Some("boot".to_owned()),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Ps(args) => ps::run(host, args, out),
            Self::Scale(args) => scale::run(host, args, out),
            Self::Restart(args) => restart::run(host, args, out),
            Self::Wait(args) => wait::run(host, args, out),
            Self::Shutdown(args) => shutdown::run(host, args.application.as_deref(), out),
            Self::Boot(args) => boot::run(host, args, out),
            Self::Logs(args) => logs::run(host, args, out),
        })
    }
}

/// `ps`
#[derive(Debug, Args)]
pub struct PsArgs {
    /// Which app
    #[command(flatten)]
    pub app: MaybeApp,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// `boot`
#[derive(Debug, Args)]
pub struct BootArgs {
    /// Which app
    #[command(flatten)]
    pub app: MaybeApp,
    /// Stay, and give an instance a new wrapper when its wrapper dies: what the boot unit runs
    #[arg(long)]
    pub watch: bool,
    /// Only what is down and should not be: what `boot --watch` runs
    #[arg(long, hide = true, conflicts_with = "watch")]
    pub again: bool,
}

/// `restart`
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Only these: a type (web), or one process (web.1); each is started anew where it is
    #[arg(value_name = "PROCESS")]
    pub processes: Vec<String>,
    /// The same, as Heroku has it
    #[arg(short = 'p', long = "process-type", visible_short_alias = 'd', aliases = ["dyno-name", "dyno", "ps"], value_name = "PROCESS")]
    pub also: Vec<String>,
}

/// `ps:wait`
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// How long, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// `scale`
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// web=2, worker+1, or web=2,worker=1; without any, the present scale is shown
    #[arg(value_name = "TYPE=COUNT")]
    pub items: Vec<String>,
    /// In which form the present scale is shown
    #[command(flatten)]
    pub form: Form,
}

/// `logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// How many lines
    #[arg(short = 'n', long = "num", visible_alias = "lines", default_value_t = 100)]
    pub lines: usize,
    /// Go on as lines come
    #[arg(short = 't', long, visible_short_alias = 'f')]
    pub tail: bool,
    /// Only this process type, or this one process: web, web.1; may be given again
    #[arg(short = 'p', long, visible_short_alias = 'd', aliases = ["process-type", "dyno-name", "dyno", "ps"], value_name = "PROCESS")]
    pub process: Vec<String>,
    /// Only what came since: 10m, 2h, 3d ago, or since 2026-01-01 12:00 (UTC)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What the processes say, what the build of the live release said (with -t the one that runs), or what nginx says:
    /// of requests, of what went wrong, or both
    #[arg(short = 's', long, value_name = "SOURCE", default_value = "app")]
    pub source: Source,
    /// In which form; JSON is one object a line
    #[command(flatten)]
    pub form: Form,
    /// A terminal is at the other end of the connection
    #[arg(long, hide = true)]
    pub color: bool,
}

impl LogsArgs {
    /// Of an app, with the defaults.
    pub fn of(app: &AppArg) -> Self {
        Self {
            app: app.clone(),
            lines: 100,
            tail: false,
            process: Vec::new(),
            since: None,
            source: Source::App,
            form: Form { json: false, format: None },
            color: false,
        }
    }
}

/// Whose lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Those of the app's processes.
    App,
    /// Those of the build of the live release.
    Build,
    /// Those of nginx that are about the app.
    Nginx,
    /// Its requests alone.
    NginxAccess,
    /// What went wrong with them alone.
    NginxError,
}
