//! What may be typed, as it is typed. What it means is in `commands`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// `dokuen`, from the command line.
#[derive(Debug, Parser)]
#[command(
    name = "dokuen",
    version,
    about = "A Heroku on your own machine: git push, and the app is live",
    disable_help_subcommand = false
)]
pub struct Cli {
    /// The conf of the host to work on
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show more of what goes wrong
    #[arg(long, global = true)]
    pub debug: bool,
    /// From a checkout: the git remote of the host and app to work on [default: dokuen]
    #[arg(short = 'r', long, value_name = "REMOTE")]
    pub remote: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Parses what was typed; help and complaints are printed, and the number is the exit status then.
pub fn parse(args: Vec<OsString>, out: &mut Printer) -> Result<Cli, u8> {
    Cli::try_parse_from(with_colons(args)).map_err(|e| {
        if e.use_stderr() {
            out.err(&e.render().to_string());
            return Exit::Usage as u8;
        }
        out.out(e.render().to_string().as_bytes());
        0
    })
}

/// Whether a word is the name of a command, with underscores or colons.
pub fn is_command(word: &str) -> bool {
    word == "help" || Cli::command().find_subcommand(OsStr::new(&word.replace('_', ":"))).is_some()
}

/// `config_set` is `config:set`: the first word that is no option is the command's name.
fn with_colons(mut args: Vec<OsString>) -> Vec<OsString> {
    let mut skip = false;
    for arg in args.iter_mut().skip(1) {
        let text = arg.to_string_lossy().into_owned();
        if std::mem::take(&mut skip) {
            continue;
        }
        if text.starts_with('-') {
            skip = matches!(text.as_str(), "--config" | "--remote" | "-r");
            continue;
        }
        *arg = text.replace('_', ":").into();
        break;
    }
    args
}

/// Config vars are set as `NAME=VALUE`, all of them. A word without `=` may be half of a secret that a shell has split:
/// it is not echoed.
pub fn no_word_without_value(vars: &[OsString]) -> Result<(), Failure> {
    if vars.iter().all(|var| var.as_encoded_bytes().contains(&b'=')) {
        return Ok(());
    }
    let text = "config vars are set as NAME=VALUE; a word without \"=\" was given";
    Err(Failure::usage(text).hint("quote a value that holds blanks: dokuen config_set \"A='one two'\""))
}

/// Which app.
#[derive(Debug, Args, Clone)]
pub struct AppArg {
    /// The app
    #[arg(short = 'a', long = "application", visible_alias = "app", value_name = "APP")]
    pub application: String,
}

/// Which app, or all.
#[derive(Debug, Args, Clone)]
pub struct MaybeApp {
    /// The app; all of them when it is left out
    #[arg(short = 'a', long = "application", visible_alias = "app", value_name = "APP")]
    pub application: Option<String>,
}

/// Every command. Underscores and colons are one: `config_set` is `config:set`.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum Command {
    /// Make this machine (or just one directory) a Dokuen host; run again, it repairs and never destroys
    #[command(name = "setup")]
    Setup(SetupArgs),
    /// Make an app: its directories, its repository, its hook
    #[command(name = "create", aliases = ["apps:create"])]
    Create(AppArg),
    /// List the apps
    #[command(name = "apps", aliases = ["apps:list"])]
    Apps,
    /// Remove an app and everything that is its
    #[command(name = "apps:destroy", aliases = ["destroy", "apps:delete"])]
    Destroy(DestroyArgs),
    /// Show the config vars of an app
    #[command(name = "config", aliases = ["config:show"])]
    Config(AppArg),
    /// Set config vars; the app then runs with them, without a failed request
    #[command(name = "config:set", aliases = ["config:add"])]
    ConfigSet(ConfigSetArgs),
    /// Unset config vars
    #[command(name = "config:unset", aliases = ["config:delete", "config:remove"])]
    ConfigUnset(ConfigUnsetArgs),
    /// Show or change how many processes of each type run
    #[command(name = "scale", aliases = ["ps:scale"])]
    Scale(ScaleArgs),
    /// Start new processes of the live release and stop the old ones after
    #[command(name = "restart", aliases = ["ps:restart"])]
    Restart(AppArg),
    /// Stop one app and keep it stopped, or stop everything until the next boot
    #[command(name = "shutdown", aliases = ["ps:stop"])]
    Shutdown(MaybeApp),
    /// Start every app that was not shut down, or one app in any case
    #[command(name = "boot", aliases = ["ps:start"])]
    Boot(BootArgs),
    /// Run a command in the live release, with its environment
    #[command(name = "run", aliases = ["run:command"])]
    Run(RunArgs),
    /// Show what really runs
    #[command(name = "ps")]
    Ps(AppArg),
    /// Show the logs of an app's processes
    #[command(name = "logs")]
    Logs(LogsArgs),
    /// List an app's releases
    #[command(name = "releases")]
    Releases(AppArg),
    /// Go back to an earlier release, its code and its config
    #[command(name = "rollback", aliases = ["releases:rollback"])]
    Rollback(RollbackArgs),
    /// Remove old releases beyond those that are kept
    #[command(name = "releases:prune")]
    Prune(PruneArgs),
    /// List the builds whose output is kept
    #[command(name = "builds", aliases = ["builds:list"])]
    Builds(AppArg),
    /// Show what the build of a release said
    #[command(name = "builds:output")]
    BuildsOutput(BuildsOutputArgs),
    /// Call off the build that runs
    #[command(name = "deploys:cancel", aliases = ["builds:cancel"])]
    DeploysCancel(AppArg),
    /// Empty the buildpacks' cache of an app
    #[command(name = "builds:purge-cache", aliases = ["repo:purge-cache"])]
    PurgeCache(AppArg),
    /// Remove what pruning has set aside
    #[command(name = "tidy", hide = true)]
    Tidy,
    /// List the buildpacks installed on this machine
    #[command(name = "buildpacks")]
    Buildpacks,
    /// Install a buildpack for all apps, or update it
    #[command(name = "buildpacks:install", aliases = ["install:buildpack"])]
    BuildpacksInstall(UrlArg),
    /// Remove an installed buildpack
    #[command(name = "buildpacks:uninstall", aliases = ["remove:buildpack", "buildpacks:remove"])]
    BuildpacksUninstall(NameArg),
    /// Deploy a commit of the app's repository
    #[command(name = "deploy")]
    Deploy(DeployArgs),
    /// Let somebody in: their public key comes on standard input
    #[command(name = "adduser", aliases = ["keys:add", "users:add"])]
    AddUser(AddUserArgs),
    /// Take somebody's key out, with all their roles
    #[command(name = "removeuser", aliases = ["keys:remove", "users:remove"])]
    RemoveUser(UserArg),
    /// List who has a key: its fingerprint, their role, when it was used last
    #[command(name = "keys", aliases = ["users"])]
    Keys,
    /// Write sshd's file of keys anew from Dokuen's own
    #[command(name = "keys:sync", hide = true)]
    KeysSync,
    /// List who may work on an app
    #[command(name = "access", aliases = ["access:list"])]
    Access(AppArg),
    /// Let somebody work on an app
    #[command(name = "grant", aliases = ["access:add"])]
    Grant(GrantArgs),
    /// Let somebody no longer work on an app
    #[command(name = "revoke", aliases = ["access:remove"])]
    Revoke(RevokeArgs),
    /// Show who did what and when
    #[command(name = "events")]
    Events(EventsArgs),
    /// Show the version
    #[command(name = "version")]
    Version,
}

