//! From the head of a message to where the message ends: pure, and the only reader of header lines.

use std::mem::MaybeUninit;

use httparse::{EMPTY_HEADER, Header, ParserConfig, Status};

use super::body::Body;
use super::chunked::Chunked;

/// A head that does not fit here is refused: 431 for a request, 502 for a response.
pub const MOST_HEAD: usize = 64 * 1024;
/// Header lines that are read without touching the heap.
const USUAL_LINES: usize = 96;
/// Header lines beyond which a head counts as too large.
const MOST_LINES: usize = 2048;

/// Why a head cannot be framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadHead {
    /// Not HTTP/1, or two readers could disagree about where it ends.
    Garbage,
    /// More than [`MOST_HEAD`] bytes or [`MOST_LINES`] lines.
    TooLarge,
}

/// The head of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes of the head.
    pub len: usize,
    /// What must be remembered to frame the response.
    pub asked: Asked,
    /// What follows the head.
    pub body: Body,
}

/// What a request's head means for its response and for sending it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// HEAD, CONNECT, HTTP/2, or anything else.
    pub method: Method,
    /// Whether doing it twice does no more than once (RFC 9110, 9.2.2).
    pub idempotent: bool,
    /// The asker will not use the connection again.
    pub close: bool,
}

/// The methods whose responses are framed in their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Its response has no body, whatever its head says.
    Head,
    /// Its success is a tunnel.
    Connect,
    /// The first bytes of HTTP/2: what follows is not ours to read.
    Http2,
    /// Framed by its response's head alone.
    Other,
}

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// Bytes of the head.
    pub len: usize,
    /// What follows the head.
    pub then: Then,
}

/// What comes after a response's head.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// Another head: this was 100, 102 or 103.
    Interim,
    /// Bytes without messages, both ways.
    Tunnel,
    /// The body; `close` when the connection ends with it.
    Body {
        /// What is left of the response.
        body: Body,
        /// Both ends know from this head that the connection is not used again.
        close: bool,
    },
}

/// What every connection of HTTP/2 begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The preface as a request that lasts until its end; `None` for anything else.
fn http2(bytes: &[u8]) -> Option<Option<Request>> {
    let asked = Asked { method: Method::Http2, idempotent: false, close: true };
    let whole = || Request { len: PREFACE.len(), asked, body: Body::UntilEnd };
    // Four bytes tell: no method of HTTP/1 is `PRI`.
    if bytes.starts_with(PREFACE) {
        Some(Some(whole()))
    } else {
        (bytes.len() >= 4 && PREFACE.starts_with(bytes)).then_some(None)
    }
}

/// Reads a request's head; `None` while it is incomplete.
pub fn request(bytes: &[u8]) -> Result<Option<Request>, BadHead> {
    if let Some(request) = http2(bytes) {
        return Ok(request);
    }
    with_lines(|lines| {
        let mut parsed = httparse::Request::new(&mut []);
        let Some(len) = complete(bytes, parsed.parse_with_uninit_headers(bytes, lines))? else { return Ok(None) };
        let fields = Fields::read(parsed.headers)?;
        let asked = Asked::new(parsed.method.unwrap_or_default(), fields.closes(parsed.version));
        Ok(Some(Request { len, asked, body: fields.request_body(parsed.version)? }))
    })
}

/// Reads a response's head; `None` while it is incomplete.
pub fn response(bytes: &[u8], asked: Asked) -> Result<Option<Response>, BadHead> {
    // As lenient as nginx is with its upstreams: an odd header line of the app is not ours to refuse.
    let mut config = ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true).allow_obsolete_multiline_headers_in_responses(true);
    config.ignore_invalid_headers_in_responses(true).allow_multiple_spaces_in_response_status_delimiters(true);
    with_lines(|lines| {
        let mut parsed = httparse::Response::new(&mut []);
        let outcome = config.parse_response_with_uninit_headers(&mut parsed, bytes, lines);
        let Some(len) = complete(bytes, outcome)? else { return Ok(None) };
        let fields = Fields::read(parsed.headers)?;
        let then = fields.after(parsed.code.unwrap_or_default(), asked, parsed.version);
        Ok(Some(Response { len, then }))
    })
}

