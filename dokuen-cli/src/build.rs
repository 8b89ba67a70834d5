//! How a push is built: dokuen-build with this host's places and the app's config.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use dokuen_build::{Build, BuildEnv, BuildError, Choice, Limits, Paths, Slug, Store, Wanted};
use dokuen_core::releases::Unfinished;
use dokuen_core::{App, Environment, Host, Layers, Transcript};

use crate::build_log::{self, Kept};
use crate::cancel::Cancellable;
use crate::exit::{Exit, Failure};
use crate::git::Commit;
use crate::settings::text;
use crate::{build_dir, build_limits, failed_builds};

/// Leaves of the pushed tree what `DOKUEN_BUILD_DIR` says is the app; all of it without one.
pub fn narrow(host: &Host, app: &App, cut: &Unfinished, config: &Environment) -> Result<(), Failure> {
    let scratch = host.scratch_of(&app.name);
    config.text("DOKUEN_BUILD_DIR").map_or(Ok(()), |dir| build_dir::narrow(&scratch, cut.path(), dir))
}

/// Builds the tree in place. What a build says is kept, in the tree or, where it fails, beside the app's logs.
pub fn compile(
    host: &Host,
    app: &App,
    cut: &Unfinished,
    (commit, by): (&Commit, &str),
    config: &Environment,
    cancel: &Cancellable,
    out: &mut dyn Transcript,
) -> Result<Slug, Failure> {
    build_log::clear(cut.path())?;
    let choice = Choice::of(config.text("BUILDPACK_URL"), cut.path(), Paths::Allowed)?;
    let places = Places::of(host, app, config)?;
    let mut build = places.build(cut.path(), choice, Some(cancel.flag()));
    build.env.source_version = Some(commit.id().to_owned());
    // Where the build fails, `builds:output` knows it by this name.
    build.env.request_id = cut.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let mut kept = Kept::new(app, out)?;
    match dokuen_build::compile(&build, &mut kept) {
        Ok(slug) => kept.save(cut.path()).map(|()| slug),
        Err(cause) => {
            let failure = Failure::from(cause);
            if let Err(e) = failed_builds::keep(app, cut, by, commit.id(), kept.text(), &failure) {
                out.problem(&format!("what the build said could not be kept: {e}"));
            }
            Err(failure)
        }
    }
}

/// What all builds of an app have in common.
pub struct Places {
    cache: PathBuf,
    scratch: PathBuf,
    store: Store,
    config: Environment,
    env: BuildEnv,
    limits: Limits,
}

impl Places {
    /// Of this app, with these config vars of its own.
    pub fn of(host: &Host, app: &App, config: &Environment) -> Result<Self, Failure> {
        let (cache, scratch, store) = (app.cache(), host.scratch_of(&app.name), store(host));
        let layers = Layers { global: host.global_env().load()?, app: config.clone(), ..Layers::default() };
        let mut vars = layers.merged();
        // How many run is no business of a build, and no reason for another one.
        vars.0.retain(|name, _| name.as_str() != "DOKUEN_SCALE");
        Ok(Self { cache, scratch, store, config: vars, env: environment(host), limits: build_limits::read(config)? })
    }

    /// A build in `dir`.
    pub fn build<'a>(&'a self, dir: &'a Path, choice: Choice, cancel: Option<&'a AtomicBool>) -> Build<'a> {
        let (store, env, limits) = (&self.store, self.env.clone(), self.limits);
        Build {
            dir,
            cache: &self.cache,
            scratch: &self.scratch,
            config: &self.config,
            choice,
            store,
            env,
            limits,
            cancel,
        }
    }
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
        if text.trim().is_empty() {
            let without = "dokuen config_delete BUILDPACK_URL lets the app's own files say which buildpack it wants";
            return Err(Failure::usage("BUILDPACK_URL is empty").hint(without));
        }
        let named = |e: BuildError| Failure::usage(format!("BUILDPACK_URL: {}", Failure::from(e)));
        Wanted::parse(text, Paths::Allowed).map_err(|e| named(e.into()))?;
    }
    if let Some(dir) = text(config, "DOKUEN_BUILD_DIR")? {
        build_dir::check(dir)?;
    }
    build_limits::read(config).map(drop)
}

impl From<BuildError> for Failure {
    fn from(cause: BuildError) -> Self {
        let hint = build_limits::hint(&cause);
        let failure = Self::new(Exit::BuildFailed, cause);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
