//! Settings about time and memory: each is seen by a client, or an app, that takes more than it may.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::curl::curl;
use crate::host::{Host, eventually};
use crate::settings::{served, url};

/// The app that does what apps should not.
pub fn odd(host: &Host) -> App {
    let app = host.app("hello", "python");
    app.with("server.py", include_str!("py/odd.py")).push().ok();
    app
}

fn asked(host: &Host, app: &App, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host.listen()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{}", request.replace("HOST", &app.domain())).unwrap();
    stream
}

/// All that comes until nginx ends the connection, however it does.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let (mut bytes, mut block) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(count @ 1..) = stream.read(&mut block) {
        bytes.extend(&block[..count]);
    }
    bytes
}

/// The defaults are a minute and more, so what ends within this was ended by the setting.
const SOON: Duration = Duration::from_secs(25);

#[test]
fn a_client_that_pauses_within_its_request() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["client-body-timeout=300ms"]).ok();
    let begun = Instant::now();
    let said = rest(asked(&host, &app, "POST /len HTTP/1.1\r\nHost: HOST\r\nContent-Length: 10\r\n\r\nx"));
    // nginx says nothing more to whoever is late with a body; it logs 408.
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
    let log = host.dir().join("nginx/own/access.log");
    eventually("it is logged as 408", || fs::read_to_string(&log).unwrap().contains("\"POST /len HTTP/1.1\" 408"));
}

#[test]
fn a_client_that_pauses_within_an_answer() {
    let host = Host::new();
    let app = odd(&host);
    app.dokuen("nginx:set", &["send-timeout=300ms", "proxy-buffering=off"]).ok();
    let begun = Instant::now();
    let stream = asked(&host, &app, "GET /bytes/90000000 HTTP/1.1\r\nHost: HOST\r\n\r\n");
    let log = host.dir().join("nginx/own/access.log");
    eventually("nginx has given up", || fs::read_to_string(&log).unwrap().contains("/bytes/90000000"));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(rest(stream).len() < 90_000_000);
    let whole = curl(&host, &url(&app, "/bytes/3000000"), &[]);
    assert_eq!((whole.status, whole.body.len()), (200, 3_000_000), "who reads gets all");
}

#[test]
fn a_client_that_asks_for_nothing_more() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["keepalive-timeout=300ms"]).ok();
    let begun = Instant::now();
    let said = rest(asked(&host, &app, "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(said.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn an_app_that_does_not_read_its_request() {
    let host = Host::new();
    let app = odd(&host);
    app.dokuen("nginx:set", &["proxy-send-timeout=300ms"]).ok();
    let file = host.temp().join("body");
    fs::File::create(&file).unwrap().set_len(60_000_000).unwrap();
    let data = format!("@{}", file.display());
    let late = curl(&host, &url(&app, "/deaf"), &["--data-binary", &data, "-H", "Expect:", "--max-time", "25"]);
    assert_eq!((late.status, late.body.trim()), (504, "hello did not answer in time"));
}

#[test]
fn a_request_is_collected_before_the_app_is_bothered_or_passes_as_it_comes() {
    let host = Host::new();
    let app = odd(&host);
    let seen = || curl(&host, &url(&app, "/seen"), &[]).body.parse::<usize>().unwrap();
    for (value, early) in [("on", 0), ("off", 5)] {
        app.dokuen("nginx:set", &[&format!("proxy-request-buffering={value}")]).ok();
        let head = "POST /count HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 10\r\n\r\n12345";
        let mut stream = asked(&host, &app, head);
        if early > 0 {
            eventually("the first half has come", || seen() == early);
        } else {
            // The next request on another connection is answered, so nginx had every chance to pass this one on.
            assert_eq!((seen(), seen()), (0, 0));
        }
        write!(stream, "67890").unwrap();
        assert!(String::from_utf8_lossy(&rest(stream)).ends_with("\r\n\r\n10"));
    }
    app.dokuen("nginx:set", &["proxy-request-buffering=off"]).ok();
}

#[test]
fn the_head_of_an_answer_must_fit_into_a_buffer() {
    let host = Host::new();
    let app = odd(&host);
    let status = |size: usize| curl(&host, &url(&app, &format!("/head/{size}")), &[]).status;
    assert_eq!((status(10_000), status(20_000)), (200, 502));
    app.dokuen("nginx:set", &["proxy-buffer-size=4k"]).ok();
    assert_eq!(status(10_000), 502);
    app.dokuen("nginx:set", &["proxy-buffer-size=32k"]).ok();
    assert_eq!(status(20_000), 200);
}

#[test]
fn an_answer_that_a_slow_client_does_not_take_fits_into_so_many_buffers() {
    let host = Host::new();
    let app = odd(&host);
    let log = host.dir().join("nginx/own/error.log");
    let spills = |path: &str| {
        let said = || fs::read_to_string(&log).unwrap();
        said().lines().any(|line| line.contains("buffered to a temporary file") && line.contains(path))
    };
    // More than sockets and eight buffers of 16k hold, less than 250 buffers of 64k do.
    let _slow = asked(&host, &app, "GET /bytes/9000001 HTTP/1.1\r\nHost: HOST\r\n\r\n");
    eventually("the rest goes to a file", || spills("/bytes/9000001"));
    app.dokuen("nginx:set", &["proxy-buffers=250", "proxy-buffer-size=64k"]).ok();
    let stream = asked(&host, &app, "GET /bytes/9000002 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
    eventually("all of it has left the app", || curl(&host, &url(&app, "/"), &[]).status == 200);
    assert!(rest(stream).len() > 9_000_002);
    assert!(!spills("/bytes/9000002"));
}
