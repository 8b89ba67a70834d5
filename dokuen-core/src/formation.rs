//! How many instances of each process type an app runs.

use std::collections::BTreeMap;
use std::fmt;

use crate::name::{BadName, ProcessType, shown};
use crate::procfile::Procfile;

/// Process types and their counts. What is not named runs zero times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formation {
    counts: BTreeMap<ProcessType, u16>,
}

/// A scale that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// Not `type=count`, `type+count` or `type-count`.
    #[error("scale {0}: write type=count, for example web=2 or web=2,worker=1")]
    NotAnItem(String),
    /// A count that is no number, or too large.
    #[error("scale {item}: the count must be a whole number from 0 to {most}")]
    Count {
        /// What was typed.
        item: String,
        /// The bound.
        most: u16,
    },
    /// No process type.
    #[error(transparent)]
    Type(#[from] BadName),
    /// A type that the Procfile does not have.
    #[error("the Procfile has no process type `{0}`")]
    Unknown(ProcessType),
}

impl Formation {
    /// A type runs at most this often.
    pub const MOST: u16 = 500;

    /// What a fresh app runs: one `web` when it has one.
    pub fn default_for(procfile: &Procfile) -> Self {
        let web = ProcessType::web();
        let counts = procfile.command(&web).map(|_| (web, 1)).into_iter().collect();
        Self { counts }
    }

    /// Reads the stored form, `web=2,worker=1`.
    pub fn parse(text: &str) -> Result<Self, ScaleError> {
        Self::default().changed_by(text)
    }

    /// `web=2`, `worker+1`, `worker-1`, or several with commas between; what is not named stays.
    pub fn changed_by(&self, spec: &str) -> Result<Self, ScaleError> {
        let mut changed = self.clone();
        for item in spec.split(',') {
            changed.apply(item)?;
        }
        Ok(changed)
    }

    fn apply(&mut self, item: &str) -> Result<(), ScaleError> {
        let not_an_item = || ScaleError::NotAnItem(shown(item));
        // The sign is the last one: a type may itself hold a hyphen, so `a-b=1` and `a-b-1` both mean `a-b`.
        let at = item.find('=').or_else(|| item.rfind(['+', '-'])).ok_or_else(not_an_item)?;
        let (name, sign, digits) = (&item[..at], item.as_bytes()[at], &item[at + 1..]);
        let name = ProcessType::parse(name)?;
        let count = parse_count(digits).ok_or_else(|| ScaleError::Count { item: shown(item), most: Self::MOST })?;
        let had = self.count(&name);
        let now = match sign {
            b'=' => Some(count),
            b'+' => had.checked_add(count),
            _ => Some(had.saturating_sub(count)),
        };
        let now = now
            .filter(|n| *n <= Self::MOST)
            .ok_or_else(|| ScaleError::Count { item: shown(item), most: Self::MOST })?;
        self.counts.insert(name, now);
        Ok(())
    }

    /// How many instances of a type.
    pub fn count(&self, name: &ProcessType) -> u16 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// All types that are named, also those scaled to zero.
    pub fn iter(&self) -> impl Iterator<Item = (&ProcessType, u16)> {
        self.counts.iter().map(|(name, count)| (name, *count))
    }

    /// Every instance: `(web, 1)`, `(web, 2)`, ...
    pub fn instances(&self) -> impl Iterator<Item = (&ProcessType, u16)> {
        self.counts.iter().flat_map(|(name, count)| (1..=*count).map(move |n| (name, n)))
    }

    /// Refuses a type with instances that the Procfile does not have.
    pub fn checked_against(self, procfile: &Procfile) -> Result<Self, ScaleError> {
        match self.counts.iter().find(|(name, count)| **count > 0 && procfile.command(name).is_none()) {
            Some((name, _)) => Err(ScaleError::Unknown(name.clone())),
            None => Ok(self),
        }
    }

    /// Without the types a new Procfile no longer has: a removed process type must not block a deploy.
    pub fn reduced_to(mut self, procfile: &Procfile) -> Self {
        self.counts.retain(|name, _| procfile.command(name).is_some());
        self
    }
}

fn parse_count(digits: &str) -> Option<u16> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|n| *n <= Formation::MOST)
}

impl fmt::Display for Formation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.counts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{name}={count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_what_is_named_and_keeps_the_rest() {
        let start = Formation::parse("web=2,worker=1").unwrap();
        for (spec, want) in [
            ("web=3", "web=3,worker=1"),
            ("worker+1", "web=2,worker=2"),
            ("worker-5", "web=2,worker=0"),
            ("urgent-worker=1", "urgent-worker=1,web=2,worker=1"),
            ("urgent-worker+1,web=0", "urgent-worker=1,web=0,worker=1"),
        ] {
            assert_eq!(start.changed_by(spec).unwrap().to_string(), want, "{spec}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "",
            "web",
            "web=",
            "web=-1",
            "web=1.5",
            "web=1e3",
            "web=\u{ff11}",
            "web=501",
            "web=99999999999999999999",
            "web=1,,a=1",
            "web =1",
            "web=1=2",
            "a/b=1",
            "-x=1",
            "web=$(id)",
            "=1",
        ] {
            assert!(Formation::parse(bad).is_err(), "{bad:?}");
        }
    }
}
