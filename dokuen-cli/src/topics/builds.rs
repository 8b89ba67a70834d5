//! Builds, and the buildpacks that make them.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{AppArg, AppData, Topic, done};
use crate::access::Needs;
use crate::commands::{buildpacks, builds, purge_cache};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// Builds, and the buildpacks that make them.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum BuildsCommand {
    /// List the builds whose output is kept
    #[command(name = "builds", aliases = ["builds:list"])]
    List(AppData),
    /// Show what a build said
    #[command(name = "builds:output")]
    Output(BuildsOutputArgs),
    /// Call off the deploy that is under way: its build, its release phase, or its wait for an answer
    #[command(name = "deploys:cancel", aliases = ["builds:cancel"])]
    Cancel(AppArg),
    /// Empty the buildpacks' cache of an app
    #[command(name = "builds:purge-cache", aliases = ["repo:purge-cache"])]
    PurgeCache(AppArg),
    /// List the buildpacks installed on this machine
    #[command(name = "buildpacks")]
    Buildpacks(Form),
    /// Install a buildpack for all apps, or update it
    #[command(name = "buildpacks:install", aliases = ["install:buildpack"])]
    Install(UrlArg),
    /// Remove an installed buildpack
    #[command(name = "buildpacks:uninstall", aliases = ["remove:buildpack", "buildpacks:remove"])]
    Uninstall(NameArg),
}

impl Topic for BuildsCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::List(args) => Needs::Collaborator(&args.app.application),
            Self::Cancel(args) | Self::PurgeCache(args) => Needs::Collaborator(&args.application),
            Self::Output(args) => Needs::Collaborator(&args.app.application),
            Self::Buildpacks(_) => Needs::Key,
            Self::Install(_) | Self::Uninstall(_) => Needs::Admin,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) | Self::Output(_) | Self::Buildpacks(_) => None,
            Self::Cancel(_) => Some("deploys:cancel".to_owned()),
            Self::PurgeCache(_) => Some("builds:purge-cache".to_owned()),
            // A URL may hold a token.
            Self::Install(_) => Some("buildpacks:install".to_owned()),
            Self::Uninstall(args) => Some(format!("buildpacks:uninstall {}", args.name)),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(args) => builds::list(host, args, out),
            Self::Output(args) => builds::output(host, &args.app.application, args.version.as_deref(), out),
            Self::Cancel(args) => builds::cancel(host, &args.application, out),
            Self::PurgeCache(args) => purge_cache::run(host, &args.application, out),
            Self::Buildpacks(form) => buildpacks::list(host, *form, out),
            Self::Install(args) => buildpacks::install(host, &args.url, out),
            Self::Uninstall(args) => buildpacks::uninstall(host, &args.name, out),
        })
    }
}

/// `builds:output`
#[derive(Debug, Args)]
pub struct BuildsOutputArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// v12, or a failed build as `dokuen builds` names it; the newest build when it is left out
    #[arg(value_name = "BUILD")]
    pub version: Option<String>,
}

/// A buildpack's URL
#[derive(Debug, Args)]
pub struct UrlArg {
    /// https, ssh or file URL, or a path; with #branch, #tag or #commit
    pub url: String,
}

/// A buildpack's name
#[derive(Debug, Args)]
pub struct NameArg {
    /// As `dokuen buildpacks` shows it
    pub name: String,
}