/// `setup`
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Where all of Dokuen's state is to live
    pub dir: PathBuf,
    /// Take the default for every question that no flag answers
    #[arg(long)]
    pub yes: bool,
    /// The account that everything runs as
    #[arg(long, value_name = "USER")]
    pub appuser: Option<String>,
    /// Its group, when the account has to be made
    #[arg(long, value_name = "GROUP")]
    pub appgroup: Option<String>,
    /// Whose boot unit to install
    #[arg(long, value_name = "PLATFORM", value_parser = ["linux", "macos"])]
    pub platform: Option<String>,
    /// Apps answer at APP.DOMAIN
    #[arg(long, value_name = "DOMAIN")]
    pub base_domain: Option<String>,
    /// The host name people push to
    #[arg(long, value_name = "HOST")]
    pub git_server: Option<String>,
    /// An nginx of Dokuen's own, or the machine's
    #[arg(long, value_name = "WHOSE", value_parser = ["own", "system"])]
    pub nginx: Option<String>,
    /// Where nginx listens
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The lowest port that processes are given
    #[arg(long, value_name = "PORT")]
    pub min_port: Option<u16>,
    /// The highest port that processes are given
    #[arg(long, value_name = "PORT")]
    pub max_port: Option<u16>,
    /// Directories to search for programs before the system's own, with colons between
    #[arg(long, value_name = "DIRS")]
    pub bin_path: Option<String>,
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

/// `config:set`
#[derive(Debug, Args)]
pub struct ConfigSetArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// A marker of the old days; it changes nothing
    #[arg(short = 'V', hide = true)]
    pub marker: bool,
    /// Read NAME=VALUE entries from standard input, each ended by a NUL byte; the words are their names
    #[arg(long, hide = true)]
    pub nul: bool,
    /// NAME=VALUE; NAME=- takes the value from standard input
    #[arg(required = true, value_name = "NAME=VALUE")]
    pub vars: Vec<std::ffi::OsString>,
}

/// `config:unset`
#[derive(Debug, Args)]
pub struct ConfigUnsetArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// A marker of the old days; it changes nothing
    #[arg(short = 'V', hide = true)]
    pub marker: bool,
    /// Names of config vars
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
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
}

/// `scale`
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// web=2, worker+1, or web=2,worker=1; without any, the present scale is shown
    #[arg(value_name = "TYPE=COUNT", allow_hyphen_values = true)]
    pub items: Vec<String>,
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// The command and its arguments, passed on exactly
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}

/// `logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// How many lines
    #[arg(short = 'n', long, default_value_t = 100)]
    pub lines: usize,
    /// Go on as lines come
    #[arg(short = 't', long, visible_short_alias = 'f')]
    pub tail: bool,
    /// Only this process type, or this one process: web, web.1
    #[arg(short = 'p', long, value_name = "PROCESS")]
    pub process: Option<String>,
}

/// `rollback`
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// v12; the release before the live one when it is left out
    #[arg(value_name = "RELEASE")]
    pub version: Option<String>,
}

/// `builds:output`
#[derive(Debug, Args)]
pub struct BuildsOutputArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// v12; the newest build when it is left out
    #[arg(value_name = "RELEASE")]
    pub version: Option<String>,
}

/// `releases:prune`
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
}

/// `deploy`
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// A commit id, branch or tag of the app's repository; the deployed branch when it is left out
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
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
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}
