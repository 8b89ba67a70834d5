//! The note of a rename that is not finished.

use dokuen_core::{App, AppName, Host, fs};

use crate::exit::Failure;

/// In the app's directory, wherever that is by now; a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What the app was called.
    pub old: AppName,
    /// What it is to be called.
    pub new: AppName,
    /// The new name was a link to the app, from an earlier rename.
    pub goes_back: bool,
}

const BACK: &str = "back";

impl Note {
    /// `None` where no rename of the app is unfinished.
    pub fn of(app: &App) -> Result<Option<Self>, Failure> {
        let Some(text) = fs::read_if_there(&app.renaming_file())? else { return Ok(None) };
        Self::parse(&String::from_utf8_lossy(&text), app).map(Some)
    }

    /// A note of an earlier Dokuen has only the first line: then the new name is the one that the app has.
    fn parse(text: &str, app: &App) -> Result<Self, Failure> {
        let mut lines = text.lines();
        let old = AppName::parse(lines.next().unwrap_or_default())?;
        let new = lines.next().map_or_else(|| Ok(app.name.clone()), AppName::parse)?;
        Ok(Self { old, new, goes_back: lines.next() == Some(BACK) })
    }

    /// Leaves it with the app, on the disk before this returns.
    pub fn write(&self, app: &App) -> Result<(), Failure> {
        let back = if self.goes_back { format!("{BACK}\n") } else { String::new() };
        let text = format!("{}\n{}\n{back}", self.old, self.new);
        Ok(fs::replace(&app.renaming_file(), text.as_bytes(), fs::PRIVATE_FILE)?)
    }

    /// The app by that of the two names which it has not: what has it still, or already, is the app's. `None` where somebody
    /// else has it by now.
    pub fn other(&self, host: &Host, app: &App) -> Option<App> {
        let name = if app.name == self.new { &self.old } else { &self.new };
        Some(host.app_at(name.clone())).filter(|other| other.name != app.name && !other.exists())
    }

    /// Whether the other name leads to the app when all is done.
    pub fn leaves_link(&self, app: &App) -> bool {
        app.name == self.new || self.goes_back
    }
}

#[cfg(test)]
mod tests {
    use dokuen_core::Conf;

    use super::*;

    #[test]
    fn a_note_reads_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("dokuen.conf");
        let text = format!("base_domain_name: a.test\ndokuen_dir: {}\n", dir.path().display());
        fs::replace(&conf, text.as_bytes(), fs::PRIVATE_FILE).unwrap();
        let host = Host::new(Conf::load(&conf).unwrap());
        let name = |name: &str| AppName::parse(name).unwrap();
        let [old, new] = ["old", "new"].map(|text| host.app_at(name(text)));
        fs::make_dirs(new.dir(), fs::PRIVATE_DIR).unwrap();
        assert_eq!(Note::of(&new).unwrap(), None);
        for goes_back in [false, true] {
            let note = Note { old: name("old"), new: name("new"), goes_back };
            note.write(&new).unwrap();
            assert_eq!((note.leaves_link(&new), note.leaves_link(&old)), (true, goes_back));
            assert!(note.other(&host, &old).is_none(), "another app has the name");
            assert_eq!(Note::of(&new).unwrap(), Some(note));
        }
        assert_eq!(Note::of(&new).unwrap().unwrap().other(&host, &new).unwrap().name, name("old"));
        for text in ["", "../x\nnew\n"] {
            assert!(Note::parse(text, &new).is_err(), "{text}");
        }
    }
}
