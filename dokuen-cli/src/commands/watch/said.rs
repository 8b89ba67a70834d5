//! What was said of trouble: whoever watches meets the same every second, and says it once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What was not met for so long is over, and news when it comes again. Longer than the pause of whatever is tried again.
const OVER: Duration = Duration::from_secs(60);

/// Trouble in the words in which it was said, and when it was last met.
#[derive(Debug, Default)]
pub struct Said(BTreeMap<String, Instant>);

impl Said {
    /// Whether it is to be said.
    pub fn is_news(&mut self, text: &str, now: Instant) -> bool {
        self.0.retain(|_, met| now.saturating_duration_since(*met) < OVER);
        self.0.insert(text.to_owned(), now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_news_again_after_a_minute_without_it() {
        let (begin, mut said) = (Instant::now(), Said::default());
        for (second, text, news) in [
            (0, "a", true),
            (1, "a", false),
            (2, "b", true),
            (59, "a", false),
            (100, "a", false),
            (101, "b", true),
            (160, "a", true),
        ] {
            assert_eq!(said.is_news(text, begin + Duration::from_secs(second)), news, "{text} at {second}");
        }
    }
}
