//! Apps: making, listing and removing them.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, Topic, done};
use crate::access::Needs;
use crate::commands::{apps, create, destroy};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Apps: making, listing and removing them.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum AppsCommand {
    /// Make an app: its directories, its repository, its hook
    #[command(name = "create", aliases = ["apps:create"])]
    Create(AppArg),
    /// List the apps
    #[command(name = "apps", aliases = ["apps:list"])]
    List(Form),
    /// Remove an app and everything that is its
    #[command(name = "apps:destroy", aliases = ["destroy", "apps:delete"])]
    Destroy(DestroyArgs),
}

impl Topic for AppsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Create(_) | Self::List(_) => Needs::Key,
            Self::Destroy(args) => Needs::Owner(&args.app.application),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) => None,
            Self::Create(_) => Some("create".to_owned()),
            Self::Destroy(_) => Some("apps:destroy".to_owned()),
        }
    }

    fn app(&self) -> Option<&str> {
        match self {
            // Nobody has a role in it before it is there.
            Self::Create(args) => Some(&args.application),
            _ => self.needs().app(),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Create(args) => create::run(host, &args.application, out),
            Self::List(form) => apps::list(host, *form, out),
            Self::Destroy(args) => destroy::run(host, &args.app.application, args.confirm.as_deref(), out),
        })
    }
}

/// `apps:destroy`
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// The app's name once more
    #[arg(long, value_name = "APP")]
    pub confirm: Option<String>,
}
