//! `mason`: what a push builds, built anywhere, as a directory or an archive.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use dokuen_build::{Build, BuildEnv, BuildError, BuildpackUrl, Choice, Format, Limits, Paths, Store, Wanted, package};
use dokuen_core::{DotenvError, Environment, Line, Transcript, fs, parse_dotenv};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// `mason`, from the command line.
#[derive(Debug, Parser)]
#[command(name = "mason", about = "Builds apps with Heroku buildpacks, here and without a host", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
enum Command {
    /// Build an app
    #[command(name = "build")]
    Build(BuildArgs),
    /// List the installed buildpacks
    #[command(name = "buildpacks")]
    Buildpacks,
    /// Install a buildpack, or update it
    #[command(name = "buildpacks:install")]
    Install { url: String },
    /// Remove an installed buildpack
    #[command(name = "buildpacks:uninstall")]
    Uninstall { name: String },
    /// Show the version
    #[command(name = "version")]
    Version,
}

#[derive(Debug, Args)]
struct BuildArgs {
    /// The app's directory
    app: PathBuf,
    /// The buildpack: a URL with #branch, #tag or #commit, a path, or the name of a built-in one; $BUILDPACK_URL goes
    /// before it
    #[arg(short, long, value_name = "URL")]
    buildpack: Option<String>,
    /// Where the result goes [default: APP.dir or APP.tgz, here]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// dir or tgz [default: the extension of OUT, else dir]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    format: Option<String>,
    /// A directory that the buildpack keeps things in between builds
    #[arg(short, long, value_name = "CACHE")]
    cache: Option<PathBuf>,
    /// A file of NAME=VALUE lines: config vars for the build, and on top of the result's .env
    #[arg(short = 'e', long = "env-file", value_name = "ENVFILE")]
    env_file: Option<PathBuf>,
    /// Say nothing but what goes wrong
    #[arg(short, long)]
    quiet: bool,
}

/// The whole program: what was typed to an exit status.
pub fn main(args: Vec<OsString>) -> u8 {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let mut out = Printer::default();
    let command = match Cli::try_parse_from(args) {
        Ok(cli) => cli.command,
        Err(e) if e.use_stderr() => {
            out.err(&e.render().to_string());
            return Exit::Usage as u8;
        }
        Err(e) => {
            out.out(e.render().to_string().as_bytes());
            return out.end(0);
        }
    };
    let exit = match run(command, &mut out) {
        Ok(()) => 0,
        Err(failure) => {
            out.failure(&failure);
            Exit::Failed as u8
        }
    };
    out.end(exit)
}

