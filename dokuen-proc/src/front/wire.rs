//! One non-blocking socket and what is known of its readiness.
//!
//! mio reports edges, so readiness is remembered here until a call says otherwise. Two calls per request are saved by
//! taking a read that did not fill the buffer as "nothing more": the socket was empty then, and whatever comes later is
//! a new edge (epoll(7), question 9; kqueue's EV_CLEAR the same). Only an end that was reported together with the data
//! makes no new edge; `ended` remembers it.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

/// A socket of either family.
pub enum Stream {
    /// nginx's side, and the way onward.
    Unix(UnixStream),
    /// The app's side.
    Tcp(TcpStream),
}

/// A registered socket.
pub struct Wire {
    stream: Stream,
    token: Token,
    /// A read may bring something.
    pub readable: bool,
    /// A write may take something.
    pub writable: bool,
    ended: bool,
    /// The other side has gone altogether: nobody reads what is written.
    pub gone: bool,
    told_writable: bool,
}

/// What a read brought.
pub enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The end, orderly or not.
    End,
}

impl Wire {
    /// Registers a stream. A TCP one is just being connected, so it asks for writability at once; a unix one would be
    /// woken by every read of its peer and asks only when it has to wait.
    pub fn register(stream: Stream, registry: &Registry, token: Token) -> io::Result<Self> {
        let told_writable = matches!(stream, Stream::Tcp(_));
        let mut wire =
            Self { stream, token, readable: false, writable: true, ended: false, gone: false, told_writable };
        match &mut wire.stream {
            Stream::Unix(s) => registry.register(s, token, Interest::READABLE)?,
            Stream::Tcp(s) => registry.register(s, token, Interest::READABLE | Interest::WRITABLE)?,
        }
        Ok(wire)
    }

    /// Remembers what mio said.
    pub fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_error();
        self.ended |= event.is_read_closed() || event.is_error();
        self.gone |= event.is_write_closed();
    }

    /// Reads once; remembers whether more may be there.
    pub fn read(&mut self, buf: &mut [u8]) -> Got {
        let outcome = match &mut self.stream {
            Stream::Unix(s) => retry(|| s.read(buf)),
            Stream::Tcp(s) => retry(|| s.read(buf)),
        };
        let blocked = is_blocked(&outcome);
        let count = outcome.unwrap_or(0);
        self.readable = count > 0 && (count == buf.len() || self.ended);
        match count {
            0 if blocked => Got::Nothing,
            0 => Got::End,
            _ => Got::Bytes(count),
        }
    }

    /// Writes once; zero when the other side must read first, or is not connected yet.
    pub fn write(&mut self, registry: &Registry, bytes: &[u8]) -> io::Result<usize> {
        let outcome = match &mut self.stream {
            Stream::Unix(s) => retry(|| s.write(bytes)),
            Stream::Tcp(s) => retry(|| s.write(bytes)),
        };
        if !is_blocked(&outcome) {
            return outcome;
        }
        self.writable = false;
        if !self.told_writable {
            self.told_writable = true;
            self.ask(registry)?;
        }
        Ok(0)
    }

    /// No longer waits for writability: each read of a unix peer would wake us otherwise.
    pub fn rest(&mut self, registry: &Registry) -> io::Result<()> {
        if self.told_writable && matches!(self.stream, Stream::Unix(_)) {
            self.told_writable = false;
            self.ask(registry)?;
        }
        Ok(())
    }

    /// Brings an event by the next poll that can be: for work that was put off to let others have a turn.
    pub fn nudge(&mut self, registry: &Registry) -> io::Result<()> {
        self.told_writable = true;
        self.ask(registry)
    }

    /// Registering again makes mio report anew what is true by then.
    fn ask(&mut self, registry: &Registry) -> io::Result<()> {
        let interest = if self.told_writable { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        match &mut self.stream {
            Stream::Unix(s) => registry.reregister(s, self.token, interest),
            Stream::Tcp(s) => registry.reregister(s, self.token, interest),
        }
    }

    /// Tells the other side that nothing more comes.
    pub fn end_write(&self) {
        // It fails only when the other side is gone, which the next read tells.
        let _ = match &self.stream {
            Stream::Unix(s) => s.shutdown(Shutdown::Write),
            Stream::Tcp(s) => s.shutdown(Shutdown::Write),
        };
    }

    /// Asks the socket itself whether it is idle: neither closed by the other side nor holding unasked bytes.
    pub fn is_quiet(&self) -> bool {
        let Stream::Tcp(stream) = &self.stream else { return false };
        !self.readable && is_blocked(&retry(|| stream.peek(&mut [0])))
    }
}

// NotConnected is what macOS says where Linux says "would block" while a connect is under way.
fn is_blocked(outcome: &io::Result<usize>) -> bool {
    matches!(outcome, Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected))
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
