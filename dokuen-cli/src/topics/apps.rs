//! Apps: making, listing and removing them.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, Topic, done};
use crate::access::Needs;
use crate::archive::{export, import};
use crate::commands::{apps, create, destroy, freeze, rename};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Apps: making, listing and removing them.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum AppsCommand {
    /// List the apps
    #[command(name = "apps", aliases = ["apps:list"])]
    List(Form),
    /// Show what is known of an app: its release, URLs, processes, room on disk
    #[command(name = "apps:info", aliases = ["info", "apps:report"])]
    Info(InfoArgs),
    /// Make an app: its directories, its repository, its hook
    #[command(name = "create", aliases = ["apps:create"])]
    Create(NamedApp),
    /// Give an app another name: its URL and its repository change, its releases and config stay
    #[command(name = "apps:rename", aliases = ["rename"])]
    Rename(RenameArgs),
    /// Refuse deploys and rollbacks of an app until it is unlocked
    #[command(name = "apps:lock")]
    Lock(LockArgs),
    /// Let an app be deployed again
    #[command(name = "apps:unlock")]
    Unlock(NamedApp),
    /// Write an app to standard output, as a tar that another machine imports; it holds every secret of the app
    #[command(name = "apps:export")]
    Export(ExportArgs),
    /// Take in an app from a tar on standard input, and start it
    #[command(name = "apps:import")]
    Import(ImportArgs),
    /// Remove an app and everything that is its
    #[command(name = "apps:destroy", aliases = ["destroy", "apps:delete"])]
    Destroy(DestroyArgs),
}

impl Topic for AppsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Create(_) | Self::List(_) | Self::Import(_) => Needs::Key,
            Self::Export(args) => Needs::Owner(args.app.name()),
            Self::Info(args) => Needs::Collaborator(args.app.name()),
            Self::Lock(args) => Needs::Collaborator(args.app.name()),
            Self::Unlock(args) => Needs::Collaborator(args.name()),
            Self::Rename(args) => Needs::Owner(&args.app.application),
            Self::Destroy(args) => Needs::Owner(args.app.name()),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            // An import writes down itself what it is called: its name comes with it.
            Self::List(_) | Self::Info(_) | Self::Import(_) => None,
            Self::Export(_) => Some("apps:export".to_owned()),
            Self::Create(_) => Some("create".to_owned()),
            Self::Lock(_) => Some("apps:lock".to_owned()),
            Self::Unlock(_) => Some("apps:unlock".to_owned()),
            Self::Rename(args) => Some(format!("apps:rename {}", args.name)),
            Self::Destroy(_) => Some("apps:destroy".to_owned()),
        }
    }

    fn app(&self) -> Option<&str> {
        match self {
            // Nobody has a role in it before it is there.
            Self::Create(args) => Some(args.name()),
            _ => self.needs().app(),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(form) => apps::list(host, *form, out),
            Self::Info(args) => apps::info(host, args, out),
            Self::Create(args) => create::run(host, args.name(), out),
            Self::Lock(args) => freeze::lock(host, args, out),
            Self::Unlock(args) => freeze::unlock(host, args.name(), out),
            Self::Rename(args) => rename::run(host, args, out),
            Self::Export(args) => export::run(host, args, out),
            Self::Import(args) => import::run(host, args, out),
            Self::Destroy(args) => destroy::run(host, args, out),
        })
    }
}

/// An app, with or without `--application` before its name: the command is about nothing else.
#[derive(Debug, Args, Clone)]
pub struct NamedApp {
    /// The app
    #[arg(short = 'a', long = "application", visible_alias = "app", value_name = "APP", conflicts_with = "word")]
    application: Option<String>,
    /// The app
    #[arg(value_name = "APP", required_unless_present = "application")]
    word: Option<String>,
}

impl NamedApp {
    /// Its name as it was typed.
    pub fn name(&self) -> &str {
        self.application.as_deref().or(self.word.as_deref()).unwrap_or_default()
    }
}

/// `apps:info`
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Which app
    #[command(flatten)]
    pub app: NamedApp,
    /// In which form
    #[command(flatten)]
    pub form: Form,
    /// Print lines that a shell can read: name='value'
    #[arg(short = 's', long, conflicts_with_all = ["json", "format"])]
    pub shell: bool,
}

/// `apps:lock`
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Which app
    #[command(flatten)]
    pub app: NamedApp,
    /// Why, for whoever wants to deploy
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// `apps:rename`
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Its new name
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `apps:export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which app
    #[command(flatten)]
    pub app: NamedApp,
    /// With its releases: their config vars, and the built trees that are kept
    #[arg(long)]
    pub releases: bool,
    /// With what is in its storage
    #[arg(long)]
    pub storage: bool,
}

/// `apps:import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Another name than the one it comes with
    #[arg(long, value_name = "APP")]
    pub name: Option<String>,
    /// Leave behind its names and its certificate: for a copy beside the app itself
    #[arg(long)]
    pub no_domains: bool,
    /// Start nothing: it can be looked at first
    #[arg(long)]
    pub no_start: bool,
}

/// `apps:destroy`
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Which app
    #[command(flatten)]
    pub app: NamedApp,
    /// The app's name once more; without it you are asked, where there is a terminal
    #[arg(short = 'c', long, value_name = "APP")]
    pub confirm: Option<String>,
    /// Ask nothing
    #[arg(long, conflicts_with = "confirm")]
    pub force: bool,
}
