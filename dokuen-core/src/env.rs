//! Config vars: one file per variable, and the one function that says which layer wins.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::fs::{self, FsError};
use crate::name::EnvName;

/// The value of a config var: any bytes but NUL, at most [`EnvValue::MOST`]. Its `Debug` form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvValue(Vec<u8>);

/// A set of variables, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment(pub BTreeMap<EnvName, EnvValue>);

/// A directory with one file per config var: the file's name is the key, its contents the value.
#[derive(Debug, Clone)]
pub struct EnvStore {
    dir: PathBuf,
}

/// The layers of a process's environment, lowest first: a later one wins.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// What every process on the machine gets: `PATH`, `LANG`.
    pub base: Environment,
    /// The buildpack's defaults: the release's `.env`.
    pub defaults: Environment,
    /// Where the app's storage is.
    pub storage: Environment,
    /// `env/` at the top of the dokuen directory.
    pub global: Environment,
    /// The app's own `env/`.
    pub app: Environment,
    /// What the platform sets: `PORT`, `HOME`, `PS`, ...
    pub platform: Environment,
}

impl EnvValue {
    /// Linux takes 128 KiB for one `NAME=value`; this leaves room for the longest name.
    pub const MOST: usize = 128 * 1024 - 256;

    /// `None` when it holds a NUL or is longer than [`EnvValue::MOST`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() <= Self::MOST && !bytes.contains(&0)).then_some(Self(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As an operating system string.
    pub fn os(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    /// As text, bytes that are not UTF-8 replaced.
    pub fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

impl Environment {
    /// Sums above this would not pass `execve` beside an argv.
    pub const MOST_BYTES: usize = 1536 * 1024;

    /// Sets a variable from text that is known to be a legal name and value; anything else is left out.
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        if let (Ok(name), Some(value)) = (EnvName::parse(name), EnvValue::new(value.as_ref().as_bytes())) {
            self.0.insert(name, value);
        }
        self
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&EnvValue> {
        self.0.iter().find(|(have, _)| have.as_str() == name).map(|(_, value)| value)
    }

    /// The value of a variable, when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value.bytes()).ok())
    }

    /// How many bytes `execve` would be given.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.as_str().len() + value.bytes().len() + 2).sum()
    }

    /// Pairs as `Command::envs` takes them.
    pub fn pairs(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (OsStr::new(name.as_str()), value.os()))
    }

    /// `NAME=value` entries, each ended by NUL: byte-exact and without quoting, like `/proc/PID/environ`.
    pub fn to_nul(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size());
        for (name, value) in &self.0 {
            out.extend_from_slice(name.as_str().as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.bytes());
            out.push(0);
        }
        out
    }

    /// Reads [`Environment::to_nul`] back; entries that are none are left out.
    pub fn from_nul(bytes: &[u8]) -> Self {
        let mut environment = Self::default();
        for entry in bytes.split(|b| *b == 0).filter(|e| !e.is_empty()) {
            let Some(at) = entry.iter().position(|b| *b == b'=') else { continue };
            if let Ok(name) = std::str::from_utf8(&entry[..at]) {
                environment = environment.with(name, OsString::from_vec(entry[at + 1..].to_vec()));
            }
        }
        environment
    }
}

impl Layers {
    /// The one place that says which layer wins. (A buildpack's default never beats the user's own setting.)
    pub fn merged(self) -> Environment {
        let mut merged = BTreeMap::new();
        for layer in [self.base, self.defaults, self.storage, self.global, self.app, self.platform] {
            merged.extend(layer.0);
        }
        Environment(merged)
    }
}

impl EnvStore {
    /// The store in `dir`, which need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where its files lie.
    pub fn dir(&self) -> PathBuf {
        self.dir.clone()
    }

    /// Every variable. Files whose name is no config var name (a half-written neighbour, a backup) are not read.
    pub fn load(&self) -> Result<Environment, FsError> {
        let mut all = Environment::default();
        for file in fs::names(&self.dir)? {
            let Ok(name) = EnvName::parse(&file) else { continue };
            let path = self.dir.join(&file);
            let bytes = fs::read_foreign(&path, EnvValue::MOST as u64)?;
            let value = EnvValue::new(bytes).ok_or_else(|| std::io::Error::other("it holds a NUL byte"));
            all.0.insert(name, fs::at("read", &path, value)?);
        }
        Ok(all)
    }

    /// One variable; `None` when it is not set.
    pub fn get(&self, name: &str) -> Result<Option<EnvValue>, FsError> {
        let path = self.dir.join(name);
        match fs::read_foreign(&path, EnvValue::MOST as u64) {
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
            Ok(bytes) => {
                let value = EnvValue::new(bytes).ok_or_else(|| std::io::Error::other("it holds a NUL byte"));
                fs::at("read", &path, value).map(Some)
            }
        }
    }

    /// Writes one variable, 0600 from its first byte: the old value or the new one is there, never less.
    pub fn set(&self, name: &EnvName, value: &EnvValue) -> Result<(), FsError> {
        fs::make_dirs(&self.dir, fs::PRIVATE_DIR)?;
        fs::replace(&self.dir.join(name), value.bytes(), fs::PRIVATE_FILE)
    }

