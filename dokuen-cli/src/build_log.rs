//! What a build said, kept with the release it made: `.dokuen/build.log`, 0600, gone when the release is pruned.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use dokuen_core::releases::Tree;
use dokuen_core::{App, Line, Stamp, Transcript, fs, own_dir_in};

use crate::exit::Failure;

/// Passes every line on and keeps it.
pub struct Kept<'a> {
    out: &'a mut dyn Transcript,
    text: String,
    live: File,
}

/// More of one build is not kept; its end was seen by whoever pushed.
const MOST: usize = 4 * 1024 * 1024;

impl<'a> Kept<'a> {
    /// Nothing yet. Meanwhile it can be read in a log of the app, in a new file: what was there is what a build before said.
    pub fn new(app: &App, out: &'a mut dyn Transcript) -> Result<Self, Failure> {
        let path = app.build_log();
        fs::remove(&path)?;
        let live = fs::with_its_directory(&path, || fs::open_append(&path, fs::PRIVATE_FILE))?;
        Ok(Self { out, text: String::new(), live })
    }

    /// All that was kept.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes it into a tree that was built.
    pub fn save(&self, tree: &Path) -> Result<(), Failure> {
        clear(tree)?;
        fs::make_dir(&own_dir_in(tree), fs::PRIVATE_DIR)?;
        Ok(fs::replace_report(&own_dir_in(tree).join(NAME), self.text.as_bytes(), fs::PRIVATE_FILE)?)
    }
}

impl Transcript for Kept<'_> {
    fn is_abandoned(&self) -> bool {
        self.out.is_abandoned()
    }

    fn line(&mut self, line: Line<'_>) {
        self.out.line(line);
        if self.text.len() < MOST {
            self.text.push_str(&format!("{line}\n"));
            let line = format!("[{}][build] {line}\n", Stamp::now().for_people());
            // On a full disk the build itself will say so; whoever follows it misses a line.
            let _ = self.live.write_all(line.as_bytes());
        }
    }
}

const NAME: &str = "build.log";

/// `.dokuen` is Dokuen's: one that was pushed or built could be a link to elsewhere, or hold the mark of a whole tree.
pub fn clear(tree: &Path) -> Result<(), Failure> {
    match own_dir_in(tree).symlink_metadata() {
        Ok(meta) if meta.is_dir() => Ok(fs::remove_tree(&own_dir_in(tree))?),
        Ok(_) => Ok(fs::remove(&own_dir_in(tree))?),
        Err(_) => Ok(()),
    }
}

/// What the build of this tree said; `None` for one that was built before this was kept.
pub fn read(tree: &Tree) -> Result<Option<Vec<u8>>, Failure> {
    Ok(fs::read_if_there(&own_dir_in(tree.path()).join(NAME))?)
}
