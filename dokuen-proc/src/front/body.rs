//! What is still to come of a message after its head.

use super::chunked::{BadChunk, Chunked};

/// The rest of a message, counted down as its bytes pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// So many bytes; none when the message has no body.
    Length(u64),
    /// Chunks and a trailer.
    Chunked(Chunked),
    /// Everything until the sender ends its side: an old-style response, or a tunnel.
    UntilEnd,
}

impl Body {
    /// No body, or nothing left of it.
    pub const NONE: Self = Self::Length(0);

    /// How many of `bytes` belong to this message; fewer than all of them only when it is over.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        match self {
            Self::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= count as u64;
                Ok(count)
            }
            Self::Chunked(chunked) => chunked.feed(bytes),
            Self::UntilEnd => Ok(bytes.len()),
        }
    }

    /// Whether the message is complete.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_done(),
            Self::UntilEnd => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_counted_down_and_leaves_the_next_message() {
        let mut body = Body::Length(5);
        assert_eq!(body.feed(b"abc"), Ok(3));
        assert!(!body.is_done());
        assert_eq!(body.feed(b"deGET"), Ok(2));
        assert!(body.is_done());
        assert_eq!(body.feed(b"GET"), Ok(0));
        assert!(Body::NONE.is_done());
    }

    #[test]
    fn until_the_end_takes_all_and_is_never_done_by_itself() {
        assert_eq!(Body::UntilEnd.feed(b"abc"), Ok(3));
        assert!(!Body::UntilEnd.is_done());
    }
}