    /// Removes one variable; one that is not set is fine.
    pub fn unset(&self, name: &EnvName) -> Result<(), FsError> {
        fs::remove(&self.dir.join(name))
    }

    /// As [`EnvStore::become_exactly`], but all of it or nothing: while it changes, `undo` says what there was before, by which
    /// [`EnvStore::take_back`] undoes what a killed command has done. The store's lock must be held.
    pub fn become_wholly(&self, wanted: &Environment, undo: &Path) -> Result<(), FsError> {
        fs::replace(undo, &self.load()?.to_nul(), fs::PRIVATE_FILE)?;
        // Taken back as far as the disk takes it; the failure that led here is the one to tell.
        self.become_exactly(wanted).inspect_err(|_| drop(self.take_back(undo)))?;
        fs::remove(undo)
    }

    /// Undoes a change that was not finished, if there is one. The store's lock must be held.
    pub fn take_back(&self, undo: &Path) -> Result<(), FsError> {
        let Some(before) = fs::read_if_there(undo)? else { return Ok(()) };
        self.become_exactly(&Environment::from_nul(&before))?;
        fs::remove(undo)
    }

    /// Makes the store hold exactly `wanted`, touching only what differs.
    pub fn become_exactly(&self, wanted: &Environment) -> Result<(), FsError> {
        let have = self.load()?;
        for (name, value) in wanted.0.iter().filter(|(name, value)| have.0.get(name) != Some(value)) {
            self.set(name, value)?;
        }
        for name in have.0.keys().filter(|name| !wanted.0.contains_key(name)) {
            self.unset(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn name(text: &str) -> EnvName {
        EnvName::parse(text).unwrap()
    }

    #[test]
    fn the_user_beats_the_buildpack_and_the_platform_beats_all() {
        let one = |value: &str| Environment::default().with("A", value);
        let layers = Layers { base: one("base"), defaults: one("default"), global: one("global"), ..Layers::default() };
        assert_eq!(layers.clone().merged().text("A"), Some("global"));
        let layers = Layers { app: one("app"), ..layers };
        assert_eq!(layers.clone().merged().text("A"), Some("app"));
        assert_eq!(Layers { platform: one("platform"), ..layers }.merged().text("A"), Some("platform"));
    }

    #[test]
    fn values_are_bytes_and_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let store = EnvStore::new(dir.path().join("env"));
        let bytes = b"  lead \n\xff trail \n".to_vec();
        store.set(&name("A"), &EnvValue::new(bytes.clone()).unwrap()).unwrap();
        store.set(&name("EMPTY"), &EnvValue::new("").unwrap()).unwrap();
        let all = store.load().unwrap();
        assert_eq!(all.get("A").unwrap().bytes(), bytes);
        assert_eq!(all.get("EMPTY").unwrap().bytes(), b"");
        assert_eq!(Environment::from_nul(&all.to_nul()), all);
        assert_eq!(dir.path().join("env/A").metadata().unwrap().mode() & 0o777, 0o600);
        assert!(!format!("{all:?}").contains("lead"));
        assert!(EnvValue::new(b"a\0b".to_vec()).is_none());
    }

    #[test]
    fn a_planted_symlink_is_an_error_and_a_leftover_is_not_a_variable() {
        let dir = tempfile::tempdir().unwrap();
        let store = EnvStore::new(dir.path());
        fs::replace(&dir.path().join(".new-x"), b"x", fs::PRIVATE_FILE).unwrap();
        assert_eq!(store.load().unwrap(), Environment::default());
        fs::link(std::path::Path::new("/etc/passwd"), &dir.path().join("A")).unwrap();
        assert!(store.load().is_err());
    }

    #[test]
    fn a_change_that_was_killed_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        let (store, undo) = (EnvStore::new(dir.path().join("env")), dir.path().join("undo"));
        let before = Environment::default().with("A", "1").with("B", "2");
        store.become_exactly(&before).unwrap();
        store.become_wholly(&before.clone().with("C", "3"), &undo).unwrap();
        assert!(!undo.exists());
        store.take_back(&undo).unwrap();
        assert_eq!(store.load().unwrap().text("C"), Some("3"));
        // Killed after the first of two.
        fs::replace(&undo, &before.to_nul(), fs::PRIVATE_FILE).unwrap();
        store.set(&name("A"), &EnvValue::new("new").unwrap()).unwrap();
        store.take_back(&undo).unwrap();
        assert_eq!(store.load().unwrap(), before);
        assert!(!undo.exists());
    }

    #[test]
    fn become_exactly_sets_and_unsets() {
        let dir = tempfile::tempdir().unwrap();
        let store = EnvStore::new(dir.path());
        store.become_exactly(&Environment::default().with("A", "1").with("B", "2")).unwrap();
        let wanted = Environment::default().with("B", "3").with("C", "");
        store.become_exactly(&wanted).unwrap();
        assert_eq!(store.load().unwrap(), wanted);
    }
}
