//! A SHA-256 over a stream while it is written or read.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use ring::digest::{Context, SHA256};

/// What a header of a tar takes.
const BLOCK: usize = 512;

/// Passes on what is written and sums it up.
pub struct Summed<W> {
    to: W,
    context: Context,
}

impl<W: Write> Summed<W> {
    /// Nothing is written yet.
    pub fn new(to: W) -> Self {
        Self { to, context: Context::new(&SHA256) }
    }

    /// The sum of all that was written so far, in hex.
    pub fn sum(&self) -> String {
        hex(&self.context)
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.context.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What was read so far, but for the last block: that is the header of the entry at hand.
#[derive(Clone)]
pub struct Seen(Rc<RefCell<State>>);

struct State {
    context: Context,
    last: Vec<u8>,
    left: u64,
}

/// Passes on what is read and sums it up; more than so many bytes are an error.
pub struct Watched<R> {
    from: R,
    seen: Seen,
}

impl<R: Read> Watched<R> {
    /// Nothing is read yet; the sum is seen through the other one.
    pub fn new(from: R, most: u64) -> (Self, Seen) {
        let state = State { context: Context::new(&SHA256), last: Vec::new(), left: most };
        let seen = Seen(Rc::new(RefCell::new(state)));
        (Self { from, seen: seen.clone() }, seen)
    }
}

impl Seen {
    /// The sum of all before the header that was read last, in hex.
    pub fn sum(&self) -> String {
        hex(&self.0.borrow().context)
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        let mut state = self.seen.0.borrow_mut();
        let State { context, last, left } = &mut *state;
        *left = left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("it holds more than import_bytes in dokuen.conf allows"))?;
        last.extend_from_slice(&into[..count]);
        let done = last.len().saturating_sub(BLOCK);
        context.update(&last[..done]);
        last.drain(..done);
        Ok(count)
    }
}

fn hex(context: &Context) -> String {
    context.clone().finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
