//! Getting a buildpack: a clone for each URL, and in it one checkout for each commit, made once and used for ever.
//!
//! `CLONES/<key>/` holds `url` (whose clone it is), `git/` (bare), `at/<commit>/` (files), `seen/<ref>` (which commit
//! a branch or tag was when it was last reached). A checkout gets its name by a rename, so one that is there is whole.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use dokuen_core::{Lock, Stamp, Transcript, fs};

use crate::error::{BuildError, GitError};
use crate::git::{Git, Remote, is_commit};
use crate::place::Place;
use crate::scratch::Scratch;
use crate::tidy::use_now;
use crate::url::BuildpackUrl;

/// A buildpack's files on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub dir: PathBuf,
    /// `None` for a plain directory.
    pub commit: Option<String>,
}

/// Where copies are kept, and what may not be copied.
pub(crate) struct Clones<'a> {
    pub dir: &'a Path,
    pub keep_out: Option<&'a Path>,
}

impl Clones<'_> {
    /// The files of the commit that `git.url` names now, or named when its remote was last reached.
    pub fn obtain(&self, git: &Git<'_>, out: &mut dyn Transcript) -> Result<Files, BuildError> {
        if let Some(dir) = self.plain_directory(git.url)? {
            return Ok(Files { dir, commit: None });
        }
        let home = Home::of(self.dir, git.url)?;
        let commit = home.commit(git, out)?;
        let dir = home.checkout(git, &commit, out)?;
        Ok(Files { dir, commit: Some(commit) })
    }

    /// That commit alone; `None` for a plain directory.
    pub fn resolve(&self, git: &Git<'_>, out: &mut dyn Transcript) -> Result<Option<String>, BuildError> {
        match self.plain_directory(git.url)? {
            Some(_) => Ok(None),
            None => Home::of(self.dir, git.url)?.commit(git, out).map(Some),
        }
    }

    fn plain_directory(&self, url: &BuildpackUrl) -> Result<Option<PathBuf>, BuildError> {
        let Place::Local(path) = url.place() else { return Ok(None) };
        self.check_open(path)?;
        if is_repository(path) || !path.join("bin").is_dir() {
            return Ok(None);
        }
        match url.reference() {
            None => Ok(Some(path.clone())),
            Some(reference) => {
                let source = GitError::new("checkout", url, "it is a directory and no repository: it has no branches");
                Err(BuildError::Checkout { reference: reference.to_owned(), source })
            }
        }
    }

    /// Through symlinks, too: a link outside may point inside.
    fn check_open(&self, path: &Path) -> Result<(), BuildError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match self.keep_out {
            Some(closed) if real(path).starts_with(real(closed)) => Err(BuildError::KeptOut { path: path.to_owned() }),
            _ => Ok(()),
        }
    }
}

fn is_repository(path: &Path) -> bool {
    path.join(".git").exists() || path.join("HEAD").is_file() && path.join("objects").is_dir()
}

/// The directory of one URL.
struct Home(PathBuf);

impl Home {
    fn of(clones: &Path, url: &BuildpackUrl) -> Result<Self, BuildError> {
        // The ref is no part of it: branches of one repository share their objects.
        let text = url.secret_text().rsplit_once('#').map_or(url.secret_text(), |(address, _)| address);
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let home = Self(clones.join(format!("{}-{:016x}", url.name(), hasher.finish())));
        if !home.belongs_to(text)? {
            fs::make_dirs(clones, fs::PRIVATE_DIR)?;
            home.take_over(text)?;
        }
        use_now(&home.0.join("url"));
        Ok(home)
    }

    fn belongs_to(&self, text: &str) -> Result<bool, BuildError> {
        Ok(fs::read_if_there(&self.0.join("url"))?.as_deref() == Some(text.as_bytes()))
    }

    /// A fresh home; or the hash of two URLs is the same, and then nobody is served the other's code.
    fn take_over(&self, text: &str) -> Result<(), BuildError> {
        let _lock = self.lock()?;
        if self.belongs_to(text)? {
            return Ok(());
        }
        fs::remove_tree(&self.0)?;
        fs::make_dirs(&self.0.join("at"), fs::PRIVATE_DIR)?;
        fs::make_dirs(&self.0.join("seen"), fs::PRIVATE_DIR)?;
        fs::make_dirs(&self.repo(), fs::PRIVATE_DIR)?;
        Ok(fs::replace(&self.0.join("url"), text.as_bytes(), fs::PRIVATE_FILE)?)
    }

    fn repo(&self) -> PathBuf {
        self.0.join("git")
    }

    fn tree(&self, commit: &str) -> PathBuf {
        self.0.join("at").join(commit)
    }

    fn commit(&self, git: &Git<'_>, out: &mut dyn Transcript) -> Result<String, BuildError> {
        let reference = git.url.reference();
        if let Some(full) = reference.filter(|r| is_commit(r)) {
            return Ok(full.to_owned());
        }
        let seen = self.0.join("seen").join(file_name(reference.unwrap_or("HEAD")));
        let before = Seen::load(&seen)?.filter(|s| self.tree(&s.commit).is_dir());
        match (git.ask(&self.repo()), before) {
            (Remote::Commit(commit), before) => {
                if before.is_none_or(|b| b.commit != commit) {
                    Seen::save(&seen, &commit)?;
                }
                Ok(commit)
            }
            (Remote::Unreachable(why), Some(before)) => {
                let note = "using the copy of";
                out.fact(&format!("{note} {}, since {} could not be reached", before.since, git.url));
                out.fact(&format!("because {why}"));
                Ok(before.commit)
            }
            (Remote::Unreachable(source), None) => Err(source.into()),
            (Remote::NoSuchRef, before) => self.abbreviated(git, &seen, before),
        }
    }

