//! The result of a build: a tree that says what to run and with which defaults.

use std::path::{Path, PathBuf};

use dokuen_core::fs;
use dokuen_core::{
    BuildpackName, EnvName, EnvValue, Environment, Procfile, ProcfileError, parse_dotenv, render_dotenv,
};

use crate::error::BuildError;
use crate::recipe::Recipe;
use crate::release::Release;

/// A built tree. To hold one is to know that its Procfile names at least one process.
#[derive(Debug, Clone)]
pub struct Slug {
    built: Built,
}

/// A buildpack that a build used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: BuildpackName,
    /// Where it came from, a login masked.
    pub url: String,
    /// The commit that ran; `None` for a plain directory.
    pub commit: Option<String>,
}

/// A built tree that may have nothing to run: mason packs such a one all the same.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub dir: PathBuf,
    pub procfile: Procfile,
    pub defaults: Environment,
    pub buildpacks: Vec<Used>,
    pub recipe: Option<Recipe>,
}

impl Slug {
    pub(crate) fn of(built: Built) -> Result<Self, BuildError> {
        if built.procfile.is_empty() { Err(BuildError::NothingToRun) } else { Ok(Self { built }) }
    }

    /// The tree: the directory that was to be built.
    pub fn dir(&self) -> &Path {
        &self.built.dir
    }

    /// The app's Procfile over the buildpack's default process types, as it stands in the tree.
    pub fn procfile(&self) -> &Procfile {
        &self.built.procfile
    }

    /// What the tree's `.env` holds: the buildpack's config vars under the app's own `.env`.
    pub fn defaults(&self) -> &Environment {
        &self.built.defaults
    }

    /// What it was made with, besides its source; `None` where that has no name.
    pub fn recipe(&self) -> Option<&Recipe> {
        self.built.recipe.as_ref()
    }

    /// The buildpacks that ran, in order.
    pub fn buildpacks(&self) -> &[Used] {
        &self.built.buildpacks
    }
}

impl Built {
    /// Writes `Procfile` and `.env` as the release has them: what the build left under these names is read only when
    /// it is a plain file, and replaced by rename, so a planted symlink leads nowhere.
    pub fn finish(
        dir: &Path,
        release: Release,
        above: &Environment,
        buildpacks: Vec<Used>,
        recipe: Option<Recipe>,
    ) -> Result<Self, BuildError> {
        let procfile = write_procfile(dir, release.process_types)?;
        let defaults = write_dotenv(dir, release.config_vars, above)?;
        Ok(Self { dir: dir.to_owned(), procfile, defaults, buildpacks, recipe })
    }
}

fn write_procfile(dir: &Path, defaults: Procfile) -> Result<Procfile, BuildError> {
    let path = dir.join("Procfile");
    let own = match foreign_text(&path, Procfile::MOST_BYTES)?.map(|text| Procfile::parse(&text)) {
        None | Some(Err(ProcfileError::Empty)) => Procfile::default(),
        Some(parsed) => parsed?,
    };
    let merged = defaults.merged_under(&own);
    // The app's own text stays as it is, comments and all, when a buildpack adds nothing to it.
    if merged != own {
        // Both halves were checked; their sum may be too many.
        Procfile::parse(&merged.render())?;
        fs::replace_report(&path, merged.render().as_bytes(), fs::PUBLIC_FILE)?;
    }
    Ok(merged)
}

const MOST_DOTENV: u64 = 256 * 1024;

fn write_dotenv(
    dir: &Path,
    defaults: Vec<(EnvName, EnvValue)>,
    above: &Environment,
) -> Result<Environment, BuildError> {
    let path = dir.join(".env");
    let own = parse_dotenv(&foreign_text(&path, MOST_DOTENV)?.unwrap_or_default())?;
    let all = layered(layered(defaults, &own), above);
    let text = render_dotenv(all.iter().map(|(name, value)| (name, value)));
    fs::replace_report(&path, text.as_bytes(), fs::PRIVATE_FILE)?;
    Ok(Environment(all.into_iter().collect()))
}

/// `above` wins in the place where a name stands; what is new comes after.
fn layered(mut below: Vec<(EnvName, EnvValue)>, above: &Environment) -> Vec<(EnvName, EnvValue)> {
    for (name, value) in &above.0 {
        match below.iter_mut().find(|(have, _)| have == name) {
            Some((_, have)) => have.clone_from(value),
            None => below.push((name.clone(), value.clone())),
        }
    }
    below
}

fn foreign_text(path: &Path, most: u64) -> Result<Option<String>, BuildError> {
    match fs::read_foreign(path, most) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| BuildError::NotText { path: path.to_owned() }),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e.into()),
    }
}
