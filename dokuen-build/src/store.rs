//! The machine's buildpacks: installed ones by name, and copies of those that were named by URL.
//!
//! `DIR/<name>` is a symlink to `DIR/.at/<name>.<random>`, beside which `<name>.<random>.from` tells URL and commit.
//! An update is one rename of the symlink, so a build finds the old buildpack or the new one. What an update replaced
//! stays until the next one, since a build may be running in it. A plain directory put there by hand counts as well.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dokuen_core::{BuildpackName, Lock, Transcript, fs};

use crate::buildpack::Buildpack;
use crate::child::Watch;
use crate::compile::Limits;
use crate::env::BuildEnv;
use crate::error::BuildError;
use crate::fetch::Clones;
use crate::git::Git;
use crate::scratch::Scratch;
use crate::url::{BuildpackUrl, masked};
use crate::{tidy, tree};

/// Where buildpacks are on this machine. All paths are absolute.
#[derive(Debug, Clone)]
pub struct Store {
    /// Installed buildpacks.
    pub dir: PathBuf,
    /// Clones of buildpacks named by URL; may be deleted when no build runs.
    pub clones: PathBuf,
    /// A directory that no buildpack may be read from, through no symlink either: apps' sources and config are there.
    pub keep_out: Option<PathBuf>,
}

/// A buildpack of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: BuildpackName,
    /// Where it came from, a login masked; for a directory put there by hand, its path.
    pub url: String,
    /// Which commit it is, when it came from git.
    pub commit: Option<String>,
}

impl Store {
    /// Installs the buildpack, or updates the one of the same name.
    pub fn install(
        &self,
        url: &BuildpackUrl,
        env: &BuildEnv,
        out: &mut dyn Transcript,
    ) -> Result<Installed, BuildError> {
        let clones = Clones { dir: &self.clones, keep_out: self.keep_out.as_deref() };
        let git = Git { env, url, watch: Watch::new(Limits::default().time, None) };
        let files = clones.obtain(&git, out)?;
        let at = self.dir.join(AT);
        let _lock = self.lock()?;
        let scratch = Scratch::new(&at)?;
        let copied = scratch.path().join("files");
        tree::copy(&files.dir, &copied)?;
        fs::sync_tree(&copied)?;
        let target = self.settle(url, &copied, files.commit.as_deref())?;
        let link = self.dir.join(url.name());
        let replaced = fs::link_target(&link).ok().flatten();
        fs::relink(&PathBuf::from(AT).join(&target), &link).inspect_err(|_| put_back(&link, replaced.as_deref()))?;
        self.sweep(url.name(), &[Some(target), replaced.and_then(|p| Some(p.file_name()?.to_str()?.to_owned()))])?;
        Ok(Installed { name: url.name().clone(), url: url.to_string(), commit: files.commit })
    }

    /// A bare repository that holds the commit which `url` names behind its `#`: fetched once and kept.
    pub fn repository(
        &self,
        url: &BuildpackUrl,
        env: &BuildEnv,
        out: &mut dyn Transcript,
    ) -> Result<PathBuf, BuildError> {
        let clones = Clones { dir: &self.clones, keep_out: self.keep_out.as_deref() };
        clones.repository(&Git { env, url, watch: Watch::new(Limits::default().time, None) }, out)
    }

    /// Removes copies of buildpacks that were not used for long; sooner what is too much, with `most` bytes allowed.
    pub fn tidy(&self, most: u64, now: SystemTime) -> Result<(), BuildError> {
        tidy::tidy(&self.clones, most, now)
    }

    /// Held while installed buildpacks change: a second update must not sweep away what the first is about to use.
    fn lock(&self) -> Result<Lock, BuildError> {
        let at = self.dir.join(AT);
        fs::make_dirs(&at, fs::PRIVATE_DIR)?;
        let lock = Lock::take(&at.join("lock"), "changing buildpacks")?;
        // What somebody was killed over: a copy, or a link that was not in its place yet.
        Scratch::sweep(&at)?;
        fs::sweep_unfinished(&self.dir)?;
        Ok(lock)
    }

