//! Requests that are wrong, ambiguous or forged: the rows `HTTP-*` of `fixtures/bad_inputs.json`.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::http::connect;
use crate::stage::Stage;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The answers that come back on one connection, as text.
fn raw(stage: &Stage, request: &[u8]) -> String {
    let mut stream = connect(HERE, stage.port);
    // nginx may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn no_request_reaches_an_app_that_it_does_not_name_and_none_reaches_two() {
    let stage = Stage::new();
    let _apps = (stage.serve("one"), stage.serve("two"));
    let close = "Connection: close\r\n\r\n";
    let big = "x".repeat(64 * 1024);
    for (request, status, whose) in [
        (format!("GET / HTTP/1.1\r\nHost: unknown.example\r\n{close}"), "404", ""),
        (format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{close}"), "404", ""),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "404", ""),
        (format!("GET / HTTP/1.1\r\n{close}"), "400", ""),
        (format!("GET / HTTP/1.1\r\nHost: one.test\r\nHost: two.test\r\n{close}"), "400", ""),
        (format!("GET / HTTP/1.1\r\nHost: one.test, two.test\r\n{close}"), "40", ""),
        (format!("GET / HTTP/1.1\r\nHost: one.test/../two.test\r\n{close}"), "400", ""),
        (format!("GET / HTTP/1.1\r\nHost: one.test\0\r\n{close}"), "400", ""),
        (format!("GET http://two.test/ HTTP/1.1\r\nHost: one.test\r\n{close}"), "400", ""),
        (format!("GET http://two.test/ HTTP/1.1\r\nHost: unknown.example\r\n{close}"), "400", ""),
        (format!("GET http://two.test/ HTTP/1.1\r\nHost: wo.test\r\n{close}"), "400", ""),
        (format!("GET http://two.test/ HTTP/1.1\r\nHost: twoxtest\r\n{close}"), "400", ""),
        (format!("GET http://unknown.example/ HTTP/1.1\r\nHost: one.test\r\n{close}"), "404", ""),
        (format!("GET http://two.test/ HTTP/1.1\r\nHost: two.test\r\n{close}"), "200", "two"),
        (format!("GET http://Two.Test:81/ HTTP/1.1\r\nHost: TWO.test.:81\r\n{close}"), "200", "two"),
        ("GET http://two.test/ HTTP/1.0\r\n\r\n".to_owned(), "200", "two"),
        (format!("GET / HTTP/1.1\r\nHost: one.test:\r\n{close}"), "200", "one"),
        (format!("GET / HTTP/1.1\r\nHost: ONE.TEST\r\n{close}"), "200", "one"),
        (format!("GET / HTTP/1.1\r\nHost: one.test.\r\n{close}"), "200", "one"),
        (format!("GET / HTTP/1.1\r\nHost: one.test:{}\r\n{close}", stage.port), "200", "one"),
        (format!("GET / HTTP/1.1\r\nHost: one.test\r\nX-Big: {big}\r\n{close}"), "400", ""),
        (format!("GET /{big} HTTP/1.1\r\nHost: one.test\r\n{close}"), "414", ""),
        (format!("POST / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: xchunked\r\n{close}"), "501", ""),
        (
            format!("POST / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n{close}"),
            "400",
            "",
        ),
        (format!("POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 4\r\nContent-Length: 5\r\n{close}"), "400", ""),
        (format!("POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: -1\r\n{close}"), "400", ""),
        (format!("CONNECT two.test:80 HTTP/1.1\r\nHost: one.test\r\n{close}"), "4", ""),
        (format!("TRACE / HTTP/1.1\r\nHost: one.test\r\n{close}"), "405", ""),
    ] {
        let said = raw(&stage, request.as_bytes());
        let shown = &request[..request.len().min(120)];
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{shown:?}: {said}");
        // One answer, and the instances repeat the head of what they got in it.
        assert_eq!(said.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count(), 1, "{shown:?}: {said}");
        let body = said.split_once("\r\n\r\n").unwrap().1;
        let answered = ["one", "two"].into_iter().find(|app| body.starts_with(&format!("{app}\n"))).unwrap_or("");
        assert_eq!(answered, whose, "{shown:?}: {said}");
    }
}

/// Slow clients are many, and nobody else notices them.
#[test]
fn a_hundred_slow_clients_of_one_app_keep_nobody_from_another() {
    let stage = Stage::new();
    let _apps = (stage.serve("one"), stage.serve("two"));
    let mut slow: Vec<_> = (0..100).map(|_| connect(HERE, stage.port)).collect();
    for stream in &mut slow {
        stream.write_all(b"POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 1000\r\n\r\nx").unwrap();
    }
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(stage.get("two.test").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
