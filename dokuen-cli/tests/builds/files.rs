//! Files served as they are.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::app::App;
use crate::pushed::{host, push};

/// An answer as it comes over the wire.
struct Answer(String);

fn ask(app: &App, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(app.host.listen()).unwrap();
    let domain = app.domain();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {domain}\r\n{headers}Connection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer(String::from_utf8_lossy(&bytes).into_owned())
}

impl Answer {
    fn status(&self) -> u16 {
        self.0.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.split("\r\n\r\n").next().unwrap().lines().filter_map(|line| line.split_once(": "));
        headers.find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

#[test]
fn a_site_is_served_as_a_web_server_should() {
    let host = host();
    let app = host.app("site", "static-site");
    std::os::unix::fs::symlink("/etc/passwd", app.checkout.join("passwd.txt")).unwrap();
    app.commit("a link that leads out");
    app.with(".secret", "x").with("sp ace.txt", "a name with a blank");
    push(&app).goes_live().says("display: static files (./index.html)");

    assert!(app.text("/").contains("hello from files"));
    assert_eq!(app.text("/sp%20ace.txt"), "a name with a blank");
    let data = ask(&app, "/data.csv", "");
    assert_eq!(data.header("content-type"), Some("text/csv; charset=utf-8"));
    let moved = ask(&app, "/docs", "");
    assert_eq!((moved.status(), moved.header("location")), (301, Some("/docs/")));
    assert!(app.text("/docs/").contains("docs"));
    for path in ["/none", "/.secret", "/.env", "/.dokuen/complete", "/.static/serve", "/Procfile", "/passwd.txt"] {
        let answer = app.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(String::from_utf8_lossy(&answer.body).contains("nothing here"), "{path}");
    }
    for path in ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/docs/../../current/.env"] {
        assert!(matches!(app.get(path).status, 400 | 404), "{path}");
    }
}

#[test]
fn parts_and_unchanged_files_are_told_apart() {
    let host = host();
    let app = host.app("site", "static-site");
    push(&app).goes_live();
    let ask = |headers: &str| ask(&app, "/data.csv", headers);
    let whole = ask("");
    let part = ask("Range: bytes=2-7\r\n");
    assert_eq!(part.status(), 206);
    assert!(part.0.ends_with("\r\n\r\nsquare"), "{}", part.0);
    let since = whole.header("last-modified").unwrap();
    assert_eq!(ask(&format!("If-Modified-Since: {since}\r\n")).status(), 304);
    let tag = whole.header("etag").unwrap();
    assert_eq!(ask(&format!("If-None-Match: {tag}\r\n")).status(), 304);
}
