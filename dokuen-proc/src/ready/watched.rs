//! An instance that is looked at again and again. Many looks find nothing new, so they must cost next to nothing: while
//! twenty apps start, their looks would take the processor from the apps.

use std::os::unix::fs::MetadataExt;

use crate::instance::Instance;
use crate::report::Report;

/// Whether its wrapper lives is asked at one of so many looks: it takes the lock, and hardly ever brings anything.
const LOOKS: u32 = 8;

/// An instance, and what is known of it from the looks before.
pub(super) struct Watched<'a> {
    pub instance: &'a Instance,
    /// What its wrapper said last.
    pub report: Report,
    said: Option<Said>,
    looks: u32,
}

/// Which report it is: each is a file of its own, renamed into place, and an inode number may come again.
#[derive(PartialEq, Eq)]
struct Said {
    inode: u64,
    at: (i64, i64),
}

impl<'a> Watched<'a> {
    /// Nothing is known of it yet.
    pub fn new(instance: &'a Instance) -> Self {
        Self { instance, report: Report::default(), said: None, looks: 0 }
    }

    /// Looks once more; `false` when it was seen that its wrapper is gone.
    pub fn look(&mut self) -> bool {
        // Which report first: one that comes in between is read now, and once more at the next look.
        let said = Said::of(self.instance);
        if said != self.said {
            self.report = self.instance.report();
            self.said = said;
        }
        self.looks += 1;
        !self.looks.is_multiple_of(LOOKS) || self.instance.is_alive().unwrap_or(true)
    }
}

impl Said {
    fn of(instance: &Instance) -> Option<Self> {
        let meta = instance.file("state").metadata().ok()?;
        Some(Self { inode: meta.ino(), at: (meta.mtime(), meta.mtime_nsec()) })
    }
}

#[cfg(test)]
mod tests {
    use dokuen_core::{ProcessType, fs};

    use super::*;
    use crate::spec::InstanceId;

    fn report(instance: &Instance, restarts: u32) {
        let report = Report { restarts, ..Report::default() };
        fs::replace_report(&instance.file("state"), report.render().as_bytes(), fs::PRIVATE_FILE).unwrap();
    }

    #[test]
    fn a_new_report_is_seen_at_the_next_look_and_a_wrapper_that_is_gone_within_eight() {
        let dir = tempfile::tempdir().unwrap();
        let id = InstanceId { generation: 1, kind: ProcessType::web(), index: 1 };
        let instance = Instance::at(dir.path(), id);
        fs::make_dir(instance.dir(), fs::PRIVATE_DIR).unwrap();
        let lock = instance.claim().unwrap();
        let mut watched = Watched::new(&instance);
        assert!(watched.look() && watched.report == Report::default());
        for restarts in 1..100 {
            report(&instance, restarts);
            assert!(watched.look() && watched.report.restarts == restarts);
        }
        drop(lock);
        assert!((0..LOOKS).any(|_| !watched.look()));
    }
}
