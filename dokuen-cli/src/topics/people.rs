//! Who may come in, what they may do, and what they did.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, MaybeApp, Topic, done};
use crate::access::Needs;
use crate::commands::{access, events, keys};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Who may come in, what they may do, and what they did.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum PeopleCommand {
    /// Let somebody in: their public key comes on standard input
    #[command(name = "adduser", aliases = ["keys:add", "users:add"])]
    AddUser(AddUserArgs),
    /// Take somebody's key out, with all their roles
    #[command(name = "removeuser", aliases = ["keys:remove", "users:remove"])]
    RemoveUser(UserArg),
    /// List who has a key: its fingerprint, their role, when it was used last
    #[command(name = "keys", aliases = ["users"])]
    Keys(Form),
    /// Write sshd's file of keys anew from Dokuen's own
    #[command(name = "keys:sync", hide = true)]
    KeysSync,
    /// List who may work on an app
    #[command(name = "access", aliases = ["access:list"])]
    List(AppData),
    /// Let somebody work on an app
    #[command(name = "grant", aliases = ["access:add"])]
    Grant(GrantArgs),
    /// Let somebody no longer work on an app
    #[command(name = "revoke", aliases = ["access:remove"])]
    Revoke(RevokeArgs),
    /// Show who did what and when
    #[command(name = "events")]
    Events(EventsArgs),
}

impl Topic for PeopleCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::KeysSync => Needs::Local,
            Self::AddUser(_) | Self::RemoveUser(_) | Self::Keys(_) => Needs::Admin,
            Self::List(args) => Needs::Collaborator(&args.app.application),
            Self::Grant(args) => Needs::Owner(&args.app.application),
            Self::Revoke(args) => Needs::Owner(&args.app.application),
            Self::Events(args) => args.app.needs(),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Keys(_) | Self::KeysSync | Self::List(_) | Self::Events(_) => None,
            Self::AddUser(args) => Some(format!("adduser {}{}", args.name, if args.admin { " --admin" } else { "" })),
            Self::RemoveUser(args) => Some(format!("removeuser {}", args.name)),
            Self::Grant(args) => Some(format!("grant {}{}", args.user, if args.owner { " --owner" } else { "" })),
            Self::Revoke(args) => Some(format!("revoke {}", args.user)),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::AddUser(args) => keys::add(host, args, out),
            Self::RemoveUser(args) => keys::remove(host, &args.name, out),
            Self::Keys(form) => keys::list(host, *form, out),
            Self::KeysSync => crate::keys::sync(host),
            Self::List(args) => access::list(host, args, out),
            Self::Grant(args) => access::grant(host, args, out),
            Self::Revoke(args) => access::revoke(host, args, out),
            Self::Events(args) => events::run(host, args, out),
        })
    }
}

/// `adduser`
#[derive(Debug, Args)]
pub struct AddUserArgs {
    /// The name the key is filed under: a-z, 0-9, "_", "-" and "."
    pub name: String,
    /// They may do everything that goes over ssh, with every app
    #[arg(long)]
    pub admin: bool,
    /// The new key takes the place of the one they have; their roles stay
    #[arg(long)]
    pub replace: bool,
}

/// A person
#[derive(Debug, Args)]
pub struct UserArg {
    /// As `dokuen keys` shows it
    pub name: String,
}

/// `grant`
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `dokuen keys` shows it
    pub user: String,
    /// They may also give it away and destroy it
    #[arg(long)]
    pub owner: bool,
}

/// `revoke`
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// As `dokuen access` shows it
    pub user: String,
}

/// `events`
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Which app, or all
    #[command(flatten)]
    pub app: MaybeApp,
    /// How many
    #[arg(short = 'n', long, default_value_t = 100)]
    pub lines: usize,
    /// Go on as they come
    #[arg(short = 't', long, visible_short_alias = 'f')]
    pub tail: bool,
    /// In which form; JSON is one object a line
    #[command(flatten)]
    pub form: Form,
}
