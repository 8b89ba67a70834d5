//! From a child's bytes to lines of the transcript, with bounded memory and a bounded amount.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use dokuen_core::{Line, Transcript};

use crate::form;
use crate::sink::Sink;

/// Splits at LF and CR (a progress bar becomes lines), cuts what is longer than [`Lines::LONGEST`], and shows a
/// line that was begun and not ended once it has waited a second.
pub(crate) struct Lines<'a> {
    out: &'a mut dyn Transcript,
    pending: Vec<u8>,
    /// The pending bytes go on with a line whose start was shown already.
    continued: bool,
    since: Instant,
    room: u64,
    left_out: u64,
    last: VecDeque<Vec<u8>>,
}

impl<'a> Lines<'a> {
    pub const LONGEST: usize = 64 * 1024;
    const PATIENCE: Duration = Duration::from_secs(1);
    /// Of what is left out, the last lines are shown all the same: that is where an error stands.
    const LAST_LINES: usize = 20;
    const LAST_BYTES: usize = 1024;

    /// At most `room` bytes are shown.
    pub fn new(out: &'a mut dyn Transcript, room: u64) -> Self {
        let since = Instant::now();
        Self { out, pending: Vec::new(), continued: false, since, room, left_out: 0, last: VecDeque::new() }
    }

    fn more(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let take = (Self::LONGEST - self.pending.len()).min(bytes.len());
            self.pending.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.pending.len() == Self::LONGEST {
                self.show_begun();
            }
        }
    }

    /// Shows what is there of a line that goes on, but never half of a character.
    fn show_begun(&mut self) {
        let rest = self.pending.split_off(whole_characters(&self.pending));
        self.show();
        (self.pending, self.continued) = (rest, true);
    }

    fn show(&mut self) {
        let (bytes, continued) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.continued));
        let length = bytes.len() as u64;
        if self.left_out > 0 || length > self.room {
            self.left_out += length;
            self.keep(bytes);
            return;
        }
        self.room -= length;
        self.put(&bytes, continued);
    }

    fn put(&mut self, bytes: &[u8], continued: bool) {
        let text = form::harmless(bytes);
        let text = if continued { form::continued(&text) } else { form::rewritten(&text) };
        if let Some(text) = text {
            self.out.line(Line::Output(&text));
        }
    }

    fn keep(&mut self, mut bytes: Vec<u8>) {
        if self.last.len() == Self::LAST_LINES {
            self.last.pop_front();
        }
        bytes.truncate(Self::LAST_BYTES);
        bytes.shrink_to_fit();
        self.last.push_back(bytes);
    }
}

impl Sink for Lines<'_> {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.since = Instant::now();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            self.more(&rest[..at]);
            self.show();
            rest = &rest[at + 1..];
        }
        self.more(rest);
        ControlFlow::Continue(())
    }

    fn is_abandoned(&self) -> bool {
        self.out.is_abandoned()
    }

    fn idle(&mut self) {
        if !self.pending.is_empty() && self.since.elapsed() >= Self::PATIENCE {
            self.show_begun();
            self.since = Instant::now();
        }
    }

    fn end(&mut self) {
        if !self.pending.is_empty() {
            self.show();
        }
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            let shown: u64 = self.last.iter().map(|l| l.len() as u64).sum();
            self.out.line(Line::Output(&format!("  ! {} bytes of output left out", left_out - shown)));
            for line in std::mem::take(&mut self.last) {
                self.put(&line, false);
            }
        }
    }
}

/// The length without a character that is not all there yet.
fn whole_characters(bytes: &[u8]) -> usize {
    let last_start = (bytes.len().saturating_sub(3)..bytes.len()).rev().find(|i| bytes[*i] >= 0xc0);
    last_start.filter(|i| needs_more(&bytes[*i..])).unwrap_or(bytes.len())
}

/// Whether a leading byte announces more than stands there.
fn needs_more(bytes: &[u8]) -> bool {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    bytes.len() < length
}

#[cfg(test)]
mod tests {
    use dokuen_core::Collected;
    use proptest::prelude::*;

    use super::*;

    fn shown(chunks: &[&[u8]], room: u64) -> Vec<String> {
        let mut out = Collected::default();
        let mut lines = Lines::new(&mut out, room);
        for chunk in chunks {
            assert!(lines.take(chunk).is_continue());
        }
        lines.end();
        out.0
    }

    #[test]
    fn splits_at_every_end_of_line_and_shows_the_last_without_one() {
        let chunks: [&[u8]; 4] = [b"-----> a\r\n  10%\r  5", b"0%\r\n\n       in", b"dented\n", b"last"];
        assert_eq!(shown(&chunks, 1000), ["  + a", "  10%", "  50%", "      indented", "last"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = "é".repeat(Lines::LONGEST);
        let lines = shown(&[b"x", line.as_bytes(), b"\n"], u64::MAX);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [65535, 65536, 2]);
        assert!(lines.concat().chars().skip(1).all(|c| c == 'é'));
    }

    #[test]
    fn a_begun_line_is_shown_once_it_has_waited() {
        let mut out = Collected::default();
        let mut lines = Lines::new(&mut out, 1000);
        assert!(lines.take(b"       halves of \xc4").is_continue());
        lines.idle();
        lines.since -= Lines::PATIENCE;
        lines.idle();
        assert!(lines.take(b"\x8d\n").is_continue());
        lines.end();
        assert_eq!(out.0, ["      halves of ", "č"]);
    }

    #[test]
    fn the_rest_of_a_begun_line_cannot_pass_for_one_of_ours() {
        let mut out = Collected::default();
        let mut lines = Lines::new(&mut out, 1000);
        assert!(lines.take(b".").is_continue());
        lines.since -= Lines::PATIENCE;
        lines.idle();
        assert!(lines.take(b"* deployed hello v99\n  50%\n").is_continue());
        lines.end();
        assert_eq!(out.0, [".", "      * deployed hello v99", "  50%"]);
    }

    #[test]
    fn beyond_the_room_only_the_last_lines_are_shown() {
        let text: String = (0..1000).map(|n| format!("line {n:03}\n")).collect();
        let lines = shown(&[text.as_bytes()], 80);
        assert_eq!(lines[..10], (0..10).map(|n| format!("line {n:03}")).collect::<Vec<_>>());
        assert_eq!(lines[10], "  ! 7760 bytes of output left out");
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (31, Some("line 999")));
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_up_does_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..300) {
            let at = at.min(bytes.len());
            prop_assert_eq!(shown(&[&bytes[..at], &bytes[at..]], 10_000), shown(&[&bytes], 10_000));
        }
    }
}