fn run(command: Command, out: &mut Printer) -> Result<(), Failure> {
    let here = Here::find()?;
    match command {
        Command::Build(args) => build(&here, &args, out),
        Command::Buildpacks => list(&here.store, out),
        Command::Install { url } => {
            let url = BuildpackUrl::parse(&url, Paths::Allowed).map_err(BuildError::from)?;
            let installed = here.store.install(&url, &here.env, out)?;
            out.step(&format!("installed buildpack {}", installed.name));
            Ok(())
        }
        Command::Uninstall { name } => {
            here.store.remove(&name)?;
            out.step(&format!("removed buildpack {name}"));
            Ok(())
        }
        Command::Version => {
            out.out(format!("mason {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
            Ok(())
        }
    }
}

/// Installed buildpacks, a line each.
pub(crate) fn list(store: &Store, out: &mut Printer) -> Result<(), Failure> {
    out.step(&format!("buildpacks ({})", store.dir.display()));
    let installed = store.list()?;
    for pack in &installed {
        out.fact(&format!("{}: {}", pack.name, pack.url));
    }
    if installed.is_empty() {
        out.out(b"  - no buildpacks installed, use buildpacks:install\n");
    }
    Ok(())
}

fn build(here: &Here, args: &BuildArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = here.absolute(&args.app);
    let format = Format::choose(args.format.as_deref(), args.output.as_deref())?;
    if !app.is_dir() {
        return Err(BuildError::NoSuchDirectory { path: app }.into());
    }
    let to = args.output.clone().unwrap_or_else(|| beside(&app, format));
    let above = env_file(args.env_file.as_deref().map(|path| here.absolute(path)))?;
    let temp = tempdir()?;
    let cache = args.cache.as_ref().map_or_else(|| temp.path().join("cache"), |path| here.absolute(path));
    let failed = |e| Failure::new(Exit::Failed, format!("failed to listen for signals: {e}"));
    let told = dokuen_proc::told_to_stop().map_err(failed)?;
    let url = here.buildpack_url.as_ref().or(args.buildpack.as_ref());
    let build = Build {
        dir: &app,
        cache: &cache,
        scratch: temp.path(),
        config: &above,
        choice: choice(url.map(String::as_str), &app)?,
        store: &here.store,
        env: here.env.clone(),
        limits: Limits { time: std::time::Duration::from_secs(60 * 60), ..Limits::default() },
        cancel: Some(&told),
    };
    let to = here.absolute(&to);
    let packed = if args.quiet {
        package(&build, &above, format, &to, &mut Quiet(out))
    } else {
        package(&build, &above, format, &to, out)
    };
    Ok(packed?)
}

/// What is typed for a buildpack is a URL that holds its name, or one of ours.
fn choice(url: Option<&str>, app: &Path) -> Result<Choice, BuildError> {
    match url.filter(|url| !url.trim().is_empty()) {
        Some(url) => Ok(Choice::Named(vec![Wanted::parse(url.trim(), Paths::Allowed)?])),
        None => Choice::of(None, app, Paths::Allowed),
    }
}

fn beside(app: &Path, format: Format) -> PathBuf {
    let name = app.file_name().map_or_else(|| "app".into(), std::ffi::OsStr::to_os_string);
    Path::new(&name).with_added_extension(format.name())
}

fn env_file(path: Option<PathBuf>) -> Result<Environment, Failure> {
    let Some(path) = path else { return Ok(Environment::default()) };
    let named = |e: DotenvError| Failure::new(Exit::Failed, format!("failed to read `{}`: {e}", path.display()));
    parse_dotenv(&fs::read_text(&path)?).map_err(named)
}

/// Removed when it is dropped, as are the directories in it.
fn tempdir() -> Result<tempfile::TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("mason-").tempdir();
    made.map_err(|e| Failure::new(Exit::Failed, format!("failed to make a temporary directory: {e}")))
}

/// What mason is told by where and by whom it is called.
struct Here {
    dir: PathBuf,
    store: Store,
    env: BuildEnv,
    buildpack_url: Option<String>,
}

/// Of the caller's environment only what it takes to reach the network goes to the scripts.
const PASSED: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
];

impl Here {
    fn find() -> Result<Self, Failure> {
        let failed = |what: &str| Failure::new(Exit::Failed, format!("failed to find {what}"));
        let dir = env::current_dir().map_err(|_| failed("the current directory"))?;
        let home = env::home_dir().ok_or_else(|| failed("your home directory"))?;
        let own = env::var_os("MASON_DIR").filter(|v| !v.is_empty()).map(PathBuf::from);
        let own = dir.join(own.unwrap_or_else(|| home.join(".mason")));
        let store = Store { dir: own.join("buildpacks"), clones: own.join("cache"), keep_out: None };
        let mut build_env = BuildEnv::new(env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned()), home);
        let passed = PASSED.into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
        build_env.extra = passed.fold(Environment::default(), |all, (name, value)| all.with(name, value));
        let buildpack_url = env::var("BUILDPACK_URL").ok().filter(|url| !url.trim().is_empty());
        Ok(Self { dir, store, env: build_env, buildpack_url })
    }

    /// Relative to where mason was called: the build runs elsewhere.
    fn absolute(&self, path: &Path) -> PathBuf {
        self.dir.join(path).components().collect()
    }
}

/// Passes problems on and nothing else.
struct Quiet<'a>(&'a mut Printer);

impl Transcript for Quiet<'_> {
    fn line(&mut self, line: Line<'_>) {
        if matches!(line, Line::Problem(_)) {
            self.0.line(line);
        }
    }
}