    /// Gives the files a name that was never used, with what is known of them beside.
    fn settle(&self, url: &BuildpackUrl, files: &Path, commit: Option<&str>) -> Result<String, BuildError> {
        let at = self.dir.join(AT);
        let fresh = Scratch::new(&at)?;
        let random = fresh
            .path()
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default()
            .trim_start_matches(".new-")
            .to_owned();
        let target = format!("{}.{random}", url.name());
        let from = format!("{}\n{}\n", url.secret_text(), commit.unwrap_or_default());
        fs::replace(&at.join(format!("{target}.from")), from.as_bytes(), fs::PRIVATE_FILE)?;
        fs::rename(files, &at.join(&target))?;
        Ok(target)
    }

    fn sweep(&self, name: &BuildpackName, keep: &[Option<String>]) -> Result<(), BuildError> {
        let at = self.dir.join(AT);
        for entry in fs::names(&at)? {
            let stem = entry.strip_suffix(".from").unwrap_or(&entry);
            let ours = stem.split_once('.').is_some_and(|(have, _)| have == name.as_str());
            if ours && !keep.iter().flatten().any(|k| k == stem) {
                if entry == stem { fs::remove_tree(&at.join(&entry))? } else { fs::remove(&at.join(&entry))? }
            }
        }
        Ok(())
    }

    /// Removes a buildpack of the machine. What is typed is checked first: `../..` is no name.
    pub fn remove(&self, name: &str) -> Result<(), BuildError> {
        let missing = || BuildError::NotInstalled { name: form_of(name) };
        let parsed = BuildpackName::parse(name).map_err(|_| missing())?;
        let path = self.dir.join(&parsed);
        let meta = path.symlink_metadata().map_err(|_| missing())?;
        if meta.is_dir() {
            return Ok(fs::remove_tree(&path)?);
        }
        let _lock = self.lock()?;
        fs::remove(&path)?;
        self.sweep(&parsed, &[])
    }

    /// All of them, by name.
    pub fn list(&self) -> Result<Vec<Installed>, BuildError> {
        let one = |pack: Buildpack| Installed { name: pack.name, url: pack.url, commit: pack.commit };
        Ok(self.on_disk()?.into_iter().map(one).collect())
    }

    pub(crate) fn on_disk(&self) -> Result<Vec<Buildpack>, BuildError> {
        let names = fs::names(&self.dir)?;
        let known = names.iter().filter_map(|name| BuildpackName::parse(name).ok());
        known.filter(|name| self.dir.join(name).is_dir()).map(|name| self.load(name)).collect()
    }

    fn load(&self, name: BuildpackName) -> Result<Buildpack, BuildError> {
        let path = self.dir.join(&name);
        // The symlink is resolved now: an update during the build must not mix two versions.
        let Some(target) = fs::link_target(&path).ok().flatten() else {
            return Ok(Buildpack { url: path.display().to_string(), name, dir: path, commit: None, id: None });
        };
        // A link of somebody's own leads to files that change under it.
        let id = target.to_str().filter(|_| target.starts_with(AT)).map(str::to_owned);
        let dir = self.dir.join(target);
        let from = fs::read_if_there(&dir.with_added_extension("from"))?.unwrap_or_default();
        let from = String::from_utf8_lossy(&from);
        let mut lines = from.lines();
        let url = lines.next().map_or_else(|| dir.display().to_string(), masked);
        let commit = lines.next().filter(|c| !c.is_empty()).map(str::to_owned);
        Ok(Buildpack { name, url, dir, commit, id })
    }
}

const AT: &str = ".at";

/// A link that was moved and could not be synced counts as not moved: what it led to before comes back.
fn put_back(link: &Path, to: Option<&Path>) {
    // The error that led here is the one that is told.
    let _ = match to {
        Some(to) => fs::relink(to, link),
        None => fs::remove(link),
    };
}

fn form_of(name: &str) -> String {
    match BuildpackName::parse(name) {
        Ok(name) => name.to_string(),
        Err(_) => dokuen_core::shown(name),
    }
}
