//! Which idle connections to the app may carry the next request: pure, the last one used first.
//!
//! The app may close an idle connection at the very moment a request is written to it, and then nobody can know whether
//! it acted on the request. Three things keep a request that may not be sent twice (POST) out of that race: no
//! connection is used that was idle for a second (servers close theirs after 5 s and more); none is used before this
//! app was seen to keep one open at all; and the socket is asked for an end just before. What may be sent twice is.

use std::time::{Duration, Instant};

use super::slab::Key;

/// How long an idle connection may be used; node's own limit, the shortest that is usual, is 5 s.
const FRESH: Duration = Duration::from_secs(1);
/// More idle connections than this are closed at once.
const MOST: usize = 128;

/// The idle connections of one app.
#[derive(Default)]
pub struct Pool {
    /// The longest idle first.
    idle: Vec<(Key, Instant)>,
    keeps_alive: bool,
}

impl Pool {
    /// Takes a connection whose response is complete; gives it back when there is no room.
    pub fn put(&mut self, key: Key, now: Instant) -> Option<Key> {
        if self.idle.len() >= MOST {
            return Some(key);
        }
        self.idle.push((key, now));
        None
    }

    /// The connection that was used last, if the request may be sent on it.
    pub fn take(&mut self, idempotent: bool, now: Instant) -> Option<Key> {
        let allowed = idempotent || self.keeps_alive;
        let (key, _) = self.idle.pop_if(|(_, since)| allowed && now.duration_since(*since) < FRESH)?;
        Some(key)
    }

    /// A request on a used connection was answered: this app keeps its connections.
    pub fn proven(&mut self) {
        self.keeps_alive = true;
    }

    /// The app closed a connection that could still have been used.
    pub fn closed(&mut self, key: Key) {
        self.idle.retain(|(k, _)| *k != key);
        self.keeps_alive = false;
    }

    /// Those that are too old by now; an app that kept them so long keeps its connections.
    pub fn expire(&mut self, now: Instant) -> Vec<Key> {
        let old = self.idle.iter().take_while(|(_, since)| now.duration_since(*since) >= FRESH).count();
        self.keeps_alive |= old > 0;
        self.idle.drain(..old).map(|(key, _)| key).collect()
    }

    /// All of them.
    pub fn clear(&mut self) -> Vec<Key> {
        self.idle.drain(..).map(|(key, _)| key).collect()
    }

    /// When the next one is too old.
    pub fn deadline(&self) -> Option<Instant> {
        self.idle.first().map(|(_, since)| *since + FRESH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::slab::Slab;

    fn pool_of(count: u64) -> (Pool, Vec<Key>, Instant) {
        let (mut slab, mut pool, start) = (Slab::new(), Pool::default(), Instant::now());
        let keys: Vec<Key> = (0..count).map(|i| slab.add(|_| Ok::<_, ()>(i)).unwrap()).collect();
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(pool.put(*key, start + Duration::from_millis(i as u64)), (i >= MOST).then_some(*key));
        }
        (pool, keys, start)
    }

    #[test]
    fn the_last_one_goes_first_and_old_ones_go_unused() {
        let (mut pool, keys, start) = pool_of(3);
        assert_eq!(pool.take(true, start), Some(keys[2]));
        assert_eq!(pool.deadline(), Some(start + FRESH));
        assert_eq!(pool.take(true, start + FRESH + Duration::from_millis(1)), None);
        assert_eq!(pool.expire(start + FRESH), [keys[0]]);
        assert_eq!(pool.clear(), [keys[1]]);
        assert_eq!(pool.deadline(), None);
    }

    #[test]
    fn what_may_not_be_sent_twice_needs_an_app_that_keeps_connections() {
        let (mut pool, keys, start) = pool_of(4);
        assert_eq!(pool.take(false, start), None);
        pool.proven();
        assert_eq!(pool.take(false, start), Some(keys[3]));
        pool.closed(keys[2]);
        assert_eq!(pool.take(false, start), None);
        assert_eq!(pool.expire(start + FRESH), [keys[0]]);
        assert_eq!(pool.take(false, start + FRESH), Some(keys[1]), "one that stayed a second is a proof too");
    }

    #[test]
    fn there_is_room_for_so_many() {
        assert_eq!(pool_of(MOST as u64 + 2).0.clear().len(), MOST);
    }
}
