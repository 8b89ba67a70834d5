//! Whole conversations, cut anywhere.

use super::*;
use proptest::prelude::*;

fn exchange(method: Method) -> Exchange {
    let asked = Asked { method, idempotent: true, close: false };
    Exchange::new(Request { len: 0, asked, body: Body::NONE }, Instant::now())
}

const RESPONSES: &[(&str, usize)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloSPARE", 5),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No\r\n\r\nSPARE", 5),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nSPARE", 5),
    ("HTTP/1.1 200 OK\r\n\r\nto the end", 0),
    ("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nopaque", 0),
];

fn play(text: &str, cuts: &[usize], retiring: bool) -> (Vec<u8>, Exchange) {
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c.min(&text.len()).to_owned()).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    let (mut out, mut exchange) = (Vec::new(), exchange(Method::Other));
    for cut in cuts.windows(2).filter(|w| w[0] < w[1]) {
        out.extend_from_slice(&exchange.hear(&text.as_bytes()[cut[0]..cut[1]], retiring).unwrap());
    }
    (out, exchange)
}

#[test]
fn bytes_pass_unchanged_and_what_is_too_much_or_interim_does_not() {
    for (text, spare) in RESPONSES {
        let (out, exchange) = play(text, &[], false);
        let last = text.rfind("HTTP/1.1").unwrap();
        assert_eq!(out, text.as_bytes()[last..text.len() - spare], "{text}");
        assert_eq!(exchange.spare, *spare > 0);
        assert_eq!(exchange.stage == Stage::Done, *spare > 0);
    }
}

#[test]
fn a_retiring_front_says_close_once_and_only_in_a_final_head() {
    let (out, exchange) = play(RESPONSES[1].0, &[], true);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n");
    assert_eq!((text.matches("close").count(), exchange.after), (1, After::Close));
    for (untouched, _) in [RESPONSES[3], RESPONSES[4], ("HTTP/1.1 204 No\r\nconnection: Close\r\n\r\n", 0)] {
        assert_eq!(play(untouched, &[], true).0, untouched.as_bytes());
    }
}

#[test]
fn interim_heads_are_as_many_as_they_like_but_none_is_larger_than_a_head() {
    let (mut many, hint) = (exchange(Method::Other), "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n".repeat(300));
    for _ in 0..20 {
        assert_eq!(many.hear(hint.as_bytes(), false).unwrap(), &b""[..]);
        assert!(matches!(&many.stage, Stage::Head(kept) if kept.is_empty()));
    }
    let (mut huge, line) = (exchange(Method::Other), format!("X: {}\r\n", "x".repeat(1000)));
    huge.hear(b"HTTP/1.1 103 Hints\r\n", false).unwrap();
    let heard: Vec<_> = (0..80).map(|_| huge.hear(line.as_bytes(), false).map(|out| out.len())).collect();
    assert!(heard.contains(&Err(BadResponse)) && !heard.iter().any(|out| matches!(out, Ok(1..))));
}

#[test]
fn the_end_completes_only_what_ends_by_it() {
    for (text, whole) in [
        ("", false),
        ("HTTP/1.1 200", false),
        ("HTTP/1.1 103 Hints\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true),
        ("HTTP/1.1 200 OK\r\n\r\nhell", true),
        ("HTTP/1.1 101 Switching\r\n\r\n", true),
    ] {
        assert_eq!(play(text, &[], false).1.hear_end(), whole, "{text:?}");
    }
}

#[test]
fn what_is_no_response_is_refused() {
    for text in ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"] {
        assert_eq!(exchange(Method::Other).hear(text.as_bytes(), false), Err(BadResponse));
    }
}

#[test]
fn only_a_silent_idempotent_request_may_be_sent_again_and_only_once() {
    let mut exchange = exchange(Method::Other);
    assert!(exchange.may_retry());
    exchange.hear(b"H", false).unwrap();
    assert!(!exchange.may_retry());
    exchange.stage = Stage::Silent;
    exchange.retried = true;
    assert!(!exchange.may_retry());
}

#[test]
fn http2_passes_both_ways_untouched_from_the_first_byte() {
    let request = framing::request(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04").unwrap().unwrap();
    assert_eq!((request.len, &request.body), (24, &Body::UntilEnd));
    let mut exchange = Exchange::new(request, Instant::now());
    assert!(!exchange.may_retry() && !exchange.hear_end(), "an app that is not up has not served it");
    assert_eq!(exchange.hear(b"\0\0\0\x04\0", true).unwrap(), &b"\0\0\0\x04\0"[..]);
    assert!(exchange.is_tunnel() && exchange.hear_end());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_bytes_and_the_same_end(
        which in 0..RESPONSES.len(), retiring: bool, cuts in proptest::collection::vec(0usize..140, 0..8)
    ) {
        let (whole, split) = (play(RESPONSES[which].0, &[], retiring), play(RESPONSES[which].0, &cuts, retiring));
        prop_assert_eq!(whole.0, split.0);
        prop_assert_eq!(whole.1.stage, split.1.stage);
        prop_assert_eq!(whole.1.after, split.1.after);
    }
}
