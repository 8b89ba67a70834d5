//! What of HTTP one request needs.

use super::Question;

pub(super) fn head_of(Question { host, request, .. }: Question<'_>) -> Vec<u8> {
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

/// What of the body has come so far, its chunks put together.
pub(super) fn body(said: &[u8]) -> Vec<u8> {
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

pub(super) fn contains(body: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || body.windows(wanted.len()).any(|part| part == wanted)
}

/// The status in `HTTP/1.1 200 OK`.
pub(super) fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|b| *b == b'\r' || *b == b'\n').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Patience;
    use super::*;
    use crate::check::Request;

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
