//! The walk of a build: choose, compile in order, ask for the release, write what it says.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use dokuen_core::{Environment, Line, Transcript, fs};

use crate::buildpack::{Buildpack, Site};
use crate::child::Watch;
use crate::choice::{Choice, Chosen};
use crate::env::BuildEnv;
use crate::error::BuildError;
use crate::export::Exported;
use crate::family::Bounds;
use crate::platform;
use crate::recipe::Recipe;
use crate::release::Release;
use crate::scratch::Scratch;
use crate::slug::{Built, Slug, Used};
use crate::store::Store;

/// One build. All paths are absolute.
#[derive(Debug, Clone)]
pub struct Build<'a> {
    /// The source tree, built in place.
    pub dir: &'a Path,
    /// The app's cache directory, made when missing. A failed build leaves it as the buildpack left it.
    pub cache: &'a Path,
    /// Where private, short-lived directories are made: `ENV_DIR` and `TMPDIR`.
    pub scratch: &'a Path,
    /// Config vars. They arrive as files in `ENV_DIR`, never in the environment.
    pub config: &'a Environment,
    /// Which buildpacks.
    pub choice: Choice,
    /// Where buildpacks are found and kept.
    pub store: &'a Store,
    /// What git and the scripts are told of their surroundings.
    pub env: BuildEnv,
    /// How much of time, output, processes and memory.
    pub limits: Limits,
    /// Set by somebody who calls the build off; its processes are ended within a moment.
    pub cancel: Option<&'a AtomicBool>,
}

/// What a build may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For everything together.
    pub time: Duration,
    /// Bytes of output that are shown, for each buildpack. Of what comes after, the amount and the last lines are.
    pub output: u64,
    /// How many processes a script may have at once, itself among them.
    pub processes: usize,
    /// How many bytes of memory they may hold together, without what they share with others.
    pub memory: u64,
}

impl Build<'_> {
    /// What a slug would be made with now, besides its source; `None` where that has no name: a buildpack that is a plain
    /// directory. The same source and the same recipe make the same slug.
    pub fn recipe(&self, out: &mut dyn Transcript) -> Result<Option<Recipe>, BuildError> {
        let watch = Watch::new(self.limits.time, self.cancel);
        Ok(self.choice.ids(self.store, &self.env, watch, out)?.map(|ids| Recipe::new(self, &ids)))
    }
}

impl Default for Limits {
    fn default() -> Self {
        // What is left is for those who serve, and for the system.
        let memory = platform::machine_memory().map_or(u64::MAX, |all| all / 8 * 7);
        Self { time: Duration::from_secs(15 * 60), output: 16 * 1024 * 1024, processes: 2000, memory }
    }
}

impl Limits {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { processes: self.processes, memory: self.memory }
    }
}

/// Builds a tree in place, at the path where it will run.
pub fn compile(build: &Build<'_>, out: &mut dyn Transcript) -> Result<Slug, BuildError> {
    Slug::of(assemble(build, &Environment::default(), out)?)
}

/// A build that does not ask whether there is something to run. `above` stands over every other part of `.env`.
pub(crate) fn assemble(build: &Build<'_>, above: &Environment, out: &mut dyn Transcript) -> Result<Built, BuildError> {
    check_paths(build)?;
    fs::make_dirs(build.cache, fs::PRIVATE_DIR)?;
    let scratch = Scratch::new(build.scratch)?;
    let (env_dir, temp) = (scratch.path().join("env"), scratch.path().join("tmp"));
    fs::make_dir(&temp, fs::PRIVATE_DIR)?;
    write_env_dir(build.config, &env_dir)?;
    let mut site = Site {
        dir: build.dir,
        cache: build.cache,
        env_dir: &env_dir,
        temp: &temp,
        env: &build.env,
        limits: build.limits,
        watch: Watch::new(build.limits.time, build.cancel),
        exported: Exported::default(),
    };
    let (chosen, ids) = build.choice.choose(build.store, &site, scratch.path(), out)?;
    let recipe = ids.map(|ids| Recipe::new(build, &ids));
    let release = run_all(&chosen, &mut site, out)?;
    let used = chosen.iter().map(|c| used(&c.buildpack)).collect();
    Built::finish(build.dir, release, above, used, recipe)
}

fn check_paths(build: &Build<'_>) -> Result<(), BuildError> {
    let relative = [build.dir, build.cache, build.scratch].into_iter().find(|p| !p.is_absolute());
    match relative {
        Some(path) => Err(BuildError::Relative { path: path.to_owned() }),
        None if !build.dir.is_dir() => Err(BuildError::NoSuchDirectory { path: build.dir.to_owned() }),
        None => Ok(()),
    }
}

/// One file per config var, 0600 in a directory 0700. Not fsynced: they go with the build.
fn write_env_dir(config: &Environment, dir: &Path) -> Result<(), BuildError> {
    fs::make_dir(dir, fs::PRIVATE_DIR)?;
    for (name, value) in &config.0 {
        fs::replace_report(&dir.join(name), value.bytes(), fs::PRIVATE_FILE)?;
    }
    Ok(())
}

/// Compiles with each in order; the last one's release counts.
fn run_all(chosen: &[Chosen], site: &mut Site<'_>, out: &mut dyn Transcript) -> Result<Release, BuildError> {
    for (index, one) in chosen.iter().enumerate() {
        one.report(out);
        out.step("compiling...");
        out.line(Line::Output(&format!("  caching in {}", site.cache.display())));
        one.buildpack.compile(site, out).map_err(BuildError::Compile)?;
        if index + 1 < chosen.len() {
            site.exported = one.buildpack.export(site).map_err(BuildError::Export)?;
        }
    }
    match chosen.last() {
        None => Ok(Release::default()),
        Some(last) => ask_release(&last.buildpack, site),
    }
}

fn ask_release(buildpack: &Buildpack, site: &Site<'_>) -> Result<Release, BuildError> {
    let bytes = buildpack.release(site).map_err(BuildError::Release)?;
    let name = buildpack.name.to_string();
    Release::parse(&bytes).map_err(|source| BuildError::ReleaseText { name, source })
}

fn used(buildpack: &Buildpack) -> Used {
    Used { name: buildpack.name.clone(), url: buildpack.url.clone(), commit: buildpack.commit.clone() }
}
