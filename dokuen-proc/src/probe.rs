//! One look at a port: does anybody listen, is it ours, does it answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
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

/// Asks for `path` with the app's host name.
pub fn ask(address: SocketAddr, host: &str, path: &str, patience: Duration) -> Answer {
    let mut stream = match TcpStream::connect_timeout(&address, patience) {
        Ok(stream) => stream,
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => return Answer::Refused,
        Err(e) => return Answer::Nothing(e.to_string()),
    };
    match exchange(&mut stream, host, path, patience) {
        Ok(head) => status(&head).map_or_else(|| Answer::Nothing("the answer is not HTTP".to_owned()), Answer::Status),
        Err(e) => Answer::Nothing(e.to_string()),
    }
}

fn exchange(stream: &mut TcpStream, host: &str, path: &str, patience: Duration) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
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
