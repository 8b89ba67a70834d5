//! One look at a port or socket: does anybody listen, is it ours, what does it answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::check::Request;

/// What a request to a new instance brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nobody listens.
    Refused,
    /// An HTTP answer.
    Http {
        /// Its status.
        status: u16,
        /// Whether its body holds what it must.
        holds: bool,
    },
    /// Somebody listens, and has as many connections waiting as may.
    Full,
    /// Something listened but gave no HTTP answer: why.
    Nothing(String),
}

/// How long is waited for each read and write, and for all of the body, and what ends it before.
#[derive(Debug, Clone, Copy)]
pub struct Patience<'a> {
    pub most: Duration,
    /// Set: it is not to be waited for any more.
    pub cancel: Option<&'a AtomicBool>,
}

/// What is asked, and how long one answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The host name, where the request names none.
    pub host: &'a str,
    /// The request.
    pub request: &'a Request,
    /// For its answer.
    pub patience: Patience<'a>,
}

/// Asks at a port whether HTTP/2 is spoken there from the first byte: [`Answer::Http`] when it is.
pub fn greet(address: SocketAddr, patience: Patience<'_>) -> Answer {
    greeted(TcpStream::connect_timeout(&address, patience.most).and_then(|stream| patience.with(stream)))
}

/// As [`greet`], at a unix socket.
pub fn greet_unix(socket: &Path, patience: Patience<'_>) -> Answer {
    greeted(connect(socket).and_then(|stream| patience.with(stream)))
}

/// Asks at a port.
pub fn ask(address: SocketAddr, question: Question<'_>) -> Answer {
    let connected = TcpStream::connect_timeout(&address, question.patience.most);
    answer(connected.and_then(|stream| question.patience.with(stream)), question)
}

/// Asks at a unix socket.
pub fn ask_unix(socket: &Path, question: Question<'_>) -> Answer {
    answer(connect(socket).and_then(|stream| question.patience.with(stream)), question)
}

/// Waits for nobody: where the app's backlog is full, a connect that blocks would, until the app accepts.
fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    let stream = UnixStream::from(OwnedFd::from(mio::net::UnixStream::connect(socket)?));
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// How often is looked whether it is to be waited on.
const SLICE: Duration = Duration::from_millis(100);

impl<'a> Patience<'a> {
    fn with<S: Timed>(self, stream: S) -> std::io::Result<Patient<'a, S>> {
        stream.limit(self.most.min(SLICE), self.most)?;
        Ok(Patient { stream, patience: self })
    }

    fn is_over(&self, until: Instant) -> bool {
        Instant::now() >= until || self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }
}

/// A stream that is read in slices of its patience.
struct Patient<'a, S> {
    stream: S,
    patience: Patience<'a>,
}

impl<S: Read> Read for Patient<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let until = Instant::now() + self.patience.most;
        loop {
            match self.stream.read(into) {
                Err(e) if is_late(&e) && !self.patience.is_over(until) => {}
                done => return done,
            }
        }
    }
}

impl<S: Write> Write for Patient<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A stream whose reads and writes end in time.
trait Timed {
    fn limit(&self, read: Duration, write: Duration) -> std::io::Result<()>;
}

impl Timed for TcpStream {
    fn limit(&self, read: Duration, write: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(read)).and_then(|()| self.set_write_timeout(Some(write)))
    }
}

impl Timed for UnixStream {
    fn limit(&self, read: Duration, write: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(read)).and_then(|()| self.set_write_timeout(Some(write)))
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn answer(connected: std::io::Result<impl Read + Write>, question: Question<'_>) -> Answer {
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(e) => return unconnected(&e),
    };
    let asked = stream.write_all(&head_of(question));
    match asked.and_then(|()| listen(&mut stream, question)) {
        Ok((said, holds)) => match status(&said) {
            Some(status) => Answer::Http { status, holds },
            None => Answer::Nothing("the answer is not HTTP".to_owned()),
        },
        Err(e) => Answer::Nothing(e.to_string()),
    }
}

fn unconnected(error: &std::io::Error) -> Answer {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => Answer::Refused,
        ErrorKind::WouldBlock => Answer::Full,
        _ => Answer::Nothing(error.to_string()),
    }
}

/// The preface and settings that change nothing; a server begins with its own settings (RFC 9113, 3.4).
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The kind of a frame of settings, and where it stands.
const SETTINGS: (usize, u8) = (3, 4);

fn greeted(connected: std::io::Result<impl Read + Write>) -> Answer {
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(e) => return unconnected(&e),
    };
    let mut frame = [0; 9];
    let greeting = stream.write_all(GREETING).and_then(|()| stream.read_exact(&mut frame));
    match greeting {
        Ok(()) if frame[SETTINGS.0] == SETTINGS.1 => Answer::Http { status: 200, holds: true },
        Ok(()) => Answer::Nothing("it does not speak HTTP/2".to_owned()),
        Err(e) => Answer::Nothing(format!("it does not speak HTTP/2: {e}")),
    }
}

