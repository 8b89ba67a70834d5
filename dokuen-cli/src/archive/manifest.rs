//! The first entry of an export: its format, and all that is small.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dokuen_core::ledger::{Record, Version};
use dokuen_core::{AppName, Formation, Stamp, StorageName, shown};
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::exit::Failure;
use crate::front_door::acme::Auto;
use crate::front_door::names::Name;
use crate::git::Commit;
use crate::notify::Webhook;

/// As it is written. Unknown fields are refused: a format that says more has another number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Which Dokuen wrote it.
    pub dokuen: String,
    /// When, in UTC.
    pub at: String,
    /// The app's name.
    pub app: String,
    /// Where its directory was: build tools bake paths of trees into them.
    pub dir: PathBuf,
    /// The branch whose pushes deploy.
    pub branch: Option<String>,
    /// What was live.
    pub commit: Option<String>,
    /// Whether `scripts.postdeploy` has filled it.
    pub filled: bool,
    /// Whether it is in maintenance.
    pub maintenance: bool,
    /// Names besides its own, as the file of names has them.
    pub domains: Vec<String>,
    /// Settings of nginx.
    pub settings: BTreeMap<String, String>,
    /// Who hears of its events.
    pub webhooks: Vec<Webhook>,
    /// How its certificate is kept up.
    pub auto: Option<Auto>,
    /// Names of its storage.
    pub storage: Vec<String>,
    /// Every release, when they go along.
    pub releases: Vec<Record>,
    /// The live one of them.
    pub live: Option<Version>,
    /// The trees that are kept.
    pub trees: Vec<String>,
    /// The one before the live one.
    pub previous: Option<String>,
}

/// So many releases are nobody's.
const MOST_RELEASES: usize = 100_000;
/// And so many storages.
const MOST_STORAGE: usize = 1000;

/// Only its number, which is looked at before anything else.
#[derive(Deserialize)]
struct Numbered {
    format: u32,
}

impl Manifest {
    /// Reads one that comes from elsewhere, and checks every word of it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let bad = |e: serde_json::Error| refused(format!("its first entry: {e}"));
        let Numbered { format } = serde_json::from_slice(bytes).map_err(bad)?;
        if format != FORMAT {
            return Err(refused(format!("its format is {format}, and this Dokuen reads {FORMAT}")));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(bad)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), Failure> {
        AppName::parse(&self.app)?;
        if !self.dir.is_absolute() || self.dir.components().count() < 3 {
            return Err(refused(format!("the app's directory is {}", shown(&self.dir.to_string_lossy()))));
        }
        if let Some(branch) = self.branch.as_ref().filter(|branch| !is_branch(branch)) {
            return Err(refused(format!("no branch is called {}", shown(branch))));
        }
        if self.commit.as_ref().is_some_and(|commit| Commit::parse(commit).is_none()) {
            return Err(refused("its commit is no object id"));
        }
        self.names()?;
        self.storage()?;
        self.webhooks.iter().try_for_each(Webhook::check)?;
        if let Some(auto) = self.auto.as_ref().filter(|auto| !auto.directory.starts_with("https://")) {
            return Err(refused(format!("the certificate authority is {}", shown(&auto.directory))));
        }
        self.check_releases()
    }

    fn check_releases(&self) -> Result<(), Failure> {
        if self.releases.len() > MOST_RELEASES || self.trees.len() > self.releases.len() {
            return Err(refused("it has too many releases"));
        }
        for record in &self.releases {
            check_record(record).map_err(|why| refused(format!("release {}: {why}", record.version)))?;
        }
        if !self.releases.is_sorted_by(|one, next| one.version < next.version) {
            return Err(refused("its releases are not in order"));
        }
        for tree in &self.trees {
            if Stamp::parse(tree).is_none() || !self.releases.iter().any(|record| record.tree == *tree) {
                return Err(refused(format!("no release has the tree {}", shown(tree))));
            }
        }
        if !self.trees.is_sorted_by(|one, next| one < next) {
            return Err(refused("its trees are not in order"));
        }
        let live = self.live.map(|live| self.releases.iter().find(|record| record.version == live));
        let has_tree = |tree: &String| self.trees.contains(tree);
        match live {
            Some(Some(record)) if has_tree(&record.tree) => {}
            None if self.releases.is_empty() => {}
            _ => return Err(refused("its live release is not in it")),
        }
        match &self.previous {
            Some(tree) if !has_tree(tree) => Err(refused("its previous release is not in it")),
            _ => Ok(()),
        }
    }

    /// The names it brings.
    pub fn names(&self) -> Result<Vec<Name>, Failure> {
        self.domains.iter().map(|line| Name::parse(line)).collect()
    }

