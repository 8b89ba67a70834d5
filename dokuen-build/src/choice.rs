//! Which buildpacks a build uses.

use std::path::Path;

use dokuen_core::{Transcript, fs};

use crate::buildpack::{Buildpack, Site};
use crate::built_in::{self, BUILT_IN, BuiltIn};
use crate::child::Watch;
use crate::env::BuildEnv;
use crate::error::{Asked, BuildError};
use crate::fetch::Clones;
use crate::git::Git;
use crate::store::Store;
use crate::tree;
use crate::url::{BuildpackUrl, Paths, UrlError};

/// Which buildpacks, in the order they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These, without being asked: the value of `BUILDPACK_URL`, or the lines of `.buildpacks`.
    Named(Vec<Wanted>),
    /// The first installed one, by name, that wants the tree; else the first built-in one. With none, a tree that has a
    /// Procfile is run as it is.
    Detect,
}

/// A buildpack as a user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Where it is to be had.
    Url(BuildpackUrl),
    /// `python`, `heroku/python`: a built-in one, or the installed one that has its name.
    BuiltIn(BuiltIn),
}

impl Wanted {
    /// Reads the name of a built-in buildpack, or a URL.
    pub fn parse(text: &str, paths: Paths) -> Result<Self, UrlError> {
        match BuiltIn::named(text) {
            Some(pack) => Ok(Self::BuiltIn(pack)),
            None => BuildpackUrl::parse(text, paths).map(Self::Url),
        }
    }
}

/// A buildpack that a build uses.
pub(crate) struct Chosen {
    pub buildpack: Buildpack,
    /// What `bin/detect` called the tree; empty when the buildpack was named.
    pub display: String,
}

/// The file in the tree that names several.
pub(crate) const LIST: &str = ".buildpacks";
const MOST_LIST: u64 = 64 * 1024;
/// More lines in `.buildpacks` than this are a mistake or an attack.
const MOST: usize = 20;

impl Choice {
    /// What `BUILDPACK_URL` says; without it what the tree's `.buildpacks` says, one a line; else detection.
    pub fn of(url: Option<&str>, dir: &Path, paths: Paths) -> Result<Self, BuildError> {
        if url.is_some_and(|url| !url.trim().is_empty()) {
            return Self::said(url, None, paths);
        }
        let path = dir.join(LIST);
        match fs::read_foreign(&path, MOST_LIST) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| BuildError::NotText { path })?;
                Self::said(None, Some(&text), paths)
            }
            Err(e) if e.is_not_found() => Ok(Self::Detect),
            Err(e) => Err(e.into()),
        }
    }

    /// The same for who has read `.buildpacks` already.
    pub fn said(url: Option<&str>, list: Option<&str>, paths: Paths) -> Result<Self, BuildError> {
        if let Some(url) = url.map(str::trim).filter(|u| !u.is_empty()) {
            return Ok(Self::Named(vec![Wanted::parse(url, paths)?]));
        }
        let text = list.unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
        if lines.len() > MOST {
            return Err(BuildError::TooMany { count: lines.len(), most: MOST });
        }
        let wanted: Vec<_> =
            lines.into_iter().map(|line| Wanted::parse(line, paths)).collect::<Result<_, UrlError>>()?;
        Ok(if wanted.is_empty() { Self::Detect } else { Self::Named(wanted) })
    }

    /// Names for exactly those buildpacks that a build would use now; `None` where one of them has no such name.
    pub(crate) fn ids(
        &self,
        store: &Store,
        env: &BuildEnv,
        watch: Watch<'_>,
        out: &mut dyn Transcript,
    ) -> Result<Option<Vec<String>>, BuildError> {
        let Self::Named(wanted) = self else { return who_may_be_asked(store) };
        let clones = Clones { dir: &store.clones, keep_out: store.keep_out.as_deref() };
        let mut id = |one: &Wanted| match one {
            Wanted::Url(url) => clones.resolve(&Git { env, url, watch }, out),
            Wanted::BuiltIn(pack) => by_name(*pack, store).map(|found| found.id),
        };
        wanted.iter().map(&mut id).collect()
    }

    pub(crate) fn choose(
        &self,
        store: &Store,
        site: &Site<'_>,
        scratch: &Path,
        out: &mut dyn Transcript,
    ) -> Result<(Vec<Chosen>, Option<Vec<String>>), BuildError> {
        let found = match self {
            Self::Named(wanted) => obtain_all(wanted, store, site, out),
            Self::Detect => who_may_be_asked(store).and_then(|ids| Ok((detect(store, site)?, ids))),
        };
        let found = found.and_then(|(chosen, ids)| Ok((in_copies(chosen, scratch)?, ids)));
        let chosen = found.as_ref().map(|(chosen, _)| chosen);
        match chosen {
            Ok(chosen) => {
                out.step("detecting buildpack... done");
                if chosen.is_empty() {
                    out.fact("no buildpack: the Procfile is run as it is");
                }
            }
            Err(_) => out.step("detecting buildpack... failed"),
        }
        found
    }
}

