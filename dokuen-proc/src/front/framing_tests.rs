//! Tables of heads and where their messages end.

use super::*;
use proptest::prelude::*;

fn asked(method: Method) -> Asked {
    Asked { method, idempotent: true, close: false }
}

fn body_of(head: &str) -> Result<Body, BadHead> {
    request(head.as_bytes()).map(|r| r.expect("a whole head").body)
}

#[test]
fn request_bodies() {
    let chunked = || Ok(Body::Chunked(Chunked::new()));
    for (lines, body) in [
        ("", Ok(Body::NONE)),
        ("Content-Length: 5\r\n", Ok(Body::Length(5))),
        ("content-length: 5\r\nContent-Length: 5\r\n", Ok(Body::Length(5))),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Err(BadHead::Garbage)),
        ("Content-Length: +5\r\n", Err(BadHead::Garbage)),
        ("Content-Length: 99999999999999999999\r\n", Err(BadHead::Garbage)),
        ("Transfer-Encoding: chunked\r\n", chunked()),
        ("TRANSFER-ENCODING: gzip, Chunked\r\n", chunked()),
        ("Transfer-Encoding: chunked, gzip\r\n", Err(BadHead::Garbage)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Err(BadHead::Garbage)),
    ] {
        assert_eq!(body_of(&format!("POST / HTTP/1.1\r\n{lines}\r\n")), body, "{lines:?}");
    }
    assert_eq!(body_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(BadHead::Garbage));
}

#[test]
fn the_preface_of_http2_is_known_in_pieces_and_nothing_else_is() {
    for whole in ["PRI ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        assert_eq!(request(whole.as_bytes()), Ok(None), "{whole}");
    }
    for other in ["PRI * HTTP/2.0\r\n\r\n\r\n", "PRI / HTTP/2.0\r\n\r\n"] {
        assert_eq!(request(other.as_bytes()), Err(BadHead::Garbage), "{other}");
    }
    assert_eq!(request(b"PRINT / HTTP/1.1\r\n\r\n").unwrap().unwrap().asked.method, Method::Other);
}

#[test]
fn what_is_remembered_of_a_request() {
    for (head, method, idempotent, close) in [
        ("GET / HTTP/1.1\r\n\r\n", Method::Other, true, false),
        ("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n", Method::Head, true, true),
        ("POST / HTTP/1.1\r\nConnection: Keep-Alive, CLOSE\r\n\r\n", Method::Other, false, true),
        ("PATCH / HTTP/1.0\r\n\r\n", Method::Other, false, true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Method::Other, true, false),
        ("CONNECT a:1 HTTP/1.1\r\n\r\n", Method::Connect, false, false),
        ("PURGE / HTTP/1.1\r\n\r\n", Method::Other, false, false),
    ] {
        let parsed = request(head.as_bytes()).unwrap().unwrap();
        assert_eq!(parsed.asked, Asked { method, idempotent, close }, "{head:?}");
        assert_eq!(parsed.len, head.len());
    }
}

#[test]
fn whatever_nginx_passes_on_in_a_target_is_let_through() {
    for target in ["/a\"b<c>|{}^`\\~'[]", "/caf\u{e9}?q=\u{20ac}", "/%zz", "*", "http://a/b"] {
        assert!(
            request(format!("GET {target} HTTP/1.1\r\nX: \u{e9}\r\n\r\n").as_bytes()).unwrap().is_some(),
            "{target}"
        );
    }
}

#[test]
fn garbage_and_giants_are_told_apart() {
    assert_eq!(request(b"\x16\x03\x01\x02\x00"), Err(BadHead::Garbage));
    assert_eq!(request(b"GET / HTTP/2.0\r\n\r\n"), Err(BadHead::Garbage));
    assert_eq!(request(format!("GET /{}", "a".repeat(MOST_HEAD)).as_bytes()), Err(BadHead::TooLarge));
    let lines = |n| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(n));
    assert!(request(lines(MOST_LINES).as_bytes()).unwrap().is_some());
    assert_eq!(request(lines(MOST_LINES + 1).as_bytes()), Err(BadHead::TooLarge));
}

#[test]
fn response_bodies() {
    let body = |body, close| Then::Body { body, close };
    for (head, method, then) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::Other, body(Body::Length(5), false)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::Head, body(Body::NONE, false)),
        ("HTTP/1.1 200\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", Method::Other, body(Body::Length(5), true)),
        ("HTTP/1.1 200 OK\r\n\r\n", Method::Other, body(Body::UntilEnd, true)),
        ("HTTP/1.1 200 OK\r\n\r\n", Method::Head, body(Body::NONE, false)),
        ("HTTP/1.1 204 No\r\n\r\n", Method::Other, body(Body::NONE, false)),
        ("HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", Method::Other, body(Body::NONE, false)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::Other, body(Body::Length(5), true)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Method::Other, body(Body::UntilEnd, true)),
        ("HTTP/1.1 200 OK\r\nBad Name(): x\r\nContent-Length : 5\r\n\r\n", Method::Other, body(Body::Length(5), false)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            Method::Other,
            body(Body::Chunked(Chunked::new()), false),
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n", Method::Other, Then::Interim),
        ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Method::Head, Then::Interim),
        ("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", Method::Other, Then::Tunnel),
        ("HTTP/1.1 200 OK\r\n\r\n", Method::Connect, Then::Tunnel),
    ] {
        let expected = Response { len: head.len(), then };
        assert_eq!(response(head.as_bytes(), asked(method)), Ok(Some(expected)), "{head:?}");
    }
    for head in ["HELO\r\n", "HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n"] {
        assert_eq!(response(head.as_bytes(), asked(Method::Other)), Err(BadHead::Garbage), "{head:?}");
    }
}

#[test]
fn close_goes_right_after_the_status_line() {
    let inserted = insert_close(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody");
    assert_eq!(inserted, b"HTTP/1.1 200 OK\r\nConnection: close\r\nA: b\r\n\r\nbody");
    let Then::Body { close, .. } = response(&inserted, asked(Method::Other)).unwrap().unwrap().then else { panic!() };
    assert!(close);
}

proptest! {
    #[test]
    fn a_head_is_partial_until_its_last_byte(lines in proptest::collection::vec("[A-Za-z-]{1,9}: [ -~]{0,9}\r\n", 0..6)) {
        let head = format!("GET /x HTTP/1.1\r\nHost: a\r\nX{}\r\n", lines.join("X"));
        let head = head.replace("\r\nX\r\n", "\r\n\r\n");
        if let Ok(Some(whole)) = request(head.as_bytes()) {
            for cut in 0..whole.len {
                prop_assert_eq!(request(&head.as_bytes()[..cut]), Ok(None));
            }
        }
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = request(&bytes);
        let _ = response(&bytes, asked(Method::Other));
    }
}
