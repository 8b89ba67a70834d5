//! One request and its response, as far as they have come: pure, from bytes to what is passed on.

use std::borrow::Cow;
use std::time::Instant;

use super::body::Body;
use super::framing::{self, Asked, BadHead, Method, Request, Then};

/// A request whose head is known and whose response is not complete.
pub struct Exchange {
    /// What its head asked for.
    pub asked: Asked,
    /// What nginx has still to send.
    pub body: Body,
    /// How far the response is.
    pub stage: Stage,
    /// When the head was complete: waiting is counted from here.
    pub since: Instant,
    /// It was sent to a second connection already.
    pub retried: bool,
    /// What becomes of nginx's connection.
    pub after: After,
    /// The app sent more than its response: its connection cannot be trusted.
    pub spare: bool,
}

/// How far a response is.
#[derive(Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has come.
    Silent,
    /// Part of the final head, or only interim ones.
    Head(Vec<u8>),
    /// The body is passing.
    Body(Body),
    /// Both sides agreed on another protocol.
    Tunnel,
    /// The response was read in full.
    Done,
}

/// What becomes of nginx's connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It stays for the next request.
    KeepAlive,
    /// It ends: a head said so, or only its end tells where the response ends.
    Close,
}

/// The app's bytes are not a response that can be passed on.
#[derive(Debug, PartialEq, Eq)]
pub struct BadResponse;

impl Exchange {
    /// A request of which nothing was sent.
    pub fn new(request: Request, now: Instant) -> Self {
        let after = if request.asked.close { After::Close } else { After::KeepAlive };
        let Request { asked, body, .. } = request;
        Self { asked, body, stage: Stage::Silent, since: now, retried: false, after, spare: false }
    }

    /// Whether messages are over and bytes go both ways.
    pub fn is_tunnel(&self) -> bool {
        // No request lasts until its end: that is how a tunnel is known when the app's side is over.
        self.stage == Stage::Tunnel || self.body == Body::UntilEnd
    }

    /// Whether a second try can do no harm: asked for once, and nothing was answered.
    pub fn may_retry(&self) -> bool {
        self.asked.idempotent && !self.retried && self.stage == Stage::Silent
    }

    /// Whether nginx asks again when its connection ends now.
    pub fn may_be_repeated(&self) -> bool {
        self.asked.idempotent && matches!(self.stage, Stage::Silent | Stage::Head(_))
    }

    /// The app ended its side: whether the response is complete by that.
    pub fn hear_end(&mut self) -> bool {
        let whole = matches!(self.stage, Stage::Tunnel | Stage::Done | Stage::Body(Body::UntilEnd));
        if whole {
            self.stage = Stage::Done;
        }
        whole
    }

    /// Takes bytes of the app and returns those to pass on; `retiring` asks nginx not to use its connection again.
    pub fn hear<'a>(&mut self, bytes: &'a [u8], retiring: bool) -> Result<Cow<'a, [u8]>, BadResponse> {
        if self.stage == Stage::Silent && self.asked.method == Method::Http2 {
            self.stage = Stage::Tunnel;
        }
        let (whole, mut end) = match self.stage {
            Stage::Silent | Stage::Head(_) => self.hear_heads(bytes, retiring)?,
            _ => (bytes.into(), 0),
        };
        end += self.body(&whole[end..])?;
        self.spare |= end < whole.len();
        Ok(first(whole, end))
    }

    /// From the final head on, and the length of that head; nothing while it is not there. Interim heads (100, 102, 103) stay
    /// here: nginx as a proxy takes each of them for the answer.
    fn hear_heads<'a>(&mut self, bytes: &'a [u8], retiring: bool) -> Result<(Cow<'a, [u8]>, usize), BadResponse> {
        let mut whole = self.with_earlier(bytes);
        let mut from = 0;
        loop {
            let Some(head) = self.head(&whole[from..])? else {
                self.stage = Stage::Head(whole[from..].to_vec());
                return Ok((Cow::Borrowed(&[]), 0));
            };
            if head.then == Then::Interim {
                from += head.len;
            } else if retiring && leaves_open(&head.then) {
                (whole, from) = (framing::insert_close(&whole[from..]).into(), 0);
            } else {
                self.enter(head.then);
                return Ok((behind(whole, from), head.len));
            }
        }
    }

    fn with_earlier<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match &mut self.stage {
            Stage::Head(earlier) if !earlier.is_empty() => [earlier, bytes].concat().into(),
            _ => bytes.into(),
        }
    }

    fn head(&self, bytes: &[u8]) -> Result<Option<framing::Response>, BadResponse> {
        framing::response(bytes, self.asked).map_err(|_: BadHead| BadResponse)
    }

    fn enter(&mut self, then: Then) {
        self.stage = match then {
            Then::Interim => Stage::Head(Vec::new()),
            Then::Tunnel => {
                (self.body, self.after) = (Body::UntilEnd, After::Close);
                Stage::Tunnel
            }
            Then::Body { body, close } => {
                if close {
                    self.after = After::Close;
                }
                Stage::Body(body)
            }
        };
    }

    fn body(&mut self, bytes: &[u8]) -> Result<usize, BadResponse> {
        let used = match &mut self.stage {
            Stage::Body(body) => body.feed(bytes).map_err(|_| BadResponse)?,
            Stage::Tunnel => bytes.len(),
            Stage::Silent | Stage::Head(_) | Stage::Done => 0,
        };
        if matches!(&self.stage, Stage::Body(body) if body.is_done()) {
            self.stage = Stage::Done;
        }
        Ok(used)
    }
}

/// Whether nginx would keep its connection after this head, so that the word has to be put in.
fn leaves_open(then: &Then) -> bool {
    matches!(then, Then::Body { close: false, .. })
}

fn behind(bytes: Cow<'_, [u8]>, from: usize) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(all) => all[from..].into(),
        Cow::Owned(mut all) => {
            all.drain(..from);
            all.into()
        }
    }
}

fn first(bytes: Cow<'_, [u8]>, count: usize) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(all) => all[..count].into(),
        Cow::Owned(mut all) => {
            all.truncate(count);
            all.into()
        }
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
