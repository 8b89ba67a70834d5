//! What a pushed tree must not hold, looked for before anything of it is written: git itself takes bombs, and
//! `git archive` leaves submodules and large files out without a word.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use dokuen_core::{Host, Transcript, fs, shown};

use crate::exit::{Exit, Failure};
use crate::git::{self, Commit};
use crate::submodules::Submodule;

/// Paths deeper than this are a mistake or meant to break something.
const DEEPEST: usize = 100;
/// What a Git LFS pointer begins with.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
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
    let mut submodules = Vec::new();
    let checked = entries.split(0).enumerate().try_for_each(|(at, entry)| {
        let entry = entry.map_err(failed)?;
        if at as u64 >= host.conf.tree_files {
            return Err(refused(format!("it holds more than {} files", host.conf.tree_files))
                .hint("tree_files in dokuen.conf allows more"));
        }
        submodules.extend(look_at(&entry)?);
        Ok(())
    });
    if checked.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    checked?;
    if status.success() { Ok(submodules) } else { Err(failed(std::io::Error::other(dokuen_core::cmd::how(status)))) }
}

fn refused(text: String) -> Failure {
    Failure::new(Exit::Failed, format!("the pushed tree is refused: {text}"))
}

/// `MODE TYPE ID<tab>PATH`.
fn look_at(entry: &[u8]) -> Result<Option<Submodule>, Failure> {
    let path = entry.splitn(2, |byte| *byte == b'\t').nth(1).unwrap_or_default();
    if path.split(|byte| *byte == b'/').count() > DEEPEST {
        return Err(refused(format!("it is more than {DEEPEST} directories deep")));
    }
    let Some(id) = entry.strip_prefix(b"160000 commit ").and_then(|rest| rest.split(|byte| *byte == b'\t').next())
    else {
        return Ok(None);
    };
    let path = String::from_utf8_lossy(path).into_owned();
    let commit = Commit::parse(&String::from_utf8_lossy(id));
    let commit = commit.ok_or_else(|| refused(format!("{} is a submodule without a commit", shown(&path))))?;
    Ok(Some(Submodule { path, commit }))
}

/// Git LFS stores files elsewhere and pushes pointers: with its filter in force an app would run without its files. A
/// pointer that no filter knows may be meant as it is, and is only named.
pub fn look_for_pointers(tree: &Path, small_files: &[PathBuf], out: &mut dyn Transcript) -> Result<(), Failure> {
    let begins = |path: &PathBuf| fs::read_foreign(path, LARGEST_POINTER).is_ok_and(|bytes| bytes.starts_with(POINTER));
    let Some(pointer) = small_files.iter().find(|path| begins(path)) else { return Ok(()) };
    let name = shown(&pointer.strip_prefix(tree).unwrap_or(pointer).to_string_lossy());
    let attributes = fs::read_foreign(&tree.join(".gitattributes"), 1024 * 1024).unwrap_or_default();
    if String::from_utf8_lossy(&attributes).contains("filter=lfs") {
        let text = format!("{name} is stored with Git LFS, and only its pointer is in the push");
        return Err(refused(text).hint("git lfs migrate export --include='*' puts the files themselves into git"));
    }
    out.problem(&format!("{name} looks like a Git LFS pointer; it is deployed as it is"));
    Ok(())
}

/// Whether a file of this size may be a pointer.
pub fn may_be_pointer(size: u64) -> bool {
    (POINTER.len() as u64..=LARGEST_POINTER).contains(&size)
}
