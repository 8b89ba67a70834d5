//! From nginx to the app.

use super::answer::Answer;
use super::body::Body;
use super::client::State;
use super::exchange::{After, Stage};
use super::pump::Turn;
use super::slab::Key;
use super::wire::Got;
use super::{Front, Io};

impl Front {
    pub(super) fn send_up(&mut self, io: &mut Io<'_>, key: Key) -> Turn {
        let Some((client, backend)) = self.ends(key) else { return Turn::Still };
        if client.up.pending() == 0 || !backend.wire.writable {
            return Turn::Still;
        }
        match client.up.flush(&mut backend.wire, io.registry) {
            Ok(0) => Turn::Still,
            Ok(_) => {
                self.waiting.reached();
                Turn::Moved
            }
            Err(_) if !client.up.has_begun() => self.send_again(io, key),
            Err(_) => {
                // It takes no more, but may have answered before: 413 and a close, for one.
                backend.wire.readable = true;
                Turn::Moved
            }
        }
    }

    pub(super) fn take_in(&mut self, io: &mut Io<'_>, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        if !client.wire.readable || !client.wants_more() {
            return Turn::Still;
        }
        match client.wire.read(&mut io.scratch) {
            Got::Bytes(count) => self.sort(io, key, count),
            Got::Nothing => Turn::Still,
            Got::End => self.nginx_ended(key),
        }
    }

    pub(super) fn sort(&mut self, io: &Io<'_>, key: Key, count: usize) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        match client.sort(&io.scratch[..count], io.now) {
            Ok(true) => self.dispatch(io, key),
            Ok(false) => {}
            Err(answer) => return self.protest(key, answer),
        }
        Turn::Moved
    }

    /// Ends a connection on which something is not HTTP, with an answer if there is still room for one.
    pub(super) fn protest(&mut self, key: Key, answer: Answer) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        match &client.state {
            State::Busy(e, _) if !matches!(e.stage, Stage::Silent | Stage::Head(_)) => return Turn::Over,
            State::Busy(_, backend) => drop(self.backends.remove(*backend)),
            State::Waiting(_) => self.waiting.remove(key),
            State::Idle => {}
            State::Answered { .. } => return Turn::Over,
        }
        client.inbox = Vec::new();
        client.answer(answer, After::Close, Body::NONE);
        Turn::Moved
    }

    fn nginx_ended(&mut self, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        let State::Busy(exchange, _) = &mut client.state else { return Turn::Over };
        if !exchange.is_tunnel() {
            return Turn::Over;
        }
        exchange.body = Body::NONE;
        if client.wire.gone {
            exchange.stage = Stage::Done;
        }
        Turn::Moved
    }
}
