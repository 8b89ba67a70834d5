//! Reports for people, and the end: what must be true before a wrapper leaves, and what it takes with it.

use std::time::{Duration, Instant};

use dokuen_core::fs::FsError;
use dokuen_core::{Stamp, fs};
use jiff::Timestamp;

use super::{Reported, Wrapper};
use crate::machine::Phase;
use crate::report::Report;
use crate::spec::PROTOCOL;

/// A connection made in the moment of a switch is still accepted this long after it.
const LINGER: Duration = Duration::from_millis(500);
/// nginx closes its idle connections to a retired front after ten seconds; this is when waiting for it ends.
const LONGEST_LINGER: Duration = Duration::from_secs(15);

impl Wrapper {
    /// A retired front stays for connections that nginx may still use once, as long as it has any.
    pub(super) fn may_leave(&self) -> bool {
        if self.machine.phase != Phase::Gone {
            return false;
        }
        match (&self.front, self.retired_at) {
            (Some(front), Some(at)) if self.is_routed_around() => {
                let idle = front.connections() == 0;
                at.elapsed() >= LONGEST_LINGER || (idle && at.elapsed() >= LINGER)
            }
            _ => true,
        }
    }

    /// Whether somebody else is live now; if nobody is, there is nobody to wait for.
    fn is_routed_around(&self) -> bool {
        self.spec.front.as_ref().is_some_and(|paths| paths.onward.exists())
    }

    /// Nothing where nothing is new. What the disk did not take is tried again: until then people see what was so before.
    pub(super) fn report(&mut self) {
        let now = Instant::now();
        if self.is_news() || self.report_again.is_due(now) {
            let written = self.write_report();
            self.report_again.tried(written.is_ok(), now);
        }
    }

    fn is_news(&mut self) -> bool {
        let name = self.machine.name();
        let (restarts, child) = (self.machine.restarts, self.child.as_ref().map(|c| c.member));
        let same =
            |r: &Reported| r.name == name && r.restarts == restarts && r.child == child && r.last_end == self.last_end;
        if self.reported.as_ref().is_some_and(same) {
            return false;
        }
        let since = Stamp::now().for_people();
        self.reported = Some(Reported { name, restarts, child, last_end: self.last_end.clone(), since });
        true
    }

    fn write_report(&self) -> Result<(), FsError> {
        let Some(so) = &self.reported else { return Ok(()) };
        let report = Report {
            protocol: PROTOCOL,
            wrapper: Some(std::process::id() as i32),
            child: so.child.map(|member| member.pid),
            child_started: so.child.map(|member| member.started),
            port: self.port(),
            socket: self.entry().socket().map(Into::into),
            phase: so.name.to_owned(),
            since: so.since.clone(),
            restarts: so.restarts,
            last_end: so.last_end.clone(),
        };
        let state = fs::replace_report(&self.instance.file("state"), report.render().as_bytes(), fs::PRIVATE_FILE);
        let port = self.port().map(|p| format!("port: {p}\n")).unwrap_or_default();
        let text = format!("---\npid: {}\n{port}", std::process::id());
        let pid = fs::replace_report(&self.spec.pid_file, text.as_bytes(), fs::PUBLIC_FILE);
        // A directory that somebody has removed does not come back.
        [state, pid].into_iter().filter(|written| !written.as_ref().is_err_and(FsError::is_not_found)).collect()
    }

    pub(super) fn leave(&mut self) {
        self.take_all_lines();
        self.log.end_partial(Timestamp::now());
        // A restart within one release has put its own report there since.
        let mine =
            fs::read_text(&self.spec.pid_file).is_ok_and(|t| t.contains(&format!("pid: {}\n", std::process::id())));
        if mine {
            let _ = fs::remove(&self.spec.pid_file);
        }
        if let Some(paths) = &self.spec.front {
            let _ = fs::remove(&paths.socket);
            let _ = paths.entry.socket().map(fs::remove);
        }
        if let Some(group) = self.group.take() {
            group.remove();
        }
        // The spec first: without it nobody takes what is left for an instance that wants a wrapper.
        let _ = fs::remove(&self.instance.file("spec"));
        let _ = fs::remove_tree(self.instance.dir());
    }
}
