//! What git says of trees, where it may be taken at its word: with attributes (`export-subst`, `export-ignore`, `eol`) what a
//! file holds is not a matter of that file alone, and of a submodule git has no files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use dokuen_core::Host;

use crate::git::{self, Commit};

/// More than these are not written one by one.
const MOST: usize = 200;
const SUBMODULE: &[u8] = b"160000";
const ATTRIBUTES: &[u8] = b".gitattributes";

/// From one tree to another: paths to remove, and paths to write. One that is changed is in both.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub gone: Vec<PathBuf>,
    pub written: Vec<PathBuf>,
}

/// How much a tree holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub files: u64,
    pub bytes: u64,
}

/// `None` where they are many, where they are not of files alone, or where git cannot tell.
pub fn between(host: &Host, repo: &Path, old: &Commit, new: &Commit) -> Option<Changes> {
    let diff = git::git(host, repo).args(["diff-tree", "-r", "-z", "--raw", "--no-renames", old.id(), new.id()]);
    parse(&diff.run().ok()?.stdout)
}

/// `None` where it holds attributes or submodules, or where git cannot tell.
pub fn size_of(host: &Host, repo: &Path, commit: &Commit) -> Option<Size> {
    if repo.join("info/attributes").exists() {
        return None;
    }
    let list = git::git(host, repo).args(["ls-tree", "-r", "-z", "-l", "--full-tree", commit.id()]);
    add_up(&list.run().ok()?.stdout)
}

/// `:MODE MODE ID ID STATUS<nul>PATH<nul>` for each.
fn parse(raw: &[u8]) -> Option<Changes> {
    let mut changes = Changes::default();
    let mut parts = raw.strip_suffix(b"\0").unwrap_or(raw).split(|byte| *byte == 0).filter(|part| !part.is_empty());
    while let Some(facts) = parts.next() {
        let (path, words) = (parts.next()?, facts.strip_prefix(b":")?);
        let mut words = words.split(|byte| *byte == b' ');
        let (before, after, status) = (words.next()?, words.next()?, words.nth(2)?);
        if [before, after].contains(&SUBMODULE)
            || is_attributes(path)
            || changes.gone.len() + changes.written.len() > MOST
        {
            return None;
        }
        let leads_down =
            Path::new(OsStr::from_bytes(path)).components().all(|part| matches!(part, Component::Normal(_)));
        let path = || PathBuf::from(OsStr::from_bytes(path));
        if !leads_down {
            return None;
        }
        if status != b"A" {
            changes.gone.push(path());
        }
        if status != b"D" {
            changes.written.push(path());
        }
    }
    Some(changes)
}

/// `MODE TYPE ID BYTES<tab>PATH<nul>` for each.
fn add_up(list: &[u8]) -> Option<Size> {
    let mut size = Size::default();
    for entry in list.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let (facts, path) = entry.split_at(entry.iter().position(|byte| *byte == b'\t')?);
        let bytes = std::str::from_utf8(facts).ok()?.split(' ').next_back()?.parse::<u64>();
        if facts.starts_with(SUBMODULE) || is_attributes(&path[1..]) {
            return None;
        }
        size.files += 1;
        size.bytes += bytes.ok()?;
    }
    Some(size)
}

fn is_attributes(path: &[u8]) -> bool {
    path.rsplit(|byte| *byte == b'/').next() == Some(ATTRIBUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_a_change_is_paths_to_remove_and_to_write() {
        let paths = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
        let raw = b":100644 000000 a 0 D\0d/gone\0:000000 120000 0 b A\0new link\0:100644 100755 a a M\0run\0:100644 120000 a b T\0t\0";
        let changes = parse(raw).unwrap();
        assert_eq!(changes.gone, paths(&["d/gone", "run", "t"]));
        assert_eq!(changes.written, paths(&["new link", "run", "t"]));
        assert_eq!(parse(b""), Some(Changes::default()));
    }

    #[test]
    fn git_is_not_taken_at_its_word_about_attributes_submodules_and_many_files() {
        let many = |n: usize| (0..n).map(|i| format!(":100644 000000 a 0 D\0f{i}\0")).collect::<String>();
        assert_eq!(parse(many(MOST + 1).as_bytes()).unwrap().gone.len(), MOST + 1);
        for raw in [
            &b":000000 100644 0 a A\0.gitattributes\0"[..],
            b":100644 100644 a b M\0deep/.gitattributes\0",
            b":000000 160000 0 a A\0module\0",
            b":160000 100644 a b T\0module\0",
            b":100644 100644 a b M\0",
            b"nonsense\0path\0",
            b":100644 000000 a 0 D\0/etc/passwd\0",
            b":100644 000000 a 0 D\0a/../../b\0",
            many(MOST + 2).as_bytes(),
        ] {
            assert_eq!(parse(raw), None, "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn a_tree_is_as_large_as_its_files() {
        let list = b"100644 blob a       5\tone\x00120000 blob b      7\tsub/two\tx\0";
        assert_eq!(add_up(list), Some(Size { files: 2, bytes: 12 }));
        for list in [&b"160000 commit a       -\tmodule\0"[..], b"100644 blob a 5\tsub/.gitattributes\0", b"nonsense\0"]
        {
            assert_eq!(add_up(list), None, "{}", String::from_utf8_lossy(list));
        }
    }
}
