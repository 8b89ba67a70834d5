//! Where the bytes of a child go.

use std::ops::ControlFlow;

/// Takes what a child writes, as it comes.
pub(crate) trait Sink {
    /// `Break` says that it has seen enough: the child is ended.
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()>;
    /// Whether nobody wants to know how it goes on: the child is ended.
    fn is_abandoned(&self) -> bool {
        false
    }
    /// Nothing came for a moment.
    fn idle(&mut self) {}
    /// Nothing will come any more.
    fn end(&mut self) {}
}

/// Keeps the first bytes and says when there were more.
pub(crate) struct Head {
    pub bytes: Vec<u8>,
    pub most: usize,
}

impl Head {
    pub fn of(most: usize) -> Self {
        Self { bytes: Vec::new(), most }
    }
}

impl Sink for Head {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if bytes.len() > room { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Keeps the last bytes, for an error's text.
#[derive(Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    const MOST: usize = 4096;

    /// The last three lines, made harmless, each behind `: ` or `; `.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let lines: Vec<_> = text.split(['\n', '\r']).filter(|l| !l.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(3)..].iter().map(|l| crate::form::harmless(l.trim().as_bytes()));
        let last = last.collect::<Vec<_>>().join("; ");
        if last.is_empty() { last } else { format!(": {last}") }
    }
}

impl Sink for Tail {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(Self::MOST)..]);
        let over = self.0.len().saturating_sub(Self::MOST);
        self.0.drain(..over);
        ControlFlow::Continue(())
    }
}
