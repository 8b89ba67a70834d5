//! What is kept of an output: a program may write without end.

use std::collections::VecDeque;

/// Of an output that people read: half of it from the beginning and half from the end.
const SHOWN: usize = 1024 * 1024;
/// Of an output that is used whole.
pub(crate) const WHOLE: usize = 64 * 1024 * 1024;

/// How much of an output is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of it: more than [`WHOLE`] is an error.
    All,
    /// Its beginning and its end, with a note in between.
    Ends,
}

/// What has come so far.
#[derive(Debug)]
pub(crate) struct Kept {
    keep: Keep,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
}

impl Kept {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, head: Vec::new(), tail: VecDeque::new(), left_out: 0 }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let most = if self.keep == Keep::All { WHOLE } else { SHOWN / 2 };
        let (first, rest) = bytes.split_at(bytes.len().min(most - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(SHOWN / 2);
        self.tail.drain(..over);
        self.left_out += over;
    }

    /// Whether there was more than can be used.
    pub(crate) fn is_too_much(&self) -> bool {
        self.keep == Keep::All && !self.tail.is_empty()
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut bytes = self.head;
        if self.left_out > 0 {
            bytes.extend_from_slice(format!("\n[{} bytes are left out here]\n", self.left_out).as_bytes());
        }
        bytes.extend(self.tail);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_kept_and_the_middle_is_counted() {
        let mut kept = Kept::new(Keep::Ends);
        kept.add(b"first");
        (0..3000).for_each(|_| kept.add(&[b'x'; 1000]));
        kept.add(b"last");
        let text = String::from_utf8(kept.bytes()).unwrap();
        assert!(text.starts_with("firstx") && text.ends_with("xlast") && text.len() < SHOWN + 100);
        assert!(text.contains("\n[1951433 bytes are left out here]\n"));
        let mut little = Kept::new(Keep::Ends);
        little.add(&[b'y'; SHOWN]);
        assert_eq!(little.bytes(), [b'y'; SHOWN]);
    }

    #[test]
    fn too_much_of_what_is_used_whole_is_known() {
        let mut kept = Kept::new(Keep::All);
        kept.add(&vec![b'x'; WHOLE]);
        assert!(!kept.is_too_much());
        kept.add(b"x");
        assert!(kept.is_too_much());
    }
}
