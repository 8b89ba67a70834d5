//! When an app's lines are taken next, as a pure function of what came and when.
//!
//! Taking lines costs some system calls and usually a wake-up, however few they are. A lone line, and a message of a few,
//! are taken as they come. Of an app that writes line after line each would be taken by itself; so while little comes at a
//! time and again and again, the pipe is left alone for a moment, and fills meanwhile.

use std::time::{Duration, Instant};

/// How long the pipe is left alone. What comes further apart than this is taken as it comes.
const PAUSE: Duration = Duration::from_millis(1);
/// So many times in a row little came in quick succession: this is no message of a few lines.
const QUICK: u8 = 4;
/// As much as this was worth the taking, and there may be as much again.
const MUCH: usize = 32 * 1024;
/// If this much has come in a pause, the app may soon wait for us: half of what the pipe holds in a flood.
const TOO_MUCH: usize = 512 * 1024;

/// When to take again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once: there may be more.
    Now,
    /// When something comes.
    News,
    /// Then, whatever comes before.
    At(Instant),
}

/// What it goes by.
#[derive(Debug, Default)]
pub struct Pauses {
    last: Option<Instant>,
    /// How often little came in quick succession; with [`QUICK`], pauses are made.
    quick: u8,
    /// Came since the last pause.
    came: usize,
    never: bool,
}

impl Pauses {
    /// No more pauses: the pipe is too small for them.
    pub fn never(&mut self) {
        *self = Self { never: true, ..Self::default() };
    }

    /// So many bytes were taken at `now`; none, when the pipe was empty.
    pub fn took(&mut self, count: usize, now: Instant) -> Next {
        self.came += count;
        let next = if self.quick >= QUICK { self.between_pauses(count, now) } else { self.as_it_comes(count, now) };
        if next != Next::Now {
            self.came = 0;
        }
        next
    }

    fn as_it_comes(&mut self, count: usize, now: Instant) -> Next {
        if count == 0 {
            return Next::News;
        }
        let soon = self.last.replace(now).is_some_and(|last| now.saturating_duration_since(last) < PAUSE);
        self.quick = if soon && count < MUCH && !self.never { self.quick + 1 } else { 0 };
        if self.quick >= QUICK { Next::At(now + PAUSE) } else { Next::Now }
    }

    fn between_pauses(&mut self, count: usize, now: Instant) -> Next {
        if count >= MUCH {
            return Next::Now;
        }
        if (1..TOO_MUCH).contains(&self.came) {
            return Next::At(now + PAUSE);
        }
        self.quick = 0;
        Next::News
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Next::{At, News, Now};

    /// Each: at which microsecond, how much, and what is next; a pause is told by its end.
    fn goes(pauses: &mut Pauses, begin: Instant, steps: &[(u64, usize, Next)]) {
        for (at, count, next) in steps {
            assert_eq!(pauses.took(*count, begin + Duration::from_micros(*at)), *next, "{count} bytes at {at} µs");
        }
    }

    fn starting(steps: impl Fn(&dyn Fn(u64) -> Next) -> Vec<(u64, usize, Next)>) {
        let begin = Instant::now();
        let at = |micros: u64| At(begin + Duration::from_micros(micros));
        goes(&mut Pauses::default(), begin, &steps(&at));
    }

    #[test]
    fn a_lone_line_and_a_message_of_a_few_are_taken_as_they_come() {
        starting(|_| vec![(0, 100, Now), (1, 0, News), (1001, 100, Now), (1002, 0, News)]);
        starting(|_| vec![(0, 100, Now), (9, 100, Now), (10, 100, Now), (20, 100, Now), (21, 0, News)]);
        // Calm counts anew.
        starting(|_| vec![(0, 9, Now), (9, 9, Now), (10, 9, Now), (20, 9, Now), (1020, 9, Now), (1021, 9, Now)]);
    }

    #[test]
    fn line_after_line_waits_for_a_pause_and_the_first_pause_without_any_is_the_last() {
        starting(|at| {
            let quick = vec![(0, 9, Now), (1, 9, Now), (2, 0, News), (500, 9, Now), (900, 9, Now), (1800, 9, at(2800))];
            let paced = vec![(2800, 9000, at(3800)), (3800, 40_000, Now), (3810, 0, at(4810)), (4810, 9, at(5810))];
            let calm = vec![(5810, 0, News), (5900, 9, Now), (5901, 0, News)];
            [quick, paced, calm].concat()
        });
    }

    #[test]
    fn who_writes_much_never_waits() {
        starting(|_| {
            vec![(0, 9, Now), (1, 9, Now), (2, 9, Now), (3, 9, Now), (4, MUCH, Now), (5, 9, Now), (6, 9, Now)]
        });
        starting(|at| {
            let quick = vec![(0, 9, Now), (1, 9, Now), (2, 9, Now), (3, 9, Now), (4, 9, at(1004))];
            [quick, vec![(1004, TOO_MUCH / 2, Now), (1100, TOO_MUCH / 2, Now), (1200, 9, News), (1201, 9, Now)]]
                .concat()
        });
    }

    #[test]
    fn a_pipe_too_small_is_never_left_alone() {
        let (mut pauses, begin) = (Pauses::default(), Instant::now());
        pauses.never();
        goes(&mut pauses, begin, &[(0, 9, Now); 9]);
        goes(&mut pauses, begin, &[(0, 0, News)]);
    }
}
