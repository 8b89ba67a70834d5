//! How a push is built: dokuen-build with this host's places and the app's config.

use dokuen_build::{Build, BuildEnv, BuildError, BuildpackUrl, Choice, Limits, Paths, Slug, Store};
use dokuen_core::releases::Unfinished;
use dokuen_core::{App, Environment, Host, Transcript};

use crate::exit::{Exit, Failure};
use crate::git::Commit;

/// Builds the tree in place.
pub fn compile(
    host: &Host,
    app: &App,
    cut: &Unfinished,
    commit: &Commit,
    config: &Environment,
    out: &mut dyn Transcript,
) -> Result<Slug, Failure> {
    let choice = Choice::of(config.text("BUILDPACK_URL"), cut.path(), Paths::Allowed)?;
    let env = BuildEnv { source_version: Some(commit.id().to_owned()), ..environment(host) };
    let (cache, scratch, store) = (app.cache(), host.tmp_dir(), store(host));
    let limits = Limits::default();
    let build = Build {
        dir: cut.path(),
        cache: &cache,
        scratch: &scratch,
        config,
        choice,
        store: &store,
        env,
        limits,
        cancel: None,
    };
    Ok(dokuen_build::compile(&build, out)?)
}

/// The machine's buildpacks. An app's `BUILDPACK_URL` must not read what is Dokuen's: other apps' code is there.
pub fn store(host: &Host) -> Store {
    Store { dir: host.buildpacks_dir(), clones: host.buildpack_cache(), keep_out: Some(host.conf.dokuen_dir.clone()) }
}

/// What git and build scripts are told of their surroundings.
pub fn environment(host: &Host) -> BuildEnv {
    BuildEnv::new(host.conf.search_path(), &host.conf.app_user_home)
}

/// Refuses a `BUILDPACK_URL` that no build could use, when it is set and not when it is needed.
pub fn check_config(config: &Environment) -> Result<(), Failure> {
    match config.get("BUILDPACK_URL") {
        None => Ok(()),
        Some(value) => {
            let text = std::str::from_utf8(value.bytes()).map_err(|_| Failure::usage("BUILDPACK_URL must be text"))?;
            BuildpackUrl::parse(text, Paths::Allowed).map(drop).map_err(|e| Failure::new(Exit::Usage, e))
        }
    }
}

impl From<BuildError> for Failure {
    fn from(cause: BuildError) -> Self {
        Self::new(Exit::BuildFailed, cause)
    }
}
