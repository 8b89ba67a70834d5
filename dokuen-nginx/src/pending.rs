//! The note about changes that may be on disk and not in force.
//!
//! It is written before a file of nginx changes and removed after nginx proved the change. While it is there, equal
//! text on disk means nothing: a crash between rename and reload left nginx with another text, so the next command
//! asks nginx, and reloads it where the answer differs.

use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};

use crate::places::Places;
use crate::probe::{Expected, Sum};
use crate::seal::Seal;

/// The files that may not be in force, each with what it said before it changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pending {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    before: Option<Seal>,
}

impl Pending {
    /// What an earlier command left; nothing, usually.
    pub fn load(places: &Places) -> Result<Self, FsError> {
        let bytes = fs::read_if_there(&places.pending())?.unwrap_or_default();
        let entries = String::from_utf8_lossy(&bytes).lines().filter_map(Entry::parse).collect();
        Ok(Self { entries })
    }

    /// Whether every change is in force; asked without the lock, that no change is under way either.
    pub fn is_none(places: &Places) -> Result<bool, FsError> {
        Ok(fs::read_if_there(&places.pending())?.is_none())
    }

    /// Nothing is noted on disk, but this file shall be asked for too.
    pub fn and(mut self, file: &Path) -> Self {
        self.entries.push(Entry { name: name_of(file), before: None });
        self
    }

    /// Notes that this file of the nginx directory is about to change; on disk before this returns.
    pub fn add(&mut self, places: &Places, files: &[PathBuf]) -> Result<(), FsError> {
        for file in files {
            let before = fs::read_if_there(file)?.and_then(|bytes| Seal::of(&bytes));
            let entry = Entry { name: name_of(file), before };
            if !self.entries.contains(&entry) {
                self.entries.push(entry);
            }
        }
        let text: String = self.entries.iter().map(Entry::line).collect();
        fs::replace(&places.pending(), text.as_bytes(), fs::PUBLIC_FILE)
    }

    /// All changes are in force.
    pub fn clear(places: &Places) -> Result<(), FsError> {
        fs::remove(&places.pending())
    }

    /// What nginx answers once it runs what is on disk.
    pub fn expected(&self, places: &Places) -> Result<Vec<Expected>, FsError> {
        let mut expected = Vec::new();
        for entry in &self.entries {
            let file = places.dir.join(&entry.name);
            let now = fs::read_if_there(&file)?;
            let (seal, sum): (_, fn(String) -> Sum) = match &now {
                Some(bytes) => (Seal::of(bytes), Sum::Is),
                None => (entry.before.clone(), Sum::IsNot),
            };
            // A file without a seal is not ours; that the reload went well has to do.
            let Some(seal) = seal else { continue };
            let of = |domain| Expected { file: file.clone(), domain, sum: sum(seal.sum.clone()) };
            expected.extend(seal.domains.into_iter().map(of));
        }
        Ok(expected)
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Entry {
    fn line(&self) -> String {
        let before = self.before.iter().flat_map(|seal| std::iter::once(&seal.sum).chain(&seal.domains));
        std::iter::once(&self.name).chain(before).map(String::as_str).collect::<Vec<_>>().join(" ") + "\n"
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().filter(|name| !name.is_empty() && !name.contains('/'))?;
        let before = words.next().map(|sum| Seal { sum, domains: words.collect() });
        Some(Self { name, before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_it_was_written() {
        let seal = Seal { sum: "0a".to_owned(), domains: vec!["a.test".to_owned(), "b.test".to_owned()] };
        for before in [None, Some(seal)] {
            let entry = Entry { name: "a.example.conf".to_owned(), before };
            assert_eq!(Entry::parse(entry.line().trim_end()), Some(entry));
        }
        assert_eq!(Entry::parse("../x 1"), None);
        assert_eq!(Entry::parse(""), None);
    }
}
