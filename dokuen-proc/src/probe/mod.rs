//! One look at a port or socket: does anybody listen, is it ours, what does it answer.

mod http;
mod patience;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

pub use patience::Patience;

use self::http::{body, contains, head_of, status};
use self::patience::is_late;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
}
