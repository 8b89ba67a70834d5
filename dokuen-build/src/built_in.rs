//! Buildpacks that are part of this library: for whom no buildpack is needed. They are written to the same contract as
//! everybody's, in POSIX sh, use the runtimes of the machine, and download none.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use dokuen_core::{BuildpackName, fs};

use crate::buildpack::Buildpack;
use crate::error::BuildError;
use crate::scratch::Scratch;
use crate::tidy::use_now;

/// A buildpack that is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name. An installed buildpack of that name takes its place.
    pub name: &'static str,
    /// What it builds, for people.
    pub what: &'static str,
    /// Files of which one must be there before its `bin/detect` is asked at all.
    pub looks_at: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($pack:literal: $($path:literal <- $source:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../buildpacks/", $pack, "/", $source)))),*]
    };
}

/// In the order they are asked: a Rails app with a `package.json` is a Rails app.
pub const BUILT_IN: [BuiltIn; 6] = [
    BuiltIn {
        name: "ruby",
        what: "Rack and Rails, with bundler",
        looks_at: &["Gemfile", "config.ru"],
        files: files!("ruby": "bin/detect" <- "detect", "bin/compile" <- "compile", "bin/release" <- "release"),
    },
    BuiltIn {
        name: "rust",
        what: "cargo packages",
        looks_at: &["Cargo.toml"],
        files: files!("rust": "bin/detect" <- "detect", "bin/compile" <- "compile", "bin/release" <- "release"),
    },
    BuiltIn {
        name: "go",
        what: "Go modules",
        looks_at: &["go.mod"],
        files: files!("go": "bin/detect" <- "detect", "bin/compile" <- "compile", "bin/release" <- "release"),
    },
    BuiltIn {
        name: "python",
        what: "Flask, Django, FastAPI and what else pip or uv installs",
        looks_at: &["requirements.txt", "pyproject.toml", "uv.lock", "setup.py", "Pipfile"],
        files: files!("python":
            "bin/detect" <- "detect", "bin/compile" <- "compile", "bin/release" <- "release", "export" <- "export",
            "wanted.py" <- "wanted.py"),
    },
    BuiltIn {
        name: "node",
        what: "Node.js, with npm, yarn or pnpm",
        looks_at: &["package.json"],
        files: files!("node":
            "bin/detect" <- "detect", "bin/compile" <- "compile", "bin/release" <- "release", "export" <- "export",
            "facts.js" <- "facts.js"),
    },
    BuiltIn {
        name: "static",
        what: "files with an index.html",
        looks_at: &["index.html", "public/index.html", "dist/index.html", "build/index.html", "out/index.html"],
        files: files!("static":
            "bin/detect" <- "detect", "bin/compile" <- "compile", "bin/release" <- "release", "serve" <- "serve"),
    },
];

/// Read by all of them.
const LIB: &str = include_str!("../buildpacks/lib.sh");
/// What is shown in the place of a URL.
pub(crate) const URL: &str = "built in";
const DIRECTORY: &str = "built-in-";
const PROGRAM: u32 = 0o700;

impl BuiltIn {
    /// The one that a person means by `python`, `heroku/python` or, for Node, `nodejs`.
    pub fn named(text: &str) -> Option<Self> {
        let name = text.strip_prefix("heroku/").unwrap_or(text);
        let name = if name == "nodejs" { "node" } else { name };
        BUILT_IN.into_iter().find(|pack| pack.name == name)
    }

    /// Its name, as installed ones have it.
    pub fn buildpack_name(self) -> BuildpackName {
        BuildpackName::parse(self.name).expect("names of built-in buildpacks are good ones")
    }

    pub(crate) fn may_want(self, tree: &Path) -> bool {
        self.looks_at.iter().any(|path| tree.join(path).is_file())
    }

    pub(crate) fn load(self, clones: &Path) -> Result<Buildpack, BuildError> {
        let dir = written(clones)?.join(self.name);
        let (name, url, id) = (self.buildpack_name(), URL.to_owned(), Some(self.id()));
        Ok(Buildpack { name, url, dir, commit: None, id })
    }

    pub(crate) fn id(self) -> String {
        format!("{} {:016x}", self.name, fingerprint())
    }
}

/// The directory with all of them. Its name tells what is in it, and it gets that name by a rename: one that is there
/// is whole, and another version of Dokuen writes another.
fn written(clones: &Path) -> Result<PathBuf, BuildError> {
    let dir = clones.join(directory());
    if use_now(&dir) {
        return Ok(dir);
    }
    let scratch = Scratch::new(clones)?;
    let packs = scratch.path().join("packs");
    fs::make_dir(&packs, fs::PRIVATE_DIR)?;
    fs::replace_report(&packs.join("lib.sh"), LIB.as_bytes(), fs::PRIVATE_FILE)?;
    for pack in BUILT_IN {
        fs::make_dirs(&packs.join(pack.name).join("bin"), fs::PRIVATE_DIR)?;
        for (path, text) in pack.files {
            fs::replace_report(&packs.join(pack.name).join(path), text.as_bytes(), PROGRAM)?;
        }
    }
    fs::sync_tree(&packs)?;
    match fs::rename(&packs, &dir) {
        // Another build was quicker.
        Err(_) if dir.is_dir() => Ok(dir),
        renamed => Ok(renamed.map(|()| dir)?),
    }
}

fn directory() -> String {
    format!("{DIRECTORY}{:016x}", fingerprint())
}

/// Whether a directory was written by another version of Dokuen.
pub(crate) fn is_of_another_version(name: &str) -> bool {
    name.starts_with(DIRECTORY) && name != directory()
}

fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    LIB.hash(&mut hasher);
    BUILT_IN.iter().for_each(|pack| (pack.name, pack.files).hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_go_by_their_names_on_heroku_too() {
        for (text, name) in [("python", "python"), ("heroku/python", "python"), ("heroku/nodejs", "node")] {
            assert_eq!(BuiltIn::named(text).unwrap().name, name);
        }
        for text in ["", "heroku/", "cobol", "heroku/heroku/python", "python ", "../python"] {
            assert_eq!(BuiltIn::named(text), None, "{text}");
        }
    }
}
