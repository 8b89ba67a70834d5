//! Which buildpacks a build uses.

use std::path::Path;

use dokuen_core::{Transcript, fs};

use crate::buildpack::{Buildpack, OnDisk, Site};
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
    Named(Vec<BuildpackUrl>),
    /// The first installed one, by name, that wants the tree. With none, a tree that has a Procfile is run as it is.
    Detect,
}

/// A buildpack that a build uses.
pub(crate) struct Chosen {
    pub buildpack: Buildpack,
    /// What `bin/detect` called the tree; empty when the buildpack was named.
    pub display: String,
}

/// More lines in `.buildpacks` than this are a mistake or an attack.
const MOST: usize = 20;

impl Choice {
    /// What `BUILDPACK_URL` says; without it what the tree's `.buildpacks` says, one URL a line; else detection.
    pub fn of(url: Option<&str>, dir: &Path, paths: Paths) -> Result<Self, BuildError> {
        if let Some(url) = url.map(str::trim).filter(|u| !u.is_empty()) {
            return Ok(Self::Named(vec![BuildpackUrl::parse(url, paths)?]));
        }
        let path = dir.join(".buildpacks");
        let text = match fs::read_foreign(&path, 64 * 1024) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| BuildError::NotText { path })?,
            Err(e) if e.is_not_found() => return Ok(Self::Detect),
            Err(e) => return Err(e.into()),
        };
        let lines: Vec<_> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
        if lines.len() > MOST {
            return Err(BuildError::TooMany { count: lines.len(), most: MOST });
        }
        let urls: Vec<_> =
            lines.into_iter().map(|line| BuildpackUrl::parse(line, paths)).collect::<Result<_, UrlError>>()?;
        Ok(if urls.is_empty() { Self::Detect } else { Self::Named(urls) })
    }

    pub(crate) fn choose(
        &self,
        store: &Store,
        site: &Site<'_>,
        scratch: &Path,
        out: &mut dyn Transcript,
    ) -> Result<Vec<Chosen>, BuildError> {
        let chosen = match self {
            Self::Named(urls) => fetch_all(urls, store, site, scratch, out),
            Self::Detect => detect(store, site),
        };
        match &chosen {
            Ok(chosen) => {
                out.step("detecting buildpack... done");
                if chosen.is_empty() {
                    out.fact("no buildpack: the Procfile is run as it is");
                }
            }
            Err(_) => out.step("detecting buildpack... failed"),
        }
        chosen
    }
}

fn fetch_all(
    urls: &[BuildpackUrl],
    store: &Store,
    site: &Site<'_>,
    scratch: &Path,
    out: &mut dyn Transcript,
) -> Result<Vec<Chosen>, BuildError> {
    let clones = Clones { dir: &store.clones, keep_out: store.keep_out.as_deref() };
    let mut chosen = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        let files = clones.obtain(&Git { env: site.env, url, watch: site.watch }, out)?;
        let mut dir = files.dir;
        if urls.len() > 1 {
            // Such a one may write `export` into its own directory, and builds share that: so it gets a copy.
            let own = scratch.join(format!("buildpack-{index}"));
            tree::copy(&dir, &own)?;
            dir = own;
        }
        let pack = OnDisk { name: url.name().clone(), url: url.to_string(), dir, commit: files.commit };
        chosen.push(Chosen { buildpack: Buildpack::OnDisk(pack), display: String::new() });
    }
    Ok(chosen)
}

fn detect(store: &Store, site: &Site<'_>) -> Result<Vec<Chosen>, BuildError> {
    let mut asked = Vec::new();
    for pack in store.on_disk()? {
        asked.push(pack.name.to_string());
        let buildpack = Buildpack::OnDisk(pack);
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
        let pack = self.buildpack.on_disk();
        out.fact(&format!("name: {}", pack.name));
        out.fact(&format!("url: {}", pack.url));
        if let Some(commit) = &pack.commit {
            out.fact(&format!("commit: {commit}"));
        }
        out.fact(&format!("display: {}", self.display));
    }
}
