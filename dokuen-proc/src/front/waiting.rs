//! Who waits for an app, since when, and when to try again: pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::slab::Key;

/// A request waits so long for its app; nginx's own patience with us is longer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// More waiting requests than this are refused at once, so that memory stays bounded.
const MOST: usize = 1024;
const FIRST_DELAY: Duration = Duration::from_millis(2);
const LAST_DELAY: Duration = Duration::from_millis(100);

/// Requests in the order they came.
pub struct Waiting {
    queue: VecDeque<(Key, Instant)>,
    retry_at: Option<Instant>,
    delay: Duration,
}

impl Waiting {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self { queue: VecDeque::new(), retry_at: None, delay: FIRST_DELAY }
    }

    /// Lets a request wait; `false` when too many do. One that comes back keeps its place.
    pub fn add(&mut self, key: Key, since: Instant) -> bool {
        let room = self.queue.len() < MOST;
        if room {
            let place = self.queue.partition_point(|(_, other)| *other <= since);
            self.queue.insert(place, (key, since));
        }
        room
    }

    /// The next to be served.
    pub fn next(&mut self) -> Option<Key> {
        self.queue.pop_front().map(|(key, _)| key)
    }

    /// One that does not wait any more.
    pub fn remove(&mut self, key: Key) {
        self.queue.retain(|(k, _)| *k != key);
    }

    /// Those whose patience is over.
    pub fn expire(&mut self, now: Instant) -> Vec<Key> {
        let late = self.queue.iter().take_while(|(_, since)| now.duration_since(*since) >= PATIENCE).count();
        self.queue.drain(..late).map(|(key, _)| key).collect()
    }

    /// The app could not be reached: the next try is a while off, each time longer.
    pub fn back_off(&mut self, now: Instant) {
        if self.retry_at.is_none() {
            self.retry_at = Some(now + self.delay);
            self.delay = (self.delay * 2).min(LAST_DELAY);
        }
    }

    /// Whether a try now would come too soon.
    pub fn is_backing_off(&self) -> bool {
        self.retry_at.is_some()
    }

    /// Whether it is time for the next try; it is then under way.
    pub fn is_due(&mut self, now: Instant) -> bool {
        self.retry_at.take_if(|at| *at <= now).is_some()
    }

    /// The app was reached: the next failure is the first again. A try that is planned still comes.
    pub fn reached(&mut self) {
        self.delay = FIRST_DELAY;
    }

    /// There is somewhere new to go: a try may come at once.
    pub fn reset(&mut self) {
        (self.retry_at, self.delay) = (None, FIRST_DELAY);
    }

    /// When something is to be done for those who wait.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, oldest) = self.queue.front()?;
        let expiry = *oldest + PATIENCE;
        Some(self.retry_at.map_or(expiry, |at| at.min(expiry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::slab::Slab;

    fn keys(count: usize) -> Vec<Key> {
        let mut slab = Slab::new();
        (0..count).map(|i| slab.add(|_| Ok::<_, ()>(i)).unwrap()).collect()
    }

    #[test]
    fn first_come_first_served_also_after_coming_back() {
        let (keys, mut waiting, start) = (keys(3), Waiting::new(), Instant::now());
        for (i, key) in keys.iter().enumerate() {
            waiting.add(*key, start + Duration::from_secs(i as u64));
        }
        assert_eq!(waiting.next(), Some(keys[0]));
        assert!(waiting.add(keys[0], start));
        assert_eq!(waiting.deadline(), Some(start + PATIENCE));
        assert_eq!(waiting.expire(start + PATIENCE + Duration::from_secs(1)), keys[..2]);
        waiting.remove(keys[2]);
        assert_eq!((waiting.next(), waiting.deadline()), (None, None));
    }

    #[test]
    fn tries_get_rarer_up_to_a_bound() {
        let (key, mut waiting, mut now) = (keys(1)[0], Waiting::new(), Instant::now());
        let start = now;
        waiting.add(key, start);
        let mut delays = Vec::new();
        for _ in 0..8 {
            waiting.back_off(now);
            waiting.back_off(now);
            assert!(waiting.is_backing_off() && !waiting.is_due(now));
            let at = waiting.deadline().unwrap();
            delays.push((at - now).as_millis());
            now = at;
            assert!(waiting.is_due(now) && !waiting.is_backing_off());
        }
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 100, 100]);
        waiting.back_off(now);
        waiting.reset();
        assert_eq!(waiting.deadline(), Some(start + PATIENCE));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let (mut waiting, now) = (Waiting::new(), Instant::now());
        assert_eq!(keys(MOST + 1).into_iter().filter(|k| waiting.add(*k, now)).count(), MOST);
    }
}
