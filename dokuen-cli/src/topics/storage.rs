//! Directories of an app that outlive its releases.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, Topic, done};
use crate::access::Needs;
use crate::commands::storage;
use crate::exit::Failure;
use crate::printer::Printer;

/// Directories of an app that outlive its releases.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum StorageCommand {
    /// List the storage of an app: its variables, paths, sizes
    #[command(name = "storage", aliases = ["storage:list"])]
    List(AppData),
    /// Make a directory that outlives releases; the app then runs with its path in the environment
    #[command(name = "storage:create", aliases = ["storage:add"])]
    Create(StorageCreateArgs),
    /// Remove a storage and all that is in it
    #[command(name = "storage:destroy", aliases = ["storage:remove"])]
    Destroy(StorageDestroyArgs),
}

impl Topic for StorageCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::List(args) => Needs::Collaborator(&args.app.application),
            Self::Create(args) => Needs::Collaborator(&args.app.application),
            Self::Destroy(args) => Needs::Owner(&args.app.application),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) => None,
            Self::Create(args) => Some(format!("storage:create {}", args.name)),
            Self::Destroy(args) => Some(format!("storage:destroy {}", args.name)),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(args) => storage::list(host, args, out),
            Self::Create(args) => storage::create(host, args, out),
            Self::Destroy(args) => storage::destroy(host, args, out),
        })
    }
}

/// `storage:create`
#[derive(Debug, Args)]
pub struct StorageCreateArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Its name: `data` is found by STORAGE_DATA, `default` by STORAGE
    #[arg(value_name = "NAME", default_value = "default")]
    pub name: String,
    /// What runs is left alone and does not know of it
    #[arg(long)]
    pub no_restart: bool,
}

/// `storage:destroy`
#[derive(Debug, Args)]
pub struct StorageDestroyArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `storage` shows it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The storage's name once more
    #[arg(short = 'c', long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// What runs is left alone
    #[arg(long)]
    pub no_restart: bool,
}
