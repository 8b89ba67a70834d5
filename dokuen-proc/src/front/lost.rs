//! Requests over which the app has ended. nginx repeats what may be repeated, as often as an app has slots: right for one
//! that a kill has cut off, wrong for one that kills.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};

/// So many are remembered.
const MOST: usize = 64;

/// What they were, by all their bytes: nginx gives each request a number (`X-Request-Id`), the same in each of its tries.
#[derive(Default)]
pub struct Lost(VecDeque<u64>);

impl Lost {
    /// Whether this one was lost here before; from now on it was.
    pub fn again(&mut self, request: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(request);
        let this = hasher.finish();
        if self.0.contains(&this) {
            return true;
        }
        self.0.truncate(MOST - 1);
        self.0.push_front(this);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let mut lost = Lost::default();
        assert!((0..100_u8).all(|number| !lost.again(&[number])));
        assert!(lost.again(&[99]) && lost.again(&[36]) && !lost.again(&[35]));
        assert_eq!(lost.0.len(), MOST);
    }
}
