//! What could not be done is tried again: a second later, and then less and less often. Where nothing has failed nobody wakes up.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);

/// When it is due, and after which pause.
#[derive(Debug, Default)]
pub(super) struct Again(Option<(Instant, Duration)>);

impl Again {
    pub fn at(&self) -> Option<Instant> {
        self.0.map(|(at, _)| at)
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.at().is_some_and(|at| at <= now)
    }

    /// It was tried.
    pub fn tried(&mut self, well: bool, now: Instant) {
        let pause = self.0.map_or(FIRST, |(_, pause)| (pause * 2).min(MOST));
        self.0 = (!well).then_some((now + pause, pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_due_after_longer_and_longer_pauses_until_it_succeeds() {
        let (begin, mut again) = (Instant::now(), Again::default());
        let mut now = begin;
        assert!(again.at().is_none() && !again.is_due(now));
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            again.tried(false, now);
            assert!(!again.is_due(now));
            now += Duration::from_secs(seconds);
            assert!(again.is_due(now) && again.at() == Some(now));
        }
        again.tried(true, now);
        assert!(again.at().is_none());
    }
}