/// The bytes of a response, which begin with its head, with `Connection: close` right after the status line.
pub fn insert_close(response: &[u8]) -> Vec<u8> {
    const LINE: &[u8] = b"Connection: close\r\n";
    let at = response.iter().position(|b| *b == b'\n').map_or(response.len(), |i| i + 1);
    [&response[..at], LINE, &response[at..]].concat()
}

type Lines<'a, 'b> = &'b mut [MaybeUninit<Header<'a>>];

fn with_lines<'a, T>(parse: impl Fn(Lines<'a, '_>) -> Result<T, BadHead>) -> Result<T, BadHead> {
    match parse(&mut [const { MaybeUninit::uninit() }; USUAL_LINES]) {
        Err(BadHead::TooLarge) => parse(&mut vec![MaybeUninit::new(EMPTY_HEADER); MOST_LINES]),
        other => other,
    }
}

fn complete(bytes: &[u8], outcome: httparse::Result<usize>) -> Result<Option<usize>, BadHead> {
    match outcome {
        Ok(Status::Complete(len)) if len <= MOST_HEAD => Ok(Some(len)),
        Ok(Status::Partial) if bytes.len() < MOST_HEAD => Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(BadHead::TooLarge),
        Err(_) => Err(BadHead::Garbage),
    }
}

impl Asked {
    fn new(method: &str, close: bool) -> Self {
        let idempotent = matches!(method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "TRACE");
        let method = match method {
            "HEAD" => Method::Head,
            "CONNECT" => Method::Connect,
            _ => Method::Other,
        };
        Self { method, idempotent, close }
    }
}

/// The header lines that frame a message.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
}

/// The last transfer coding: only `chunked` tells where the body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
}

impl Fields {
    fn read(headers: &[Header<'_>]) -> Result<Self, BadHead> {
        let mut fields = Self::default();
        for header in headers {
            fields.line(header.name, header.value)?;
        }
        Ok(fields)
    }

    fn line(&mut self, name: &str, value: &[u8]) -> Result<(), BadHead> {
        if name.eq_ignore_ascii_case("content-length") {
            return elements(value).try_for_each(|e| self.length(e));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            let last = elements(value).last().ok_or(BadHead::Garbage)?;
            self.coding = Some(if last.eq_ignore_ascii_case(b"chunked") { Coding::Chunked } else { Coding::Other });
        } else if name.eq_ignore_ascii_case("connection") {
            self.close |= elements(value).any(|e| e.eq_ignore_ascii_case(b"close"));
            self.keep_alive |= elements(value).any(|e| e.eq_ignore_ascii_case(b"keep-alive"));
        }
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), BadHead> {
        let digits = str::from_utf8(value).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
        let length = digits.and_then(|t| t.parse().ok()).ok_or(BadHead::Garbage)?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(BadHead::Garbage),
            _ => Ok(()),
        }
    }

    fn closes(&self, version: Option<u8>) -> bool {
        self.close || version != Some(1) && !self.keep_alive
    }

    fn request_body(&self, version: Option<u8>) -> Result<Body, BadHead> {
        match (self.coding, self.length) {
            (None, length) => Ok(Body::Length(length.unwrap_or(0))),
            (Some(Coding::Chunked), None) if version == Some(1) => Ok(Body::Chunked(Chunked::new())),
            // Two lengths, or one that only the app could know: the classic ways to smuggle a second request.
            (Some(_), _) => Err(BadHead::Garbage),
        }
    }

    fn after(&self, status: u16, asked: Asked, version: Option<u8>) -> Then {
        match (status, asked.method) {
            (101, _) | (200..300, Method::Connect) => Then::Tunnel,
            (100..200, _) => Then::Interim,
            (204 | 304, _) | (_, Method::Head) => self.then_body(Body::NONE, version),
            _ => self.then_body(self.response_body(), version),
        }
    }

    fn response_body(&self) -> Body {
        match (self.coding, self.length) {
            (Some(Coding::Chunked), _) => Body::Chunked(Chunked::new()),
            (None, Some(length)) => Body::Length(length),
            (Some(Coding::Other), _) | (None, None) => Body::UntilEnd,
        }
    }

    fn then_body(&self, body: Body, version: Option<u8>) -> Then {
        let close = body == Body::UntilEnd || self.closes(version);
        Then::Body { body, close }
    }
}

/// The elements of a comma-separated list.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|e| !e.is_empty())
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
