//! Storage: directories of an app that outlive its releases, and how its processes find them.

use std::path::{Path, PathBuf};

use crate::env::Environment;
use crate::fs::{self, FsError};
use crate::layout;
use crate::name::StorageName;

/// All of an app's storage: a directory of directories. What is there is what there is.
#[derive(Debug, Clone)]
pub struct Storage {
    dir: PathBuf,
}

impl StorageName {
    /// The one that is meant where none is named.
    pub fn default_one() -> Self {
        Self::parse(DEFAULT).expect("the default's name keeps to the rule")
    }

    /// The variable by which processes find it: `STORAGE`, or `STORAGE_DATA` of one called `data`.
    pub fn variable(&self) -> String {
        match self.as_str() {
            DEFAULT => "STORAGE".to_owned(),
            name => format!("STORAGE_{}", name.to_ascii_uppercase().replace('-', "_")),
        }
    }
}

const DEFAULT: &str = "default";

impl Storage {
    /// That of the app whose config vars lie in `env`.
    pub fn beside(env: &Path) -> Self {
        Self { dir: layout::storage_beside(env) }
    }

    /// Where all of it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where one lies.
    pub fn path(&self, name: &StorageName) -> PathBuf {
        self.dir.join(name)
    }

    /// Those that are there, by name.
    pub fn names(&self) -> Result<Vec<StorageName>, FsError> {
        Ok(fs::names(&self.dir)?.iter().filter_map(|name| StorageName::parse(name).ok()).collect())
    }

    /// What tells processes where they are.
    pub fn environment(&self) -> Result<Environment, FsError> {
        let with = |all: Environment, name: &StorageName| all.with(&name.variable(), self.path(name));
        Ok(self.names()?.iter().fold(Environment::default(), with))
    }

    /// Makes one that must not be there yet; only the account gets in.
    pub fn create(&self, name: &StorageName) -> Result<(), FsError> {
        fs::make_dirs(&self.dir, fs::PRIVATE_DIR)?;
        fs::make_dir(&self.path(name), fs::PRIVATE_DIR)?;
        fs::sync_dir(&self.dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables_one_to_one() {
        for (name, variable) in [("default", "STORAGE"), ("data", "STORAGE_DATA"), ("a-b2", "STORAGE_A_B2")] {
            assert_eq!(StorageName::parse(name).unwrap().variable(), variable);
        }
        for bad in ["", ".", "..", "a/b", "A", "a_b", "-a", "1a", "a b", "a\n", &"a".repeat(41)] {
            assert!(StorageName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_there_is_in_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::beside(&dir.path().join("env"));
        assert_eq!(storage.environment().unwrap(), Environment::default());
        let data = StorageName::parse("data").unwrap();
        storage.create(&data).unwrap();
        storage.create(&StorageName::default_one()).unwrap();
        assert!(storage.create(&data).is_err());
        let all = storage.environment().unwrap();
        assert_eq!(all.text("STORAGE_DATA"), storage.path(&data).to_str());
        assert!(all.text("STORAGE").unwrap().ends_with("/storage/default"));
    }
}
