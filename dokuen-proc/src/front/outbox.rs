//! Bytes on their way to one socket: memory is held only while there are some.

use std::io;

use mio::Registry;

use super::wire::Wire;

/// Reading for a socket stops while so much is pending for it, and no longer request is kept for a second try.
pub const BOUND: usize = 64 * 1024;

/// What is still to be written, and for a request also what was, as long as it may have to be sent again.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    at: usize,
    kept: bool,
    begun: bool,
    broken: bool,
}

impl Outbox {
    /// For a new request, which is kept until the app answers or it grows past [`BOUND`].
    pub fn keeping() -> Self {
        Self { kept: true, ..Self::default() }
    }

    /// Bytes that wait for the socket.
    pub fn pending(&self) -> usize {
        if self.broken { 0 } else { self.bytes.len() - self.at }
    }

    /// Whether any byte was given to the socket: if not, nobody can have acted on it.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the socket refused a write: what follows is thrown away.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Adds bytes behind those that wait.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.kept && self.bytes.len() + bytes.len() > BOUND {
            self.forget();
        }
        if !self.is_lost() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// As [`Outbox::push`] and [`Outbox::flush`], without copying what the socket takes at once.
    pub fn pass(&mut self, bytes: &[u8], wire: &mut Wire, registry: &Registry) -> io::Result<()> {
        let direct = !self.kept && !self.broken && wire.writable && self.pending() == 0 && !bytes.is_empty();
        let taken = if direct { self.write(bytes, wire, registry)? } else { 0 };
        self.push(&bytes[taken..]);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], wire: &mut Wire, registry: &Registry) -> io::Result<usize> {
        let taken = wire.write(registry, bytes).inspect_err(|_| self.broken = true)?;
        self.begun |= taken > 0;
        Ok(taken)
    }

    /// Gives the socket what it takes; returns how much that was.
    pub fn flush(&mut self, wire: &mut Wire, registry: &Registry) -> io::Result<usize> {
        let bytes = std::mem::take(&mut self.bytes);
        let outcome = self.write(&bytes[self.at..], wire, registry);
        self.bytes = bytes;
        self.at += outcome.as_ref().unwrap_or(&0);
        if !self.kept {
            self.compact();
        }
        outcome
    }

    /// The request will not be sent again: gives the memory of its sent part back.
    pub fn forget(&mut self) {
        self.kept = false;
        self.compact();
    }

    /// Whether no socket will ever get these bytes: this one refused them, and no other could get them from the start.
    fn is_lost(&self) -> bool {
        self.broken && self.begun && !self.kept
    }

    /// The socket's owner hears nothing more: what waits, and what follows, is thrown away.
    pub fn abandon(&mut self) {
        (self.begun, self.broken) = (true, true);
        self.forget();
    }

    fn compact(&mut self) {
        if self.at == self.bytes.len() || self.is_lost() {
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..self.at);
        }
        self.at = 0;
    }

    /// Whether all from the first byte on is still there.
    pub fn is_whole(&self) -> bool {
        self.kept || !self.begun
    }

    /// All from the first byte on, where that is kept.
    pub fn whole(&self) -> Option<&[u8]> {
        self.kept.then_some(&self.bytes)
    }

    /// Goes back to the first byte, for another socket; `false` when it is no longer there.
    pub fn rewind(&mut self) -> bool {
        let whole = self.is_whole();
        if whole {
            (self.at, self.begun, self.broken) = (0, false, false);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::wire::Stream;
    use std::io::Read;

    fn pair() -> (mio::Poll, Wire, std::os::unix::net::UnixStream) {
        let poll = mio::Poll::new().unwrap();
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let stream = Stream::Unix(mio::net::UnixStream::from_std(ours));
        let wire = Wire::register(stream, poll.registry(), mio::Token(0)).unwrap();
        (poll, wire, theirs)
    }

    #[test]
    fn a_kept_request_can_be_sent_again_until_it_is_forgotten() {
        let (poll, mut wire, mut theirs) = pair();
        let mut outbox = Outbox::keeping();
        outbox.push(b"one");
        for _ in 0..2 {
            assert_eq!(outbox.flush(&mut wire, poll.registry()).unwrap(), 3);
            assert_eq!((outbox.pending(), outbox.has_begun()), (0, true));
            let mut got = [0; 3];
            theirs.read_exact(&mut got).unwrap();
            assert_eq!(&got, b"one");
            assert!(outbox.rewind());
        }
        outbox.flush(&mut wire, poll.registry()).unwrap();
        outbox.forget();
        assert!(!outbox.rewind());
        assert_eq!((outbox.pending(), outbox.bytes.capacity()), (0, 0));
    }

    #[test]
    fn past_the_bound_a_request_is_no_longer_kept() {
        let mut outbox = Outbox::keeping();
        outbox.push(&[0; BOUND]);
        assert!(outbox.kept);
        outbox.push(&[0]);
        assert!(!outbox.kept && outbox.rewind(), "nothing was sent yet");
    }

    #[test]
    fn a_full_socket_leaves_the_rest_and_an_empty_box_has_no_memory() {
        let (poll, mut wire, mut theirs) = pair();
        let (mut outbox, sent) = (Outbox::default(), vec![7; 1 << 20]);
        outbox.pass(&sent, &mut wire, poll.registry()).unwrap();
        assert!(outbox.pending() > 0 && outbox.pending() < sent.len());
        let reader = std::thread::spawn(move || {
            let mut got = vec![0; 1 << 20];
            theirs.read_exact(&mut got).unwrap();
            got
        });
        while outbox.pending() > 0 {
            outbox.flush(&mut wire, poll.registry()).unwrap();
        }
        assert_eq!(outbox.bytes.capacity(), 0);
        assert_eq!(reader.join().unwrap(), sent);
    }

    #[test]
    fn a_broken_socket_swallows_what_it_saw_the_beginning_of() {
        let (poll, mut wire, theirs) = pair();
        drop(theirs);
        for begun in [false, true] {
            let mut outbox = Outbox { begun, ..Outbox::default() };
            outbox.push(b"one");
            assert!(outbox.flush(&mut wire, poll.registry()).is_err());
            outbox.push(b"two");
            assert_eq!((outbox.is_broken(), outbox.pending(), outbox.rewind()), (true, 0, !begun));
            assert_eq!(outbox.pending(), if begun { 0 } else { 6 }, "what nobody saw can go elsewhere");
        }
    }
}
