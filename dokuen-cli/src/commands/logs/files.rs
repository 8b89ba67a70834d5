//! Files of logs, read on across rotations: `.1` (the newest) to `.4` are what was set aside. Those of an app's processes
//! are `dokuen.APP.TYPE.N`.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use dokuen_core::{App, fs};

use super::line::Line;
use crate::exit::Failure;

/// How much of the end of each file is looked at, and how much is taken at once.
const END: u64 = 4 * 1024 * 1024;
/// Rotated parts, the newest first.
const PARTS: std::ops::RangeInclusive<u8> = 1..=4;

/// Which files there are, and what a line of one of them is.
pub trait Files {
    /// Those that are written to, not what was set aside.
    fn paths(&self) -> Result<Vec<PathBuf>, Failure>;
    /// A line of this file; `None` for one that is not meant.
    fn line(&self, path: &Path, text: &str) -> Option<Line>;
}

/// How far each file was read. Each is held open: what was written to it before it was rotated away is still read.
pub struct Follow<'a> {
    of: Box<dyn Files + 'a>,
    at: BTreeMap<PathBuf, Reading>,
}

struct Reading {
    file: File,
    offset: u64,
}

/// Those of an app's processes: these or types, or all.
#[derive(Debug, Clone)]
pub struct Processes<'a> {
    /// Whose.
    pub app: App,
    /// `web`, `web.1`.
    pub only: &'a [String],
}

impl Files for Processes<'_> {
    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let prefix = format!("dokuen.{}.", self.app.name);
        let wanted = |name: &str| {
            let Some((kind, index)) = name.strip_prefix(&prefix).and_then(|rest| rest.split_once('.')) else {
                return false;
            };
            let live = index.bytes().all(|b| b.is_ascii_digit());
            let asked = |p: &String| p == kind || *p == format!("{kind}.{index}");
            live && (self.only.is_empty() || self.only.iter().any(asked))
        };
        let dir = self.app.logs_dir();
        Ok(fs::names(&dir)?.into_iter().filter(|n| wanted(n)).map(|n| dir.join(n)).collect())
    }

    fn line(&self, _: &Path, text: &str) -> Option<Line> {
        Line::parse(text)
    }
}

impl<'a> Follow<'a> {
    /// Of these files.
    pub fn of(files: Box<dyn Files + 'a>) -> Self {
        Self { of: files, at: BTreeMap::new() }
    }

    /// From now on of these. A file that has another name by now is read on where it was read to.
    pub fn turn_to(&mut self, files: Box<dyn Files + 'a>) {
        self.of = files;
    }

    /// At least so many last lines of each file, where there are so many; back to `since` when that is given.
    pub fn begin(&mut self, least: usize, since: Option<&str>) -> Result<Vec<Line>, Failure> {
        let mut all = Vec::new();
        for path in self.of.paths()? {
            let mut lines = self.read(&path)?;
            for part in PARTS {
                let enough = match since {
                    Some(since) => lines.first().is_some_and(|line| line.at.as_str() < since),
                    None => lines.len() >= least,
                };
                let older =
                    path.with_file_name(format!("{}.{part}", path.file_name().unwrap_or_default().to_string_lossy()));
                if enough {
                    break;
                }
                // It may go at any moment, where the app's logs have taken too much.
                let Some(bytes) = rotated(&older)? else { break };
                let mut before = self.lines_of(&path, &bytes);
                before.append(&mut lines);
                lines = before;
            }
            all.extend(lines);
        }
        Ok(all)
    }

    /// What has come since the last look.
    pub fn more(&mut self) -> Result<Vec<Line>, Failure> {
        let mut all = Vec::new();
        for path in self.of.paths()? {
            all.extend(self.read(&path)?);
        }
        Ok(all)
    }

    fn lines_of(&self, path: &Path, bytes: &[u8]) -> Vec<Line> {
        String::from_utf8_lossy(bytes).lines().filter_map(|text| self.of.line(path, text)).collect()
    }

    fn read(&mut self, path: &Path) -> Result<Vec<Line>, Failure> {
        let bytes = self.bytes(path)?;
        Ok(self.lines_of(path, &bytes))
    }

    fn bytes(&mut self, path: &Path) -> Result<Vec<u8>, Failure> {
        let opened = match fs::open(path) {
            Err(e) if e.is_not_found() => return Ok(Vec::new()),
            other => other?,
        };
        let meta = fs::at("inspect", path, opened.metadata())?;
        self.know_by_inode(path, &meta);
        let known = self.at.get_mut(path);
        let mut bytes = Vec::new();
        if let Some(known) = known {
            let before = fs::at("inspect", path, known.file.metadata())?;
            bytes.extend(known.rest(path)?);
            // It was cut short by hand: begin anew.
            if before.ino() == meta.ino() && known.offset <= meta.len() {
                return Ok(bytes);
            }
            self.at.insert(path.to_owned(), Reading { file: opened, offset: 0 });
        } else {
            let offset = meta.len().saturating_sub(END);
            self.at.insert(path.to_owned(), Reading { file: opened, offset });
        }
        if let Some(known) = self.at.get_mut(path) {
            bytes.extend(known.rest(path)?);
        }
        Ok(bytes)
    }
}

impl Follow<'_> {
    /// The app was renamed, and its logs with it. What is held open has an inode of its own.
    fn know_by_inode(&mut self, path: &Path, meta: &Metadata) {
        if self.at.contains_key(path) {
            return;
        }
        let is = |reading: &Reading| {
            reading.file.metadata().is_ok_and(|known| (known.dev(), known.ino()) == (meta.dev(), meta.ino()))
        };
        let former = self.at.iter().find(|(_, reading)| is(reading)).map(|(path, _)| path.clone());
        if let Some(reading) = former.and_then(|former| self.at.remove(&former)) {
            self.at.insert(path.to_owned(), reading);
        }
    }
}

impl Reading {
    /// Whole lines from where it was read to. Those who write them write them whole, so this waits for nothing but the next look.
    fn rest(&mut self, path: &Path) -> Result<Vec<u8>, Failure> {
        let len = fs::at("inspect", path, self.file.metadata())?.len();
        let count = len.saturating_sub(self.offset).min(END);
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
        let read = fs::at("read", path, self.file.read_at(&mut bytes, self.offset))?;
        bytes.truncate(read);
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        self.offset += whole as u64;
        bytes.truncate(whole);
        Ok(bytes)
    }
}

/// `None` when it is not there.
fn rotated(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let opened = match fs::open(path) {
        Err(e) if e.is_not_found() => return Ok(None),
        other => other?,
    };
    let mut bytes = Vec::new();
    fs::at("read", path, opened.take(16 * END).read_to_end(&mut bytes))?;
    Ok(Some(bytes))
}
