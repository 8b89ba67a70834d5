//! What a pushed tree must not hold, looked for before anything of it is written: git itself takes bombs, and
//! `git archive` leaves submodules and large files out without a word.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use dokuen_core::{Host, Transcript, fs, legible};

use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};
use crate::submodules::{self, Submodule};

/// Paths deeper than this are a mistake or meant to break something.
const DEEPEST: usize = 100;
/// What a Git LFS pointer begins with.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// What to do with them.
pub const WITHOUT_LFS: &str = "git lfs migrate export --include='*' puts the files themselves into git";
/// A pointer is about 130 bytes.
const LARGEST_POINTER: u64 = 1024;

/// Counts files and gives back the submodules. git lists a tree as it reads it, so a bomb is left at the limit.
pub fn check(host: &Host, repo: &Path, commit: &Commit) -> Result<Vec<Submodule>, Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("failed to list the pushed tree: {e}"));
    let list = git::git(host, repo).args(["ls-tree", "-r", "-z", "--full-tree", commit.id()]);
    let mut child =
        list.to_std().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let entries =
        BufReader::new(child.stdout.take().ok_or_else(|| failed(std::io::Error::other("git has no output")))?);
    let mut seen = Seen::new(host.conf.tree_files);
    let checked = entries.split(0).try_for_each(|entry| seen.take(&entry.map_err(failed)?));
    if checked.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    checked?;
    if !status.success() {
        return Err(failed(std::io::Error::other(dokuen_core::cmd::how(status))));
    }
    if seen.has_gitmodules {
        submodules::check_text(host, repo, commit)?;
    }
    Ok(seen.submodules)
}

/// What was found while a tree was listed.
struct Seen {
    files: u64,
    most: u64,
    submodules: Vec<Submodule>,
    has_gitmodules: bool,
    /// Paths without their case, where a disk would take two of them for one.
    folded: Option<HashMap<String, String>>,
}

impl Seen {
    fn new(most: u64) -> Self {
        let folded = cfg!(target_os = "macos").then(HashMap::new);
        Self { files: 0, most, submodules: Vec::new(), has_gitmodules: false, folded }
    }

    /// One entry of `git ls-tree -z`: `MODE TYPE ID<tab>PATH`.
    fn take(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.files += 1;
        if self.files > self.most {
            return Err(refused(format!("it holds more than {} files", self.most))
                .hint("tree_files in dokuen.conf allows more"));
        }
        let (facts, path) = entry.split_at(entry.iter().position(|byte| *byte == b'\t').unwrap_or(entry.len()));
        let path = path.strip_prefix(b"\t").unwrap_or(path);
        if path.split(|byte| *byte == b'/').count() > DEEPEST {
            return Err(refused(format!("it is more than {DEEPEST} directories deep")));
        }
        let path = String::from_utf8_lossy(path).into_owned();
        self.has_gitmodules |= path == ".gitmodules";
        if let Some(id) = facts.strip_prefix(b"160000 commit ") {
            let commit = Commit::parse(&String::from_utf8_lossy(id));
            let commit =
                commit.ok_or_else(|| refused(format!("{} is a submodule without a commit", legible(&path))))?;
            self.submodules.push(Submodule { path: path.clone(), commit });
        }
        self.fold(path)
    }

    /// A disk that folds case would write one of the two over the other.
    fn fold(&mut self, path: String) -> Result<(), Failure> {
        let Some(folded) = &mut self.folded else { return Ok(()) };
        match folded.insert(path.to_lowercase(), path.clone()) {
            None => Ok(()),
            Some(other) => {
                Err(refused(format!("{} and {} are one file on this disk", legible(&other), legible(&path))))
            }
        }
    }
}

fn refused(text: String) -> Failure {
    Failure::new(Exit::Failed, format!("the pushed tree is refused: {text}"))
}

/// Git LFS stores files elsewhere and pushes pointers: with its filter in force an app would run without its files. A
/// pointer that no filter knows may be meant as it is, and is only named.
pub fn look_for_pointers(tree: &Path, small_files: &[PathBuf], out: &mut dyn Transcript) -> Result<(), Failure> {
    let Some(pointer) = small_files.iter().find(|path| is_pointer(path)) else { return Ok(()) };
    let name = legible(&pointer.strip_prefix(tree).unwrap_or(pointer).to_string_lossy());
    let attributes = fs::read_foreign(&tree.join(".gitattributes"), 1024 * 1024).unwrap_or_default();
    if String::from_utf8_lossy(&attributes).contains("filter=lfs") {
        let text = format!("{name} is stored with Git LFS, and only its pointer is in the push");
        return Err(refused(text).hint(WITHOUT_LFS));
    }
    out.problem(&format!("{name} looks like a Git LFS pointer; it is deployed as it is"));
    Ok(())
}

/// Whether one of these is a pointer.
pub fn has_pointer(small_files: &[PathBuf]) -> bool {
    small_files.iter().any(|path| is_pointer(path))
}

fn is_pointer(path: &Path) -> bool {
    fs::read_foreign(path, LARGEST_POINTER).is_ok_and(|bytes| bytes.starts_with(POINTER))
}

/// Whether a file of this size may be a pointer.
pub fn may_be_pointer(size: u64) -> bool {
    (POINTER.len() as u64..=LARGEST_POINTER).contains(&size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone_clash_where_the_disk_folds_it() {
        let entry = |path: &str| format!("100644 blob {}\t{path}", "a".repeat(40)).into_bytes();
        let mut here = Seen { folded: None, ..Seen::new(9) };
        let mut there = Seen { folded: Some(HashMap::new()), ..Seen::new(9) };
        for seen in [&mut here, &mut there] {
            seen.take(&entry("README")).unwrap();
            seen.take(&entry("lib/readme")).unwrap();
        }
        here.take(&entry("readme")).unwrap();
        let text = there.take(&entry("readme")).unwrap_err().to_string();
        assert!(text.contains("\"README\" and \"readme\" are one file"), "{text}");
    }

    #[test]
    fn a_submodule_is_found_and_too_many_files_are_not_counted_further() {
        let mut seen = Seen::new(1);
        seen.take(format!("160000 commit {}\tvendor/lib", "a".repeat(40)).as_bytes()).unwrap();
        assert_eq!(seen.submodules[0].path, "vendor/lib");
        assert!(seen.take(b"100644 blob x\tfile").unwrap_err().to_string().contains("more than 1 files"));
    }
}
