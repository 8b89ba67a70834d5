//! One look at a port or socket: does anybody listen, is it ours, does it answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What a request to `/` of a new instance brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nobody listens.
    Refused,
    /// The status of an HTTP answer.
    Status(u16),
    /// Something listened but gave no HTTP answer: why.
    Nothing(String),
}

/// What is asked, and how long one answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The host name.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// For each read and write.
    pub patience: Duration,
}

/// Asks at a port.
pub fn ask(address: SocketAddr, question: Question<'_>) -> Answer {
    answer(TcpStream::connect_timeout(&address, question.patience), question, |stream| {
        stream.set_read_timeout(Some(question.patience))?;
        stream.set_write_timeout(Some(question.patience))
    })
}

/// Asks at a unix socket.
pub fn ask_unix(socket: &Path, question: Question<'_>) -> Answer {
    answer(UnixStream::connect(socket), question, |stream| {
        stream.set_read_timeout(Some(question.patience))?;
        stream.set_write_timeout(Some(question.patience))
    })
}

fn answer<S: Read + Write>(
    connected: std::io::Result<S>,
    question: Question<'_>,
    limit: impl Fn(&S) -> std::io::Result<()>,
) -> Answer {
    let refused = |kind| matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::NotFound);
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(e) if refused(e.kind()) => return Answer::Refused,
        Err(e) => return Answer::Nothing(e.to_string()),
    };
    match limit(&stream).and_then(|()| exchange(&mut stream, question)) {
        Ok(head) => status(&head).map_or_else(|| Answer::Nothing("the answer is not HTTP".to_owned()), Answer::Status),
        Err(e) => Answer::Nothing(e.to_string()),
    }
}

fn exchange(stream: &mut (impl Read + Write), question: Question<'_>) -> std::io::Result<Vec<u8>> {
    let Question { host, path, .. } = question;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: dokuen-check\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut chunk = [0; 512];
    // The status line is all that counts; a body that never ends is not waited for.
    while !head.contains(&b'\n') && head.len() < 4096 {
        match stream.read(&mut chunk)? {
            0 => break,
            count => head.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(head)
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
}
