//! A build for somebody who wants the result elsewhere: a copy is built and put at its place when all went well.

use std::path::{Path, PathBuf};

use dokuen_core::{Environment, Transcript, fs};

use crate::compile::{Build, assemble};
use crate::error::BuildError;
use crate::scratch::Scratch;
use crate::tgz::{self, Times};
use crate::tree;

/// What a slug is packed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A directory.
    Dir,
    /// A gzipped tar archive: sorted, owned by root, with modes and times of the source. What the build made has the time
    /// of what is youngest in the source, so that the same source gives the same bytes.
    Tgz,
}

impl Format {
    /// What was asked for; else what the extension of `to` says, when it is one of the two; else a directory.
    pub fn choose(asked: Option<&str>, to: Option<&Path>) -> Result<Self, BuildError> {
        let extension = || to.and_then(Path::extension).and_then(|e| e.to_str()).filter(|e| *e == "tgz");
        match asked.or_else(extension).unwrap_or("dir") {
            "dir" => Ok(Self::Dir),
            "tgz" => Ok(Self::Tgz),
            other => Err(BuildError::NoSuchFormat { format: other.to_owned() }),
        }
    }

    /// Its name, which is also its extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::Tgz => "tgz",
        }
    }
}

/// Builds a copy of `build.dir` and puts it at `to`. The source is not touched; what stood at `to` is replaced only
/// by a build that succeeded. `above` stands over all else in `.env` (mason's `-e`).
pub fn package(
    build: &Build<'_>,
    above: &Environment,
    format: Format,
    to: &Path,
    out: &mut dyn Transcript,
) -> Result<(), BuildError> {
    let parent = parent_of(to)?;
    if !build.dir.is_dir() {
        return Err(BuildError::NoSuchDirectory { path: build.dir.to_owned() });
    }
    spare_the_source(build.dir, to)?;
    // Beside its place, so that a rename is all that is left to do.
    let scratch = Scratch::new(&parent)?;
    let built = scratch.path().join("slug");
    tree::copy_without(build.dir, &built, &[scratch.path(), to])?;
    let times = Times::of(&built)?;
    assemble(&Build { dir: &built, ..build.clone() }, above, out)?;
    let packed = match format {
        Format::Dir => built,
        Format::Tgz => {
            let archive = scratch.path().join("slug.tgz");
            tgz::write(&built, &times, &archive)?;
            archive
        }
    };
    put(&packed, to, &scratch.path().join("replaced"))?;
    out.step("packaging... done");
    out.fact(&format!("type: {}", format.name()));
    out.fact(&format!("location: {}", to.display()));
    Ok(())
}

fn parent_of(to: &Path) -> Result<PathBuf, BuildError> {
    match to.parent() {
        Some(parent) if !to.is_absolute() || parent.as_os_str().is_empty() => {
            Err(BuildError::Relative { path: to.to_owned() })
        }
        Some(parent) if parent.is_dir() => Ok(parent.to_owned()),
        other => Err(BuildError::NoSuchDirectory { path: other.unwrap_or(to).to_owned() }),
    }
}

/// What stands at `to` is replaced as a whole: neither the source nor a directory that it is in.
fn spare_the_source(source: &Path, to: &Path) -> Result<(), BuildError> {
    match (fs::at("read", source, source.canonicalize())?, to.canonicalize()) {
        (source, Ok(real)) if source.starts_with(&real) => Err(BuildError::HoldsSource { path: to.to_owned() }),
        _ => Ok(()),
    }
}

/// A directory cannot be replaced by a rename alone, nor a file by one: what is there steps aside first, and back if that
/// failed.
fn put(packed: &Path, to: &Path, aside: &Path) -> Result<(), BuildError> {
    let there = to.symlink_metadata().is_ok_and(|meta| meta.is_dir() || packed.is_dir());
    if there {
        fs::rename(to, aside)?;
    }
    let put = fs::rename(packed, to);
    if put.is_err() && there {
        fs::rename(aside, to)?;
    }
    Ok(put?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_asked_for_or_read_from_the_place() {
        let choose = |asked, to: &str| Format::choose(asked, Some(Path::new(to)));
        for (asked, to, want) in [
            (None, "/x/app", Format::Dir),
            (None, "/x/app.tgz", Format::Tgz),
            (None, "/x/app.dir", Format::Dir),
            (None, "/x/app.zip", Format::Dir),
            (Some("dir"), "/x/app.tgz", Format::Dir),
            (Some("tgz"), "/x/app", Format::Tgz),
        ] {
            assert_eq!(choose(asked, to).unwrap(), want, "{asked:?} {to}");
        }
        assert_eq!(choose(Some("zip"), "/x/app.dir").unwrap_err().to_string(), "no such output format: zip");
    }
}