fn obtain_all(
    wanted: &[Wanted],
    store: &Store,
    site: &Site<'_>,
    out: &mut dyn Transcript,
) -> Result<(Vec<Chosen>, Option<Vec<String>>), BuildError> {
    let mut chosen = Vec::new();
    for one in wanted {
        let buildpack = match one {
            Wanted::Url(url) => fetch(url, store, site, out)?,
            Wanted::BuiltIn(pack) => by_name(*pack, store)?,
        };
        chosen.push(Chosen { buildpack, display: String::new() });
    }
    let ids = chosen.iter().map(|one| one.buildpack.id.clone()).collect();
    Ok((chosen, ids))
}

/// Each that is not ours in a directory of this build's own. It may write there, an `export` file above all, and what
/// it writes is this app's: the next build that uses it must not find that.
fn in_copies(mut chosen: Vec<Chosen>, scratch: &Path) -> Result<Vec<Chosen>, BuildError> {
    let others = chosen.iter_mut().map(|one| &mut one.buildpack).filter(|pack| pack.url != built_in::URL);
    for (index, buildpack) in others.enumerate() {
        let own = scratch.join(format!("buildpack-{index}"));
        tree::copy(&buildpack.dir, &own)?;
        buildpack.dir = own;
    }
    Ok(chosen)
}

/// What decides over who wins when buildpacks are asked: the tree, and all that are here.
fn who_may_be_asked(store: &Store) -> Result<Option<Vec<String>>, BuildError> {
    let installed = store.on_disk()?.into_iter().map(|pack| pack.id);
    Ok(installed.chain(BUILT_IN.map(|pack| Some(pack.id()))).collect())
}

fn fetch(
    url: &BuildpackUrl,
    store: &Store,
    site: &Site<'_>,
    out: &mut dyn Transcript,
) -> Result<Buildpack, BuildError> {
    let clones = Clones { dir: &store.clones, keep_out: store.keep_out.as_deref() };
    let files = clones.obtain(&Git { env: site.env, url, watch: site.watch }, out)?;
    let (name, url, id) = (url.name().clone(), url.to_string(), files.commit.clone());
    Ok(Buildpack { name, url, dir: files.dir, commit: files.commit, id })
}

/// A user's own goes before ours of the same name.
fn by_name(wanted: BuiltIn, store: &Store) -> Result<Buildpack, BuildError> {
    match store.on_disk()?.into_iter().find(|pack| pack.name.as_str() == wanted.name) {
        Some(own) => Ok(own),
        None => wanted.load(&store.clones),
    }
}

fn detect(store: &Store, site: &Site<'_>) -> Result<Vec<Chosen>, BuildError> {
    let mut asked = Vec::new();
    let installed = store.on_disk()?;
    let taken = |pack: &BuiltIn| installed.iter().any(|own| own.name.as_str() == pack.name);
    let ours = BUILT_IN.into_iter().filter(|pack| !taken(pack) && pack.may_want(site.dir));
    let ours: Vec<_> = ours.map(|pack| pack.load(&store.clones)).collect::<Result<_, _>>()?;
    for buildpack in installed.into_iter().chain(ours) {
        asked.push(buildpack.name.to_string());
        if let Some(display) = buildpack.detect(site).map_err(BuildError::Detect)? {
            return Ok(vec![Chosen { buildpack, display }]);
        }
    }
    // Whether it is a good one is found out when it is read.
    match site.dir.join("Procfile").symlink_metadata() {
        Ok(_) => Ok(Vec::new()),
        Err(_) => Err(BuildError::NoneDetected(Asked(asked))),
    }
}

impl Chosen {
    pub fn report(&self, out: &mut dyn Transcript) {
        let pack = &self.buildpack;
        out.fact(&format!("name: {}", pack.name));
        out.fact(&format!("url: {}", pack.url));
        if let Some(commit) = &pack.commit {
            out.fact(&format!("commit: {commit}"));
        }
        out.fact(&format!("display: {}", self.display));
    }
}
