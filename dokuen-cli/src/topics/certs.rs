//! Certificates, an app's own and one for all apps.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{MaybeApp, Topic, done};
use crate::access::Needs;
use crate::commands::{certs, certs_auto, certs_renew};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Certificates, an app's own and one for all apps.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum CertsCommand {
    /// List certificates: for which names, by whom, and for how long
    #[command(name = "certs", aliases = ["certs:list", "certs:info", "certs:report"])]
    List(CertsArgs),
    /// Answer https with a certificate of your own: two files, or both on standard input, as PEM or as a tar of it
    #[command(name = "certs:add", aliases = ["certs:update"])]
    Add(CertsAddArgs),
    /// Answer https no more
    #[command(name = "certs:remove", aliases = ["certs:delete"])]
    Remove(MaybeApp),
    /// Have a certificate made by an authority (ACME), and keep it up by itself
    #[command(name = "certs:auto", aliases = ["certs:auto:enable"])]
    Auto(Box<CertsAutoArgs>),
    /// Keep the certificate up by itself no longer; the present one stays
    #[command(name = "certs:auto:disable", aliases = ["certs:auto:off"])]
    AutoDisable(MaybeApp),
    /// Renew what is due: what the timer runs
    #[command(name = "certs:renew", aliases = ["certs:auto:refresh"])]
    Renew(CertsRenewArgs),
    /// Have the authority take a certificate back, as after a key was stolen
    #[command(name = "certs:revoke")]
    Revoke(MaybeApp),
}

impl Topic for CertsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::List(args) => args.app.needs(),
            Self::Add(args) => args.app.needs(),
            Self::Remove(args) | Self::AutoDisable(args) | Self::Revoke(args) => args.needs(),
            // Programs and files of the host are an admin's to name.
            Self::Auto(args) if args.hook.is_some() || args.root.is_some() => Needs::Admin,
            Self::Auto(args) => args.app.needs(),
            Self::Renew(args) => args.app.needs(),
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) => None,
            Self::Add(_) => Some("certs:add".to_owned()),
            Self::Remove(_) => Some("certs:remove".to_owned()),
            Self::Auto(_) => Some("certs:auto".to_owned()),
            Self::AutoDisable(_) => Some("certs:auto:disable".to_owned()),
            // Each app that is renewed, or could not be, is an event of its own.
            Self::Renew(_) => None,
            Self::Revoke(_) => Some("certs:revoke".to_owned()),
        }
    }

    fn app(&self) -> Option<&str> {
        match self {
            Self::Auto(args) => args.app.application.as_deref(),
            _ => self.needs().app(),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(args) => certs::list(host, args, out),
            Self::Add(args) => certs::add(host, args, out),
            Self::Remove(args) => certs::remove(host, args, out),
            Self::Auto(args) => certs_auto::enable(host, args, out),
            Self::AutoDisable(args) => certs_auto::disable(host, args, out),
            Self::Renew(args) => certs_renew::renew(host, args, out),
            Self::Revoke(args) => certs_auto::revoke(host, args, out),
        })
    }
}

/// `certs`
#[derive(Debug, Args)]
pub struct CertsArgs {
    /// Which app
    #[command(flatten)]
    pub app: MaybeApp,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// `certs:add`
#[derive(Debug, Args)]
pub struct CertsAddArgs {
    /// Which app; without one, the certificate is for all apps whose names it is good for
    #[command(flatten)]
    pub app: MaybeApp,
    /// The certificate with those that vouch for it, and the key, as PEM, in any order; left out: standard input
    #[arg(value_name = "FILE", num_args = 0..=3)]
    pub files: Vec<std::path::PathBuf>,
}

/// `certs:auto`
#[derive(Debug, Args)]
pub struct CertsAutoArgs {
    /// Which app; without one, the certificate is for all apps whose names it is good for
    #[command(flatten)]
    pub app: MaybeApp,
    /// Whom the authority may write to
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// The authority: the address of its ACME directory [default: Let's Encrypt's]
    #[arg(long, value_name = "URL", conflicts_with = "staging")]
    pub directory: Option<String>,
    /// Let's Encrypt's authority for trials, whose certificates convince nobody
    #[arg(long)]
    pub staging: bool,
    /// A file with the root certificate that the authority itself is believed by (an admin's right)
    #[arg(long, value_name = "FILE")]
    pub root: Option<std::path::PathBuf>,
    /// Answer by DNS: a program that is run as PROGRAM add|remove NAME VALUE (an admin's right; wildcards need it)
    #[arg(long, value_name = "PROGRAM")]
    pub hook: Option<std::path::PathBuf>,
    /// The name of the key of an external account; the key comes on standard input
    #[arg(long, value_name = "ID")]
    pub eab_kid: Option<String>,
    /// These names and no others [default: all names of the app that can be shown to be its]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// `certs:renew`
#[derive(Debug, Args)]
pub struct CertsRenewArgs {
    /// Which app
    #[command(flatten)]
    pub app: MaybeApp,
    /// Also what is not due yet
    #[arg(long)]
    pub force: bool,
}