    /// No branch and no tag: perhaps the first digits of a commit.
    fn abbreviated(&self, git: &Git<'_>, seen: &Path, before: Option<Seen>) -> Result<String, BuildError> {
        let reference = git.url.reference().unwrap_or("HEAD").to_owned();
        let is_hex = (4..64).contains(&reference.len()) && reference.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            let source = GitError::new("ls-remote", git.url, "found no such branch or tag");
            return Err(BuildError::Checkout { reference, source });
        }
        if let Some(before) = before.filter(|b| b.commit.starts_with(&reference)) {
            return Ok(before.commit);
        }
        let _lock = self.lock()?;
        git.init(&self.repo())?;
        git.fetch_all(&self.repo())?;
        let commit =
            git.resolve(&self.repo(), &reference).map_err(|source| BuildError::Checkout { reference, source })?;
        Seen::save(seen, &commit)?;
        Ok(commit)
    }

    /// Beside the home, since a home may be emptied.
    fn lock(&self) -> Result<Lock, BuildError> {
        Ok(Lock::take(&self.0.with_added_extension("lock"), "fetching a buildpack")?)
    }

    fn checkout(&self, git: &Git<'_>, commit: &str, out: &mut dyn Transcript) -> Result<PathBuf, BuildError> {
        let tree = self.tree(commit);
        if use_now(&tree) {
            return Ok(tree);
        }
        let _lock = self.lock()?;
        if use_now(&tree) {
            return Ok(tree);
        }
        Scratch::sweep(&self.0.join("at"))?;
        out.step(&format!("fetching {}", git.url));
        if let Err(first) = self.fetch_and_check_out(git, commit, &tree) {
            // A clone that a power cut spoilt would fail for ever: once more, from nothing.
            fs::remove_tree(&self.repo())?;
            fs::make_dirs(&self.repo(), fs::PRIVATE_DIR)?;
            self.fetch_and_check_out(git, commit, &tree).map_err(|_| first)?;
        }
        Ok(tree)
    }

    /// Makes sure that the commit is in the clone; the lock must be held.
    fn hold(&self, git: &Git<'_>, commit: &str) -> Result<(), BuildError> {
        let repo = self.repo();
        git.init(&repo)?;
        if git.resolve(&repo, commit).is_err() {
            git.fetch(&repo, commit)?;
            git.resolve(&repo, commit).map_err(|source| not_there(git, source))?;
        }
        Ok(())
    }

    fn fetch_and_check_out(&self, git: &Git<'_>, commit: &str, tree: &Path) -> Result<(), BuildError> {
        let missing = |source| not_there(git, source);
        self.hold(git, commit)?;
        let repo = self.repo();
        let beside = Scratch::new(&self.0.join("at"))?;
        let files = beside.path().join("files");
        fs::make_dir(&files, fs::PRIVATE_DIR)?;
        git.check_out(&repo, commit, &files, &beside.path().join("index")).map_err(missing)?;
        // It is used for ever: what the rename makes visible must be on the disk.
        fs::sync_tree(&files)?;
        Ok(fs::rename(&files, tree)?)
    }
}

/// A ref as a file name: `/` is no part of one, and the rule for refs leaves `,` free.
fn file_name(reference: &str) -> String {
    reference.replace('/', ",")
}

/// Which commit a ref was, and since when this machine has known.
struct Seen {
    commit: String,
    since: String,
}

impl Seen {
    fn load(path: &Path) -> Result<Option<Self>, BuildError> {
        let Some(bytes) = fs::read_if_there(path)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let parsed = text.trim_end().split_once(' ').filter(|(commit, _)| is_commit(commit));
        Ok(parsed.map(|(commit, since)| Self { commit: commit.to_owned(), since: since.to_owned() }))
    }

    fn save(path: &Path, commit: &str) -> Result<(), BuildError> {
        let text = format!("{commit} {} UTC\n", Stamp::now().for_people());
        Ok(fs::replace_report(path, text.as_bytes(), fs::PRIVATE_FILE)?)
    }
}

fn not_there(git: &Git<'_>, source: GitError) -> BuildError {
    BuildError::Checkout { reference: git.url.reference().unwrap_or("HEAD").to_owned(), source }
}

impl Clones<'_> {
    /// The bare repository of a URL that names a whole commit id, with that commit in it: fetched once.
    pub fn repository(&self, git: &Git<'_>, out: &mut dyn Transcript) -> Result<PathBuf, BuildError> {
        if let Place::Local(path) = git.url.place() {
            self.check_open(path)?;
        }
        let home = Home::of(self.dir, git.url)?;
        let commit = home.commit(git, out)?;
        let _lock = home.lock()?;
        if git.resolve(&home.repo(), &commit).is_err() {
            out.step(&format!("fetching {}", git.url));
            home.hold(git, &commit)?;
        }
        Ok(home.repo())
    }
}