fn head_of(Question { host, request, .. }: Question<'_>) -> Vec<u8> {
    let own = |name: &str| request.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let mut head = format!("GET {} HTTP/1.1\r\n", request.path);
    for (name, value) in [("Host", host), ("User-Agent", "dokuen-check"), ("Accept", "*/*")] {
        if !own(name) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("Connection: close\r\n\r\n");
    head.into_bytes()
}

/// More of an answer is not looked through.
const MOST: usize = 1024 * 1024;
/// What has no line end by then is no HTTP.
const MOST_OF_A_LINE: usize = 4096;

/// What came, and whether its body holds what it must. Where nothing is looked for, the status line is all that counts: a
/// body that never ends is not waited for.
fn listen(stream: &mut impl Read, question: Question<'_>) -> std::io::Result<(Vec<u8>, bool)> {
    let until = Instant::now() + question.patience.most;
    let wanted = question.request.content.as_deref().map(str::as_bytes);
    let (mut said, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let holds = wanted.is_none_or(|wanted| contains(&body(&said), wanted));
        let has_line = said.contains(&b'\n');
        let most = if wanted.is_none() { MOST_OF_A_LINE } else { MOST };
        if has_line && holds || said.len() >= most || Instant::now() >= until {
            return Ok((said, holds));
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Ok((said, holds)),
            Ok(count) => said.extend_from_slice(&chunk[..count]),
            // It keeps the connection, and has said all that it had to say.
            Err(e) if has_line && is_late(&e) => return Ok((said, holds)),
            Err(e) => return Err(e),
        }
    }
}

/// What of the body has come so far, its chunks put together.
fn body(said: &[u8]) -> Vec<u8> {
    let Some(end) = said.windows(4).position(|four| four == b"\r\n\r\n") else { return Vec::new() };
    let (head, body) = (String::from_utf8_lossy(&said[..end]).to_ascii_lowercase(), &said[end + 4..]);
    let chunked = head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    if chunked { unchunked(body) } else { body.to_vec() }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).unwrap_or_default();
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).unwrap_or(0);
        let data = &rest[end + 2..];
        whole.extend_from_slice(&data[..size.min(data.len())]);
        // The end of its line belongs to the chunk.
        let next = size.saturating_add(2);
        if size == 0 || next > data.len() {
            break;
        }
        rest = &data[next..];
    }
    whole
}

fn contains(body: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || body.windows(wanted.len()).any(|part| part == wanted)
}

/// The status in `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|b| *b == b'\r' || *b == b'\n').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_from_http_and_from_nothing_else() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nX: y\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503\r\n"), Some(503));
        for bad in [&b"SSH-2.0-x\r\n"[..], b"", b"HTTP/1.1\r\n", b"HTTP/1.1 abc\r\n", b"\xff\xfe"] {
            assert_eq!(status(bad), None);
        }
    }

    #[test]
    fn a_body_is_put_together_however_it_comes() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nrea\r\n2;x=y\r\ndy\r\n0\r\n\r\n";
        assert_eq!(body(chunked), b"ready");
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"), b"ready");
        for cut in 0..chunked.len() {
            assert!(b"ready".starts_with(&body(&chunked[..cut])), "{cut}");
        }
        for odd in ["zz\r\nx", "ffffffffffffffff\r\nx", "5\r\n", "-1\r\nx", "\r\n\r\n"] {
            let said = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{odd}");
            assert!(body(said.as_bytes()).len() <= 1, "{odd}");
        }
    }

    /// Bytes without an end and without a line, a few at a time.
    struct Drip(usize);

    impl Read for Drip {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            assert!(self.0 < 10_000, "it is read on and on");
            std::thread::sleep(Duration::from_millis(1));
            into[..100].fill(b'x');
            Ok(100)
        }
    }

    #[test]
    fn what_never_ends_a_line_is_left_when_the_time_is_over() {
        for content in [None, Some("ready".to_owned())] {
            let request = Request { content, ..Request::to("/") };
            let patience = Patience { most: Duration::from_millis(20), cancel: None };
            let question = Question { host: "a.test", request: &request, patience };
            let (said, _) = listen(&mut Drip(0), question).unwrap();
            assert!(status(&said).is_none() && said.len() < MOST);
        }
    }

    #[test]
    fn a_request_says_what_it_is_told_to_say() {
        let plain = Request::to("/a");
        let patience = Patience { most: Duration::from_secs(1), cancel: None };
        let question = |request| Question { host: "a.test", request, patience };
        let head = String::from_utf8(head_of(question(&plain))).unwrap();
        assert!(head.starts_with("GET /a HTTP/1.1\r\nHost: a.test\r\nUser-Agent: dokuen-check\r\n"), "{head}");
        let headers = vec![("host".to_owned(), "b.test".to_owned()), ("X-A".to_owned(), "1".to_owned())];
        let other = Request { headers, ..Request::to("/") };
        let head = String::from_utf8(head_of(question(&other))).unwrap();
        assert!(head.contains("\r\nhost: b.test\r\nX-A: 1\r\n") && !head.contains("a.test"), "{head}");
    }
}
