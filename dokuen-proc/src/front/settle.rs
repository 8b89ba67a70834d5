//! From one request to the next, or to the end of the connection.

use super::backend::To;
use super::body::Body;
use super::client::State;
use super::exchange::{After, Exchange, Stage};
use super::outbox::Outbox;
use super::pump::Turn;
use super::slab::Key;
use super::{Front, Io};

impl Front {
    pub(super) fn settle(&mut self, io: &mut Io<'_>, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        match &client.state {
            State::Busy(exchange, _) if is_complete(exchange, &client.up) => self.complete(io, key),
            State::Busy(exchange, _) if exchange.is_tunnel() => self.half_close(key),
            State::Answered { after, rest, .. } if client.down.pending() == 0 && rest.is_done() => {
                if *after == After::Close { Turn::Over } else { self.next_request(io, key) }
            }
            _ => Turn::Still,
        }
    }

    fn complete(&mut self, io: &Io<'_>, key: Key) -> Turn {
        let Some((client, backend)) = self.ends(key) else { return Turn::Over };
        let own = matches!(backend.to, To::Own(_));
        let State::Busy(exchange, backend) = std::mem::replace(&mut client.state, State::Idle) else {
            return Turn::Over;
        };
        let cut = client.up.is_broken();
        let clean = exchange.after == After::KeepAlive && !exchange.spare && !cut;
        let after = if cut { After::Close } else { exchange.after };
        client.up = Outbox::default();
        client.state = State::Answered { own, after, rest: if cut { exchange.body } else { Body::NONE } };
        self.release(io, backend, clean);
        Turn::Moved
    }

    fn next_request(&mut self, io: &Io<'_>, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        client.state = State::Idle;
        if client.wire.rest(io.registry).is_err() {
            return Turn::Over;
        }
        if client.inbox.is_empty() { Turn::Still } else { self.sort(io, key, 0) }
    }

    /// Passes on the end of one direction of a tunnel once its last byte is through; to do so again does nothing.
    fn half_close(&mut self, key: Key) -> Turn {
        let Some((client, backend)) = self.ends(key) else { return Turn::Over };
        let State::Busy(exchange, _) = &client.state else { return Turn::Over };
        if exchange.body.is_done() && client.up.pending() == 0 {
            backend.wire.end_write();
        }
        if exchange.stage == Stage::Done && client.down.pending() == 0 {
            client.wire.end_write();
        }
        Turn::Still
    }
}

/// Whether the response was read in full and the app wants, or gets, no more of the request.
fn is_complete(exchange: &Exchange, up: &Outbox) -> bool {
    exchange.stage == Stage::Done && (up.is_broken() || exchange.body.is_done() && up.pending() == 0)
}
