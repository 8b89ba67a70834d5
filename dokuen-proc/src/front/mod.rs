//! The front of an instance: nginx connects to a unix socket that the wrapper owns, and the front passes its requests
//! on to the app at its TCP port. It loses no request when releases switch; all else here follows from that.
//!
//! # Why it reads HTTP
//! nginx keeps its connections to an upstream and sends the next request on one at a time of its choosing. Whoever
//! closes such a connection on his own may close it just as a request arrives, and a POST that was met by a close cannot
//! be sent again. So the front never closes a connection that nginx may be about to use. It closes one only when nginx
//! did, after a response whose head said `Connection: close` or that can be ended in no other way, and after bytes that
//! are not HTTP. For that it must know exactly where each request and response ends (`framing`, `body`, `chunked`,
//! `exchange`: pure), and nothing more: bytes pass as they are, but for one header line (see [`Front::retire`]).
//!
//! # What it promises
//! - A request that the app cannot have seen is never lost: it goes to another connection, or waits (`waiting`) until
//!   the app is up, up to ten seconds; then it is answered with 503.
//! - A request that the app may have seen is sent a second time only if it is idempotent, was sent on a connection that
//!   had served before, and no byte of an answer came; at most once (RFC 9110, 9.2.2).
//! - Otherwise the front ends nginx's connection as the app ended its own, without an answer: nginx then does what it
//!   would do without a front in between (`proxy_next_upstream error` for what may be repeated, 502 for what may not),
//!   which a 502 of ours would prevent. A request over which the app ends twice is given that 502 (`lost`): nginx would
//!   go on as long as there are slots, and each try may cost a life.
//! - Backpressure: a side is read only while little is pending for the other, so memory is bounded by the number of
//!   connections, not by what passes. An idle connection has no buffer at all.
//!
//! # How it is driven
//! It has no thread and no timer. The wrapper's loop hands it mio's events, and calls [`Front::tick`] when
//! [`Front::next_deadline`] has come. A restart without a loss is [`Front::hold`], wait until [`Front::in_flight`] is
//! zero (or patience ends), end the app, start it, [`Front::open`].

mod answer;
mod backend;
mod body;
mod chunked;
mod client;
mod door;
mod down;
mod exchange;
mod framing;
mod lost;
mod outbox;
mod pool;
mod pump;
mod reach;
mod settle;
mod slab;
mod up;
mod waiting;
mod wire;

use std::path::{Path, PathBuf};
use std::time::Instant;

use mio::Registry;
use mio::event::Event;

pub use backend::Target;
use backend::{Backend, To};
use client::{Client, State};
use door::Door;
pub use door::{FrontError, MODE};
use lost::Lost;
use pool::Pool;
use slab::{Slab, Tokens, Whose};
use waiting::Waiting;

/// One read takes at most this much.
const SCRATCH: usize = 64 * 1024;

/// A listening socket, the connections nginx made to it, and those that were made for their requests.
pub struct Front {
    door: Door,
    tokens: Tokens,
    clients: Slab<Client>,
    backends: Slab<Backend>,
    pool: Pool,
    waiting: Waiting,
    lost: Lost,
    own: Option<Target>,
    /// Counts the app's lives: a connection of an earlier one is never used again.
    life: u64,
    onward: Option<PathBuf>,
    /// All reads go through here; there while there are connections.
    scratch: Vec<u8>,
}

/// What every step needs from outside.
struct Io<'a> {
    registry: &'a Registry,
    scratch: Vec<u8>,
    now: Instant,
}

impl Front {
    /// Listens at `path` (mode 0660), taking it over by rename from whoever had it, so that it is never missing.
    /// All tokens from `first_token` on are the front's. Requests wait until [`Front::open`].
    pub fn bind(path: &Path, registry: &Registry, first_token: usize) -> Result<Self, FrontError> {
        let tokens = Tokens { first: first_token };
        let door = Door::bind(path, registry, tokens.of(Whose::Listener))?;
        Ok(Self {
            door,
            tokens,
            clients: Slab::new(),
            backends: Slab::new(),
            pool: Pool::default(),
            waiting: Waiting::new(),
            lost: Lost::default(),
            own: None,
            life: 0,
            onward: None,
            scratch: Vec::new(),
        })
    }

    /// Listens at `path` anew, where in the meantime something else was found. Connections that were made before are
    /// served on.
    pub fn rebind(&mut self, path: &Path, registry: &Registry) -> Result<(), FrontError> {
        self.act(registry, Instant::now(), |front, io| front.accept(io));
        self.door.close(registry);
        self.door = Door::bind(path, registry, self.tokens.of(Whose::Listener))?;
        Ok(())
    }