    /// The storage it brings.
    pub fn storage(&self) -> Result<Vec<StorageName>, Failure> {
        if self.storage.len() > MOST_STORAGE {
            return Err(refused("it has too many storages"));
        }
        Ok(self.storage.iter().map(|name| StorageName::parse(name)).collect::<Result<_, _>>()?)
    }

    /// The commit of the live release.
    pub fn commit(&self) -> Option<Commit> {
        self.commit.as_deref().and_then(Commit::parse)
    }
}

/// An archive that is not taken, and why.
pub fn refused(why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("the archive is refused: {why}")).hint("nothing was imported")
}

/// What git allows in the name of a branch, and not much else.
fn is_branch(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"~^:?*[\\".contains(&b);
    let part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(".lock");
    name.len() <= 250
        && name.bytes().all(plain)
        && name.split('/').all(part)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
}

fn check_record(record: &Record) -> Result<(), &'static str> {
    let line = |text: &str| text.len() <= 4096 && !text.chars().any(char::is_control);
    if record.version.0 == 0 || record.version.0 > 1_000_000_000 {
        return Err("there is no such number");
    }
    if Stamp::parse(&record.tree).is_none() {
        return Err("its tree has no name of a tree");
    }
    if record.commit.as_ref().is_some_and(|commit| Commit::parse(commit).is_none()) {
        return Err("its commit is no object id");
    }
    if Stamp::parse_for_people(&record.at).is_none() {
        return Err("its time is none");
    }
    if !line(&record.by) || !line(&record.what) {
        return Err("who made it, or what, is no line of text");
    }
    let formation = record.formation.is_empty() || Formation::parse(&record.formation).is_ok();
    if formation { Ok(()) } else { Err("its formation is none") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        let record = |version: u32, tree: &str| {
            json!({"version": version, "tree": tree, "commit": "a".repeat(40), "at": "2026-01-01 00:00:00",
                "by": "anna", "what": "deploy", "formation": "web=1"})
        };
        json!({"format": 1, "dokuen": "0.1.0", "at": "2026-01-01 00:00:00", "app": "blog", "dir": "/srv/d/apps/blog",
            "branch": "master", "commit": "a".repeat(40), "filled": false, "maintenance": false,
            "domains": ["a.example", "b.example a.example"], "settings": {}, "webhooks": [], "auto": null,
            "storage": ["default"], "releases": [record(1, "20260101T000000"), record(2, "20260101T000001")],
            "live": 2, "trees": ["20260101T000000", "20260101T000001"], "previous": "20260101T000000"})
    }

    fn parse(value: &Value) -> Result<Manifest, Failure> {
        Manifest::parse(value.to_string().as_bytes())
    }

    #[test]
    fn every_word_of_it_is_checked() {
        parse(&good()).unwrap();
        for (field, value) in [
            ("format", json!(2)),
            ("format", json!(null)),
            ("app", json!("../x")),
            ("dir", json!("relative")),
            ("dir", json!("/")),
            ("branch", json!("--upload-pack=x")),
            ("branch", json!("a/../b")),
            ("branch", json!("a\nb")),
            ("branch", json!("")),
            ("commit", json!("HEAD")),
            ("domains", json!(["a;b"])),
            ("domains", json!(["a.example;"])),
            ("webhooks", json!([{"url": "file:///etc/passwd", "events": [], "secret": "x"}])),
            ("webhooks", json!([{"url": "https://x.test", "events": ["x"], "secret": "x"}])),
            ("auto", json!({"directory": "file:///etc/passwd"})),
            ("storage", json!(["../x"])),
            ("live", json!(3)),
            ("live", json!(null)),
            ("trees", json!(["20260101T000001", "20260101T000000"])),
            ("trees", json!(["20260101T000001"])),
            ("trees", json!(["../../env"])),
            ("trees", json!(["20260101T000000", "20260101T000001", "20260101T000009"])),
            ("previous", json!("20260101T000005")),
            ("surplus", json!(1)),
        ] {
            let mut bad = good();
            bad[field] = value.clone();
            assert!(parse(&bad).is_err(), "{field}: {value}");
        }
        for (field, value) in [
            ("version", json!(0)),
            ("version", json!(9)),
            ("tree", json!("../x")),
            ("commit", json!("x")),
            ("at", json!("yesterday")),
            ("by", json!("a\nb")),
            ("what", json!("\u{1b}[2J")),
            ("formation", json!("web=x")),
        ] {
            let mut bad = good();
            bad["releases"][0][field] = value.clone();
            assert!(parse(&bad).is_err(), "{field}: {value}");
        }
        assert!(Manifest::parse(b"").is_err() && Manifest::parse(b"[]").is_err());
    }
}
