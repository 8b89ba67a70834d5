//! One connection of nginx: where it is in its requests, and what it sent. The sorting of its bytes is pure.

use std::borrow::Cow;
use std::time::Instant;

use super::answer::Answer;
use super::body::Body;
use super::exchange::{After, Exchange, Stage};
use super::framing::{self, BadHead, Method};
use super::outbox::{BOUND, Outbox};
use super::slab::Key;
use super::wire::Wire;

/// A connection that nginx made.
pub struct Client {
    /// Its socket.
    pub wire: Wire,
    /// Where it is.
    pub state: State,
    /// What was read and belongs to no request that was begun: part of a head, or a pipelined request.
    pub inbox: Vec<u8>,
    /// To the app.
    pub up: Outbox,
    /// To nginx.
    pub down: Outbox,
}

/// Where a connection is in its requests.
pub enum State {
    /// Between requests; part of a head may be there.
    Idle,
    /// A request whose app is not up, or whose successor is not to be reached.
    Waiting(Exchange),
    /// A request that was given to a backend.
    Busy(Exchange, Key),
    /// The response is in `down` in full; what is left of the request is read and thrown away.
    Answered {
        /// It is our own app's.
        own: bool,
        /// What becomes of the connection when all is sent.
        after: After,
        /// What nginx has still to send.
        rest: Body,
    },
}

/// What the end of a backend's connection means for the request it had.
pub enum Loss {
    /// Nothing: its response is complete by that.
    None,
    /// It goes to another connection: nobody acted on it, or doing it twice is no harm.
    Again,
    /// Only part of the response came.
    Cut,
    /// Nobody knows what became of it.
    All,
}

impl Client {
    /// A fresh connection.
    pub fn new(wire: Wire) -> Self {
        Self { wire, state: State::Idle, inbox: Vec::new(), up: Outbox::default(), down: Outbox::default() }
    }

    /// Whether reading on makes sense: while there is room for what comes, and to notice nginx's leaving.
    pub fn wants_more(&self) -> bool {
        match &self.state {
            State::Idle => true,
            State::Waiting(e) | State::Busy(e, _) if !e.body.is_done() => self.up.pending() < BOUND,
            State::Waiting(_) | State::Busy(..) => self.inbox.is_empty(),
            State::Answered { rest, .. } => !rest.is_done() || self.inbox.is_empty(),
        }
    }

    /// Sorts what was read into the request under way, the next one, and what has to wait; returns whether a request
    /// was begun, which somebody must then send on its way.
    pub fn sort(&mut self, bytes: &[u8], now: Instant) -> Result<bool, Answer> {
        let mut whole = Cow::Borrowed(bytes);
        if !self.inbox.is_empty() {
            whole = [std::mem::take(&mut self.inbox).as_slice(), bytes].concat().into();
        }
        let begun = if matches!(self.state, State::Idle) { self.begin(&whole, now)? } else { 0 };
        let used = begun + self.body(&whole[begun..])?;
        self.inbox = whole[used..].to_vec();
        Ok(begun > 0)
    }

    fn begin(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Answer> {
        let Some(request) = framing::request(bytes).map_err(refusal)? else { return Ok(0) };
        let len = request.len;
        self.up = Outbox::keeping();
        self.up.push(&bytes[..len]);
        self.state = State::Waiting(Exchange::new(request, now));
        Ok(len)
    }

    fn body(&mut self, bytes: &[u8]) -> Result<usize, Answer> {
        let body = match &mut self.state {
            State::Idle => return Ok(0),
            State::Waiting(e) | State::Busy(e, _) => &mut e.body,
            State::Answered { rest, .. } => return rest.feed(bytes).map_err(|_| Answer::BadRequest),
        };
        let used = body.feed(bytes).map_err(|_| Answer::BadRequest)?;
        self.up.push(&bytes[..used]);
        Ok(used)
    }

    /// The backend ended its side; `used` when it had served before, so that it may just have tidied up.
    pub fn lose(&mut self, used: bool) -> Loss {
        let State::Busy(exchange, _) = &mut self.state else { return Loss::All };
        if exchange.hear_end() {
            if !exchange.is_tunnel() {
                self.up.abandon();
            }
            return Loss::None;
        }
        match exchange.stage {
            Stage::Silent if !self.up.has_begun() || used && exchange.may_retry() && self.up.is_whole() => Loss::Again,
            Stage::Body(_) => Loss::Cut,
            _ => Loss::All,
        }
    }

    /// Ends whatever is under way with a response of ours.
    pub fn answer(&mut self, answer: Answer, after: After, rest: Body) {
        let head_only = matches!(&self.state, State::Waiting(e) | State::Busy(e, _) if e.asked.method == Method::Head);
        let is_http2 = matches!(&self.state, State::Waiting(e) | State::Busy(e, _) if e.asked.method == Method::Http2);
        // Our answers are HTTP/1; there, the end of the connection has to say it.
        if !is_http2 {
            self.down.push(&answer.bytes(after, head_only));
        }
        let rest = if is_http2 { Body::NONE } else { rest };
        self.up = Outbox::default();
        self.state = State::Answered { own: false, after, rest };
    }
}

fn refusal(bad: BadHead) -> Answer {
    match bad {
        BadHead::Garbage => Answer::BadRequest,
        BadHead::TooLarge => Answer::HeadTooLarge,
    }
}
