//! Moving what can be moved for one connection of nginx: up (`up`), down (`down`), and from request to request
//! (`settle`), until nothing moves.

use mio::event::Event;

use super::backend::Backend;
use super::client::{Client, State};
use super::slab::{Key, Whose};
use super::wire::{Stream, Wire};
use super::{Front, Io, SCRATCH};

/// After so many turns the other connections have theirs.
const TURNS: usize = 32;

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something: another turn may do more.
    Moved,
    /// Nothing, until an event comes.
    Still,
    /// The connection is to be closed.
    Over,
}

impl Front {
    /// Takes all connections that nginx has made.
    pub(super) fn accept(&mut self, io: &Io<'_>) {
        while let Some(stream) = self.door.accept(io.now, self.clients.len()) {
            let tokens = self.tokens;
            // One that cannot be registered is closed, as for want of any other resource.
            let _ = self.clients.add(|key| {
                let token = tokens.of(Whose::Client(key));
                Wire::register(Stream::Unix(stream), io.registry, token).map(Client::new)
            });
        }
    }

    pub(super) fn client_event(&mut self, io: &mut Io<'_>, key: Key, event: &Event) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.wire.note(event);
        let in_tunnel = matches!(&client.state, State::Busy(e, _) if e.is_tunnel());
        // nginx left, so nobody waits for an answer. What it sent into a tunnel still counts.
        if client.wire.gone && !in_tunnel { self.drop_client(io, key) } else { self.pump(io, key) }
    }

    pub(super) fn backend_event(&mut self, io: &mut Io<'_>, key: Key, event: &Event) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        backend.wire.note(event);
        match backend.owner {
            Some(owner) => self.pump(io, owner),
            None if backend.wire.readable => self.discard_idle(key),
            None => {}
        }
    }

    /// Moves what can be moved for this connection.
    pub(super) fn pump(&mut self, io: &mut Io<'_>, key: Key) {
        io.scratch.resize(SCRATCH, 0);
        for _ in 0..TURNS {
            match self.turn(io, key) {
                Turn::Moved => {}
                Turn::Still => return,
                Turn::Over => return self.drop_client(io, key),
            }
        }
        let nudged = self.clients.get_mut(key).is_none_or(|c| c.wire.nudge(io.registry).is_ok());
        if !nudged {
            self.drop_client(io, key);
        }
    }

    fn drop_client(&mut self, io: &Io<'_>, key: Key) {
        match self.clients.remove(key).map(|client| client.state) {
            Some(State::Busy(_, backend)) => drop(self.backends.remove(backend)),
            Some(State::Waiting(_)) => self.waiting.remove(key),
            Some(State::Idle | State::Answered { .. }) | None => {}
        }
        if self.door.paused_until().is_some() {
            self.accept(io);
        }
    }

    fn turn(&mut self, io: &mut Io<'_>, key: Key) -> Turn {
        let mut turn = Turn::Still;
        for step in [Self::send_up, Self::take_in, Self::send_down, Self::take_back, Self::settle] {
            match step(self, io, key) {
                Turn::Still => {}
                Turn::Moved => turn = Turn::Moved,
                Turn::Over => return Turn::Over,
            }
        }
        turn
    }

    /// The two ends of a request that a backend has.
    pub(super) fn ends(&mut self, key: Key) -> Option<(&mut Client, &mut Backend)> {
        let client = self.clients.get_mut(key)?;
        let State::Busy(_, backend) = client.state else { return None };
        Some((client, self.backends.get_mut(backend)?))
    }
}