    /// Takes an event of the loop; one that is not the front's, or that comes too late, is ignored.
    pub fn event(&mut self, registry: &Registry, event: &Event) {
        let Some(whose) = self.tokens.whose(event.token()) else { return };
        self.act(registry, Instant::now(), |front, io| match whose {
            Whose::Listener => front.accept(io),
            Whose::Client(key) => front.client_event(io, key, event),
            Whose::Backend(key) => front.backend_event(io, key, event),
        });
    }

    /// The app may be connected to at `to`: requests held so far go on.
    pub fn open(&mut self, registry: &Registry, to: impl Into<Target>) {
        let to = Some(to.into());
        if self.own != to {
            self.end_life();
        }
        self.own = to;
        self.waiting.reset();
        self.act(registry, Instant::now(), Self::serve_waiting);
    }

    /// The app is down, restarting, or about to be: new requests wait, those under way end as they will. Idle
    /// connections to it are closed, so that an app that waits for them can end.
    pub fn hold(&mut self) {
        self.own = None;
        self.end_life();
    }

    /// The route leads elsewhere now, and `onward` is a path through it. Requests under way finish on our own app; new
    /// ones on connections that nginx still has go onward. Every response head from now on asks nginx by
    /// `Connection: close` to leave its connection to us; idle ones stay open until nginx ends them, which takes as long
    /// as its `keepalive_timeout`. So once [`Front::in_flight`] is zero the app may be ended, but the front must be
    /// driven on until [`Front::connections`] is zero too.
    ///
    /// If `onward` is not to be reached, or leads back here, our own app is asked if it is still open, and else the
    /// request waits.
    pub fn retire(&mut self, registry: &Registry, onward: &Path) {
        self.onward = Some(onward.to_owned());
        self.end_life();
        self.waiting.reset();
        self.act(registry, Instant::now(), Self::serve_waiting);
    }

    /// The route leads here again: a rollback to a release that was still warm.
    pub fn revive(&mut self, registry: &Registry) {
        self.onward = None;
        self.waiting.reset();
        self.act(registry, Instant::now(), Self::serve_waiting);
    }

    /// Requests that our own app was given and whose responses nginx has not got in full; a tunnel counts as one.
    pub fn in_flight(&self) -> usize {
        let is_own = |client: &&Client| match client.state {
            State::Busy(_, key) => self.backends.get(key).is_some_and(|b| matches!(b.to, To::Own(_))),
            State::Answered { own, .. } => own && client.down.pending() > 0,
            State::Idle | State::Waiting(_) => false,
        };
        self.clients.iter().filter(is_own).count()
    }

    /// Connections of nginx that are still open.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// When [`Front::tick`] is to be called; never, while nothing waits and no connection to the app is idle.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.pool.deadline(), self.waiting.deadline(), self.door.paused_until()].into_iter().flatten().min()
    }

    /// Does what has become due: waiting requests are tried again or refused, idle connections to the app closed.
    pub fn tick(&mut self, registry: &Registry, now: Instant) {
        for key in self.pool.expire(now) {
            self.backends.remove(key);
        }
        self.act(registry, now, |front, io| {
            front.refuse_late(io);
            if front.waiting.is_due(now) {
                front.serve_waiting(io);
            }
            if front.door.paused_until().is_some_and(|at| at <= now) {
                front.accept(io);
            }
        });
    }

    /// Whether [`Front::rest`] would give memory back.
    pub fn is_large(&self) -> bool {
        self.scratch.capacity() > 0 || self.clients.can_rest() || self.backends.can_rest()
    }

    /// Nothing has come for a while: gives back what only a request needs.
    pub fn rest(&mut self) {
        self.scratch = Vec::new();
        self.clients.rest();
        self.backends.rest();
    }

    /// Takes no more connections; those that are open live on. The path is left alone: it may be another's by now.
    pub fn stop_listening(&mut self, registry: &Registry) {
        self.door.close(registry);
    }

    /// Lends out the scratch buffer, which exists while there are connections.
    fn act(&mut self, registry: &Registry, now: Instant, action: impl FnOnce(&mut Self, &mut Io<'_>)) {
        let mut io = Io { registry, scratch: std::mem::take(&mut self.scratch), now };
        action(self, &mut io);
        if self.clients.len() > 0 {
            self.scratch = io.scratch;
        }
    }
}
