//! What nginx does for an app besides passing requests on.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, MaybeApp, Topic, done};
use crate::access::Needs;
use crate::commands::{maintenance, nginx};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// What nginx does for an app besides passing requests on.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum NginxCommand {
    /// Set what nginx does for an app, or for all of them
    #[command(name = "nginx:set")]
    Set(NginxSetArgs),
    /// Take such settings back
    #[command(name = "nginx:unset")]
    Unset(NginxUnsetArgs),
    /// Show what is in force and who said so, or what can be set
    #[command(name = "nginx:show", aliases = ["nginx", "nginx:report"])]
    Show(NginxShowArgs),
    /// Have nginx test what an app's configuration, or that of all of them, would be
    #[command(name = "nginx:test", aliases = ["nginx:validate-config"])]
    Test(MaybeApp),
    /// Write every app's configuration anew, with one reload
    #[command(name = "nginx:rebuild", aliases = ["nginx:build-config"])]
    Rebuild,
    /// Let nobody in for now, and say so on a page
    #[command(name = "maintenance:on", aliases = ["maintenance:enable"])]
    MaintenanceOn(AppArg),
    /// Let people in again
    #[command(name = "maintenance:off", aliases = ["maintenance:disable"])]
    MaintenanceOff(AppArg),
    /// Show whether an app is in maintenance
    #[command(name = "maintenance")]
    Maintenance(AppArg),
}

impl Topic for NginxCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Set(args) => args.app.needs(),
            Self::Unset(args) => args.app.needs(),
            Self::Show(args) if args.app.application.is_none() && !args.text => Needs::Key,
            Self::Show(args) => args.app.needs(),
            Self::Test(args) => args.needs(),
            Self::Rebuild => Needs::Admin,
            Self::MaintenanceOn(args) | Self::MaintenanceOff(args) | Self::Maintenance(args) => {
                Needs::Collaborator(&args.application)
            }
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Show(_) | Self::Test(_) | Self::Maintenance(_) => None,
            Self::Set(args) => Some(format!("nginx:set {}", args.names().join(" "))),
            Self::Unset(args) => Some(format!("nginx:unset {}", args.names.join(" "))),
            Self::Rebuild => Some("nginx:rebuild".to_owned()),
            Self::MaintenanceOn(_) => Some("maintenance:on".to_owned()),
            Self::MaintenanceOff(_) => Some("maintenance:off".to_owned()),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Set(args) => nginx::set(host, args, out),
            Self::Unset(args) => nginx::unset(host, args, out),
            Self::Show(args) => nginx::show(host, args, out),
            Self::Test(args) => nginx::test(host, args, out),
            Self::Rebuild => nginx::rebuild(host, out),
            Self::MaintenanceOn(args) => maintenance::on(host, &args.application, out),
            Self::MaintenanceOff(args) => maintenance::off(host, &args.application, out),
            Self::Maintenance(args) => maintenance::show(host, &args.application, out),
        })
    }
}

/// `nginx:set`
#[derive(Debug, Args)]
pub struct NginxSetArgs {
    /// Which app
    #[command(flatten)]
    pub app: MaybeApp,
    /// SETTING=VALUE; SETTING=- takes the value (a page, a password) from standard input
    #[arg(required = true, value_name = "SETTING=VALUE")]
    pub pairs: Vec<OsString>,
}

impl NginxSetArgs {
    /// What is set; values may be secrets.
    fn names(&self) -> Vec<String> {
        let name = |pair: &OsString| pair.to_string_lossy().split('=').next().unwrap_or_default().to_owned();
        self.pairs.iter().map(name).collect()
    }
}

/// `nginx:unset`
#[derive(Debug, Args)]
pub struct NginxUnsetArgs {
    /// Which app
    #[command(flatten)]
    pub app: MaybeApp,
    /// Names of settings
    #[arg(required = true, value_name = "SETTING")]
    pub names: Vec<String>,
}

/// `nginx:show`
#[derive(Debug, Args)]
pub struct NginxShowArgs {
    /// Which app; without one, what is said for all
    #[command(flatten)]
    pub app: MaybeApp,
    /// The text itself that nginx has
    #[arg(long)]
    pub text: bool,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}
