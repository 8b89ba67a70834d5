//! Finding a backend for a request, and letting the request wait while there is none.

use std::io;

use super::answer::Answer;
use super::backend::{Backend, Target, To};
use super::client::State;
use super::exchange::{After, Exchange};
use super::slab::{Key, Whose};
use super::{Front, Io};

impl Front {
    /// Connections of this life of the app are not used again.
    pub(super) fn end_life(&mut self) {
        self.life += 1;
        self.close_idle();
    }

    fn close_idle(&mut self) {
        for key in self.pool.clear() {
            self.backends.remove(key);
        }
    }

    /// Sends a request that was just begun, or waited, on its way, or lets it wait.
    pub(super) fn dispatch(&mut self, io: &Io<'_>, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let State::Waiting(exchange) = std::mem::replace(&mut client.state, State::Idle) else { return };
        let reached = if self.waiting.is_backing_off() { None } else { self.reach(io, key, &exchange) };
        match reached {
            Some(backend) => self.set(key, State::Busy(exchange, backend)),
            None => self.wait(io, key, exchange),
        }
    }

    fn set(&mut self, key: Key, state: State) {
        if let Some(client) = self.clients.get_mut(key) {
            client.state = state;
        }
    }

    /// Lets a request wait for another try.
    pub(super) fn wait(&mut self, io: &Io<'_>, key: Key, exchange: Exchange) {
        if self.has_aim() {
            self.waiting.back_off(io.now);
        }
        let since = exchange.since;
        self.set(key, State::Waiting(exchange));
        if !self.waiting.add(key, since) {
            self.refuse(key);
        }
    }

    /// Tries for those who wait, in their order, until one fails.
    pub(super) fn serve_waiting(&mut self, io: &mut Io<'_>) {
        while self.has_aim() && !self.waiting.is_backing_off() {
            let Some(key) = self.waiting.next() else { return };
            self.dispatch(io, key);
            self.pump(io, key);
        }
    }

    /// Answers those who waited too long.
    pub(super) fn refuse_late(&mut self, io: &mut Io<'_>) {
        for key in self.waiting.expire(io.now) {
            self.refuse(key);
            self.pump(io, key);
        }
    }

    fn refuse(&mut self, key: Key) {
        let retired = self.onward.is_some();
        let Some(client) = self.clients.get_mut(key) else { return };
        let State::Waiting(exchange) = &client.state else { return };
        let (rest, asked) = (exchange.body.clone(), exchange.after);
        let after = if rest.is_done() && !retired { asked } else { After::Close };
        client.answer(Answer::Unavailable, after, rest);
    }

    fn has_aim(&self) -> bool {
        self.own.is_some() || self.onward.is_some()
    }

    fn reach(&mut self, io: &Io<'_>, owner: Key, exchange: &Exchange) -> Option<Key> {
        match self.reach_onward(io, owner) {
            Some(Ok(key)) => return Some(key),
            // Its backlog is full: it is there, and a later try will do.
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => return None,
            Some(Err(_)) | None => {}
        }
        let app = &self.own.clone()?;
        let pooled = if exchange.retried { None } else { self.pooled(io, owner, exchange.asked.idempotent) };
        pooled.or_else(|| self.reach_own(io, owner, app).ok()).or_else(|| {
            // The last descriptors may be those of idle connections that this request must not use.
            self.close_idle();
            self.reach_own(io, owner, app).ok()
        })
    }

    fn reach_onward(&mut self, io: &Io<'_>, owner: Key) -> Option<io::Result<Key>> {
        let path = self.onward.as_deref().filter(|path| !self.door.is_at(path))?;
        let tokens = self.tokens;
        Some(self.backends.add(|key| Backend::onward(path, owner, io.registry, tokens.of(Whose::Backend(key)))))
    }

    fn reach_own(&mut self, io: &Io<'_>, owner: Key, app: &Target) -> io::Result<Key> {
        let (tokens, life) = (self.tokens, self.life);
        self.backends.add(|key| Backend::own(app, life, owner, io.registry, tokens.of(Whose::Backend(key))))
    }

    /// An idle connection to the app that is open as far as can be known.
    fn pooled(&mut self, io: &Io<'_>, owner: Key, idempotent: bool) -> Option<Key> {
        loop {
            let key = self.pool.take(idempotent, io.now)?;
            let backend = self.backends.get_mut(key)?;
            if if idempotent { !backend.wire.readable } else { backend.wire.is_quiet() } {
                backend.owner = Some(owner);
                return Some(key);
            }
            self.discard_idle(key);
        }
    }

    /// The app closed an idle connection, or sent something on it that nobody asked for.
    pub(super) fn discard_idle(&mut self, key: Key) {
        self.pool.closed(key);
        self.backends.remove(key);
    }

    /// Takes a connection back whose response is complete: for the next request, or to be closed.
    pub(super) fn release(&mut self, io: &Io<'_>, key: Key, clean: bool) {
        let (life, open) = (self.life, self.own.is_some() && self.onward.is_none());
        let Some(backend) = self.backends.get_mut(key) else { return };
        if clean && backend.used {
            self.pool.proven();
        }
        (backend.owner, backend.used) = (None, true);
        let keep = clean && open && backend.to == To::Own(life) && !backend.wire.readable;
        let left = if keep { self.pool.put(key, io.now) } else { Some(key) };
        if let Some(key) = left {
            self.backends.remove(key);
        }
    }
}
