//! From the app to nginx.

use super::answer::Answer;
use super::backend::To;
use super::body::Body;
use super::client::{Loss, State};
use super::exchange::After;
use super::outbox::BOUND;
use super::pump::Turn;
use super::slab::Key;
use super::wire::Got;
use super::{Front, Io};

impl Front {
    pub(super) fn send_down(&mut self, io: &mut Io<'_>, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        if client.down.pending() == 0 || !client.wire.writable {
            return Turn::Still;
        }
        match client.down.flush(&mut client.wire, io.registry) {
            Ok(0) => Turn::Still,
            Ok(_) => Turn::Moved,
            Err(_) => Turn::Over,
        }
    }

    pub(super) fn take_back(&mut self, io: &mut Io<'_>, key: Key) -> Turn {
        let Some((client, backend)) = self.ends(key) else { return Turn::Still };
        if !backend.wire.readable || client.down.pending() >= BOUND {
            return Turn::Still;
        }
        match backend.wire.read(&mut io.scratch) {
            Got::Bytes(count) => self.hear(io, key, count),
            Got::Nothing => Turn::Still,
            Got::End => self.app_ended(io, key),
        }
    }

    fn hear(&mut self, io: &Io<'_>, key: Key, count: usize) -> Turn {
        let retiring = self.onward.is_some();
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        let State::Busy(exchange, _) = &mut client.state else { return Turn::Over };
        let Ok(bytes) = exchange.hear(&io.scratch[..count], retiring) else {
            return self.protest(key, Answer::BadGateway);
        };
        client.up.forget();
        let passed = client.down.pass(&bytes, &mut client.wire, io.registry);
        // What nginx sent ahead of the switch of protocols is the tunnel's.
        let ahead = exchange.is_tunnel() && !client.inbox.is_empty();
        if passed.is_err() || ahead && client.sort(&[], io.now).is_err() { Turn::Over } else { Turn::Moved }
    }

    fn app_ended(&mut self, io: &Io<'_>, key: Key) -> Turn {
        let Some((client, backend)) = self.ends(key) else { return Turn::Over };
        let (used, own) = (backend.used, matches!(backend.to, To::Own(_)));
        match client.lose(used) {
            Loss::None => Turn::Moved,
            Loss::Again => self.send_again(io, key),
            Loss::Cut => {
                // What came is passed on before nginx is told, by the close, that it is not all.
                let cut = State::Answered { own, after: After::Close, rest: Body::NONE };
                if let State::Busy(_, backend) = std::mem::replace(&mut client.state, cut) {
                    self.backends.remove(backend);
                }
                Turn::Moved
            }
            Loss::All => self.lose(key),
        }
    }

    /// nginx is told by a close, and may ask again. What is lost here a second time, or cannot be known again, is answered.
    fn lose(&mut self, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        let repeated = matches!(&client.state, State::Busy(exchange, _) if exchange.may_be_repeated());
        if repeated && client.up.whole().is_none_or(|request| self.lost.again(request)) {
            return self.protest(key, Answer::Lost);
        }
        Turn::Over
    }

    /// The backend is gone and cannot have acted on the request, or may act twice: on to another one.
    pub(super) fn send_again(&mut self, io: &Io<'_>, key: Key) -> Turn {
        let Some(client) = self.clients.get_mut(key) else { return Turn::Over };
        let State::Busy(mut exchange, backend) = std::mem::replace(&mut client.state, State::Idle) else {
            return Turn::Over;
        };
        exchange.retried |= client.up.has_begun();
        let used = self.backends.remove(backend).is_some_and(|b| b.used);
        if !client.up.rewind() {
            return Turn::Over;
        }
        if used {
            client.state = State::Waiting(exchange);
            self.dispatch(io, key);
        } else {
            self.wait(io, key, exchange);
        }
        Turn::Moved
    }
}
