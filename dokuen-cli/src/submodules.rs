//! Submodules: a push pins their commits and does not hold their files. They are fetched from places that the conf allows,
//! at the pinned commit and nothing newer, and refused by name otherwise. Dokuen never runs `git submodule`: what
//! `.gitmodules` says is data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dokuen_build::{BuildError, BuildpackUrl, GitError, Paths};
use dokuen_core::{Host, Transcript, legible};

use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};
use crate::{build, pushed_tree};

/// A place in a tree that holds another repository's commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    /// Where, from the top of the tree.
    pub path: String,
    /// Which commit.
    pub commit: Commit,
}

/// Submodules of submodules of ... are a mistake or meant to break something.
const DEEPEST: usize = 5;

/// A commit of a repository, whose tree has been written into `into`.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// The bare repository.
    pub repo: &'a Path,
    /// The commit.
    pub commit: &'a Commit,
    /// Where its tree is.
    pub into: &'a Path,
}

/// Fetches what was found in a tree into its places, each within the limits of a push.
pub fn fill(host: &Host, tree: Written<'_>, found: &[Submodule], out: &mut dyn Transcript) -> Result<(), Failure> {
    fill_down_to(host, tree, found, DEEPEST, out)
}

fn fill_down_to(
    host: &Host,
    tree: Written<'_>,
    found: &[Submodule],
    levels: usize,
    out: &mut dyn Transcript,
) -> Result<(), Failure> {
    let urls = if found.is_empty() { BTreeMap::new() } else { urls(host, tree)? };
    for one in found {
        let url = urls.get(&one.path).map(String::as_str).filter(|url| levels > 0 && is_allowed(host, url));
        let url = url.ok_or_else(|| refused(one, urls.get(&one.path)))?;
        let url = BuildpackUrl::of_repository(&format!("{url}#{}", one.commit.id()), Paths::FileUrls)
            .map_err(|e| Failure::new(Exit::Failed, e))?;
        let repo = build::store(host).repository(&url, &build::environment(host), out);
        let repo = repo.map_err(|cause| unfetched(one, &url, cause))?;
        let into = tree.into.join(&one.path);
        let inner = pushed_tree::check(host, &repo, &one.commit)?;
        git::archive(host, &repo, &one.commit, &[], &into)?;
        out.fact(&format!("submodule {}: {}", legible(&one.path), one.commit.short()));
        let written = Written { repo: &repo, commit: &one.commit, into: &into };
        fill_down_to(host, written, &inner, levels - 1, out)?;
    }
    Ok(())
}

/// An URL below one that the conf lists, which ends with a slash, and no way up again.
fn is_allowed(host: &Host, url: &str) -> bool {
    host.conf.submodule_urls.iter().any(|start| url.starts_with(start.as_str()))
        && !url.split('/').any(|part| part == "..")
}

/// Why a submodule is not here. The store keeps it as it keeps buildpacks, and speaks of those.
#[derive(Debug, thiserror::Error)]
enum Unfetched {
    #[error("failed to fetch submodule {path}")]
    Fetch { path: String, source: GitError },
    #[error("submodule {path} is pinned to {commit}, which is not in {url}")]
    NoCommit { path: String, commit: String, url: BuildpackUrl },
    #[error("failed to fetch submodule {path}: `{}` is not open to builds", at.display())]
    KeptOut { path: String, at: PathBuf },
}

fn unfetched(one: &Submodule, url: &BuildpackUrl, cause: BuildError) -> Failure {
    let path = legible(&one.path);
    let cause = match cause {
        BuildError::Clone(source) => Unfetched::Fetch { path, source },
        BuildError::Checkout { .. } => {
            Unfetched::NoCommit { path, commit: one.commit.short().to_owned(), url: url.clone() }
        }
        BuildError::KeptOut { path: at } => Unfetched::KeptOut { path, at },
        other => return other.into(),
    };
    let unpublished = matches!(cause, Unfetched::NoCommit { .. });
    let failure = Failure::new(Exit::BuildFailed, cause);
    if unpublished { failure.hint("push the submodule's own commits there first") } else { failure }
}

fn refused(one: &Submodule, url: Option<&String>) -> Failure {
    let text =
        format!("the pushed tree is refused: {} is a submodule, whose files are not in the push", legible(&one.path));
    let files = "add the files themselves: git rm --cached PATH, rm -rf PATH/.git, git add PATH";
    let hint = match url.and_then(|url| BuildpackUrl::of_repository(url, Paths::FileUrls).ok()) {
        Some(url) => format!("{files}; or let submodule_urls in dokuen.conf allow {url}"),
        None => format!("{files}; .gitmodules names no URL for it that could be fetched"),
    };
    Failure::new(Exit::Failed, text).hint(hint)
}

/// A control character in `.gitmodules` is no mistake: a path that ends with CR once wrote outside of the tree.
pub fn check_text(host: &Host, repo: &Path, commit: &Commit) -> Result<(), Failure> {
    let blob = format!("{}:.gitmodules", commit.id());
    let text = git::git(host, repo).args(["cat-file", "blob", &blob]).run()?.stdout;
    if text.iter().any(|byte| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\t')) {
        let text = "the pushed tree is refused: its .gitmodules holds a carriage return or another control character";
        return Err(Failure::new(Exit::Failed, text).hint("lines of .gitmodules end with a newline alone"));
    }
    Ok(())
}

/// URLs by path, as `.gitmodules` of the commit says.
fn urls(host: &Host, tree: Written<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let blob = format!("{}:.gitmodules", tree.commit.id());
    let list = git::git(host, tree.repo).args(["config", "--null", "--blob", &blob]);
    // No such file, or nothing in it: then no submodule has a URL.
    let text =
        list.args(["--get-regexp", r"^submodule\..*\.(path|url)$"]).run().map(|out| out.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let (mut paths, mut urls) = (BTreeMap::new(), BTreeMap::new());
    for (key, value) in text.split('\0').filter_map(|entry| entry.split_once('\n')) {
        let name = key.strip_prefix("submodule.").unwrap_or(key);
        if let Some(name) = name.strip_suffix(".path") {
            paths.insert(name.to_owned(), value.trim_end_matches('/').to_owned());
        } else if let Some(name) = name.strip_suffix(".url") {
            urls.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(paths.into_iter().filter_map(|(name, path)| Some((path, urls.remove(&name)?))).collect())
}
