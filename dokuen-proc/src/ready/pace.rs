//! How often is looked: who has waited for long need not know to the millisecond, nor who waits beside many others, as at a
//! boot, whose looks together would take the processor from what they wait for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How many of this process wait at this moment.
static WAITING: AtomicU32 = AtomicU32::new(0);

/// A wait, counted as long as it lasts.
pub(super) struct Pace {
    begun: Instant,
}

impl Pace {
    pub fn begin() -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Self { begun: Instant::now() }
    }

    /// Until the next look.
    pub fn pause(&self) -> Duration {
        pause(self.begun.elapsed(), WAITING.load(Ordering::Relaxed))
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All of them together look four times a millisecond, which takes some twentieth of a core.
fn pause(waited: Duration, waiting: u32) -> Duration {
    let turn = Duration::from_micros(250) * waiting;
    turn.max(waited / 64).clamp(Duration::from_millis(1), Duration::from_millis(50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_with_the_wait_and_with_those_who_wait_too() {
        for (waited, waiting, expected) in
            [(0, 1, 1), (10, 1, 1), (640, 1, 10), (0, 4, 1), (0, 20, 5), (640, 20, 10), (0, 1000, 50), (60_000, 1, 50)]
        {
            let found = pause(Duration::from_millis(waited), waiting);
            assert_eq!(found, Duration::from_millis(expected), "{waited} ms, {waiting} of them");
        }
    }
}
