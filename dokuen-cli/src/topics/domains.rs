//! Names besides an app's own.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, Topic, done};
use crate::access::Needs;
use crate::commands::domains;
use crate::exit::Failure;
use crate::printer::Printer;

/// Names besides an app's own.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum DomainsCommand {
    /// List the names an app answers for
    #[command(name = "domains", aliases = ["domains:list", "domains:report"])]
    List(AppData),
    /// Give an app names, or names that only lead to another one
    #[command(name = "domains:add")]
    Add(DomainsAddArgs),
    /// Take names from an app
    #[command(name = "domains:remove", aliases = ["domains:delete"])]
    Remove(DomainsArgs),
    /// Give an app these names and no others
    #[command(name = "domains:set")]
    Set(DomainsArgs),
    /// Take all names from an app but its own
    #[command(name = "domains:clear")]
    Clear(AppArg),
}

impl Topic for DomainsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::List(args) => Needs::Collaborator(&args.app.application),
            Self::Remove(args) => Needs::Collaborator(&args.app.application),
            Self::Clear(args) => Needs::Collaborator(&args.application),
            // All names below one are more than an app's own people can promise to be theirs.
            Self::Add(args) if has_wildcard(&args.names) => Needs::Admin,
            Self::Set(args) if has_wildcard(&args.names) => Needs::Admin,
            Self::Add(args) => Needs::Collaborator(&args.app.application),
            Self::Set(args) => Needs::Collaborator(&args.app.application),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) => None,
            Self::Add(args) => Some(format!("domains:add {}", args.names.join(" "))),
            Self::Remove(args) => Some(format!("domains:remove {}", args.names.join(" "))),
            Self::Set(args) => Some(format!("domains:set {}", args.names.join(" "))),
            Self::Clear(_) => Some("domains:clear".to_owned()),
        }
    }

    fn app(&self) -> Option<&str> {
        match self {
            Self::Add(args) => Some(&args.app.application),
            Self::Set(args) => Some(&args.app.application),
            _ => self.needs().app(),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(args) => domains::list(host, args, out),
            Self::Add(args) => domains::add(host, args, out),
            Self::Remove(args) => domains::remove(host, args, out),
            Self::Set(args) => domains::set(host, args, out),
            Self::Clear(args) => domains::clear(host, &args.application, out),
        })
    }
}

fn has_wildcard(names: &[String]) -> bool {
    names.iter().any(|name| name.contains('*'))
}

/// `domains:add`
#[derive(Debug, Args)]
pub struct DomainsAddArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Send whoever asks for these names on to this one
    #[arg(long, value_name = "NAME")]
    pub redirect_to: Option<String>,
    /// Names, in any script; *.NAME stands for all names below one, and is for an admin to give
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// `domains:remove`, `domains:set`
#[derive(Debug, Args)]
pub struct DomainsArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Names, in any script
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}
