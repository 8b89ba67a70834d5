//! The child and all that it has started: how they end.

use std::os::fd::{AsRawFd, OwnedFd};

use jiff::Timestamp;
use mio::unix::SourceFd;

use super::Wrapper;
use crate::child::{self, Child};
use crate::machine::{Event, Phase};
use crate::platform;

impl Wrapper {
    pub(super) fn on_children(&mut self) {
        for (pid, how) in child::reap() {
            if self.child.as_ref().is_some_and(|c| c.member.pid == pid) {
                self.child_ended(how);
            }
        }
        self.look_at_tree();
    }

    pub(super) fn on_adopted(&mut self) {
        if let Some(how) = self.child.as_ref().and_then(Child::adopted_end) {
            self.child_ended(how);
        }
    }

    fn child_ended(&mut self, how: String) {
        if let Some(fd) = self.child.take().and_then(|c| c.watched) {
            self.unwatch(&fd);
        }
        self.hold();
        self.take_all_lines();
        self.log.end_partial(Timestamp::now());
        let said = (!matches!(self.machine.phase, Phase::Ending { .. })).then(|| format!("the process {how}"));
        self.last_end = how;
        let tree_empty = self.tree_is_empty();
        // The next child first, then the words: its own lines are read after them in any case.
        self.happened(Event::Ended { tree_empty });
        if let Some(said) = said {
            self.say(&said);
        }
    }

    fn unwatch(&self, fd: &OwnedFd) {
        // Closing it would do as well; deregistering first keeps a late event from a reused descriptor.
        let _ = self.poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()));
    }

    pub(super) fn look_at_tree(&mut self) {
        let ending = matches!(self.machine.phase, Phase::Ending { .. });
        if ending && self.child.is_none() && self.tree_is_empty() {
            self.happened(Event::TreeEmpty);
        }
    }

    /// The kernel knows at once whether anything is below us; looking through all processes takes milliseconds. That
    /// is needed while some came from an earlier wrapper.
    fn tree_is_empty(&mut self) -> bool {
        let lives = |pid: &i32| platform::start_time(*pid).is_some();
        let grouped = self.group.as_ref().is_some_and(|group| group.members().iter().any(lives));
        if grouped || (self.all_below && platform::none_below()) {
            return !grouped;
        }
        let empty = self.tree().is_empty();
        self.all_below |= empty && self.subreaper;
        empty
    }
}
