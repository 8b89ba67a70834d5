//! How a push is built: dokuen-build with this host's places and the app's config.

use std::time::Duration;

use dokuen_build::{Build, BuildEnv, BuildError, Choice, Limits, Paths, Slug, Store, Wanted};
use dokuen_core::releases::Unfinished;
use dokuen_core::{App, Environment, Host, Transcript};

use crate::build_dir;
use crate::build_log::{self, Kept};
use crate::cancel::Cancellable;
use crate::exit::{Exit, Failure};
use crate::git::Commit;

/// Leaves of the pushed tree what `DOKUEN_BUILD_DIR` says is the app; all of it without one.
pub fn narrow(host: &Host, cut: &Unfinished, config: &Environment) -> Result<(), Failure> {
    config.text("DOKUEN_BUILD_DIR").map_or(Ok(()), |dir| build_dir::narrow(host, cut.path(), dir))
}

/// Builds the tree in place.
pub fn compile(
    host: &Host,
    app: &App,
    cut: &Unfinished,
    commit: &Commit,
    config: &Environment,
    out: &mut dyn Transcript,
) -> Result<Slug, Failure> {
    build_log::clear(cut.path())?;
    let cancellable = Cancellable::new(host, app)?;
    let choice = Choice::of(config.text("BUILDPACK_URL"), cut.path(), Paths::Allowed)?;
    let env = BuildEnv { source_version: Some(commit.id().to_owned()), ..environment(host) };
    let (cache, scratch, store) = (app.cache(), host.tmp_dir(), store(host));
    let limits = limits(config)?;
    let build = Build {
        dir: cut.path(),
        cache: &cache,
        scratch: &scratch,
        config,
        choice,
        store: &store,
        env,
        limits,
        cancel: Some(cancellable.flag()),
    };
    let mut kept = Kept::new(out);
    let slug = dokuen_build::compile(&build, &mut kept)?;
    kept.save(cut.path())?;
    Ok(slug)
}

/// The machine's buildpacks. An app's `BUILDPACK_URL` must not read what is Dokuen's: other apps' code is there.
pub fn store(host: &Host) -> Store {
    Store { dir: host.buildpacks_dir(), clones: host.buildpack_cache(), keep_out: Some(host.conf.dokuen_dir.clone()) }
}

/// What git and build scripts are told of their surroundings.
pub fn environment(host: &Host) -> BuildEnv {
    BuildEnv::new(host.conf.search_path(), &host.conf.app_user_home)
}

/// Refuses what no build could use, when it is set and not when it is needed.
pub fn check_config(config: &Environment) -> Result<(), Failure> {
    if let Some(text) = text(config, "BUILDPACK_URL")? {
        Wanted::parse(text, Paths::Allowed).map_err(|e| Failure::new(Exit::Usage, e))?;
    }
    if let Some(dir) = text(config, "DOKUEN_BUILD_DIR")? {
        build_dir::check(dir)?;
    }
    limits(config).map(drop)
}

/// `DOKUEN_BUILD_TIMEOUT`: seconds for all of a build.
fn limits(config: &Environment) -> Result<Limits, Failure> {
    let Some(value) = text(config, "DOKUEN_BUILD_TIMEOUT")? else { return Ok(Limits::default()) };
    let seconds = value.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    let refused = || Failure::usage("DOKUEN_BUILD_TIMEOUT must be a whole number of seconds from 1 to 86400");
    Ok(Limits { time: Duration::from_secs(seconds.ok_or_else(refused)?), ..Limits::default() })
}

fn text<'a>(config: &'a Environment, name: &str) -> Result<Option<&'a str>, Failure> {
    match (config.get(name), config.text(name)) {
        (Some(_), None) => Err(Failure::usage(format!("{name} must be text"))),
        (_, text) => Ok(text),
    }
}

impl From<BuildError> for Failure {
    fn from(cause: BuildError) -> Self {
        Self::new(Exit::BuildFailed, cause)
    }
}
