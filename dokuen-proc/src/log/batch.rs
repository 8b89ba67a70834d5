//! A batch of stamped lines, as it goes to the log with one write.

use std::io;

use memmap2::MmapMut;

/// A line longer than this is split: the rest goes on as a line of its own.
pub const LONGEST_LINE: usize = 64 * 1024;
/// A batch is at most this long: several of the longest lines with their stamps.
pub const LONGEST_BATCH: usize = 384 * 1024;

/// Room for a batch: memory of its own, not the allocator's, so that all of it goes back when the log is quiet.
pub fn room(batch: &mut Option<MmapMut>) -> io::Result<&mut [u8]> {
    if batch.is_none() {
        *batch = Some(MmapMut::map_anon(LONGEST_BATCH)?);
    }
    Ok(batch.as_deref_mut().unwrap_or_default())
}

/// A batch that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Made {
    /// Bytes of what waits that are in it.
    pub used: usize,
    /// Its own length.
    pub len: usize,
    /// Its lines.
    pub lines: u64,
}

impl Made {
    /// Puts `stamp` before each whole line of `bytes`, as far as `batch` has room; with `cut`, the rest is a line too.
    /// It depends on nothing else, so that it can be done again.
    pub fn of(bytes: &[u8], stamp: &[u8], cut: bool, batch: &mut [u8]) -> Self {
        let mut made = Self::default();
        while made.used < bytes.len() {
            let rest = &bytes[made.used..];
            let near = &rest[..rest.len().min(LONGEST_LINE + 1)];
            let (line, end) = match memchr::memchr(b'\n', near) {
                Some(at) => (&near[..at], at + 1),
                None if near.len() > LONGEST_LINE => (&near[..LONGEST_LINE], LONGEST_LINE),
                None if cut => (near, near.len()),
                None => break,
            };
            let len = stamp.len() + line.len() + 1;
            let Some(place) = batch.get_mut(made.len..made.len + len) else { break };
            place[..stamp.len()].copy_from_slice(stamp);
            place[stamp.len()..len - 1].copy_from_slice(line);
            place[len - 1] = b'\n';
            made = Self { used: made.used + end, len: made.len + len, lines: made.lines + 1 };
        }
        made
    }
}
