//! Settings of nginx, each seen by a request.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::curl::curl;
use crate::host::Host;
use crate::outcome::run;

pub fn served(host: &Host) -> App {
    let app = host.app("hello", "python");
    app.push().ok();
    app
}

pub fn url(app: &App, path: &str) -> String {
    format!("http://{}{path}", app.domain())
}

#[test]
fn requests_of_any_size_that_is_allowed() {
    let host = Host::new();
    let app = served(&host);
    let file = host.temp().join("body");
    fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let data = format!("@{}", file.display());
    let post = || curl(&host, &url(&app, "/len"), &["--data-binary", &data, "-H", "Expect:"]);
    assert_eq!(post().body.trim(), "300000");
    app.dokuen("nginx:set", &["client-max-body-size=200k"]).ok();
    let refused = post();
    assert_eq!((refused.status, refused.body.trim()), (413, "hello takes requests of 200k at most"));
    // What is said for all counts where the app says nothing.
    app.dokuen("nginx:unset", &["client-max-body-size"]).ok();
    host.dokuen(&["nginx:set", "client-max-body-size=100k"]).ok();
    assert_eq!(post().status, 413);
    app.dokuen("nginx:set", &["client-max-body-size=0"]).ok();
    assert_eq!(post().body.trim(), "300000");
    app.dokuen("nginx:show", &[]).ok().stdout_has("client-max-body-size").stdout_has("app ");
}

#[test]
fn headers_of_answers_and_requests() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["header.X-Frame-Options=DENY \"a\\b", "request-header.X-Tenant=blue"]).ok();
    let answer = curl(&host, &url(&app, "/header/x-tenant"), &["-H", "X-Tenant: forged"]);
    assert_eq!(answer.body.trim(), "blue");
    assert!(answer.head.contains("x-frame-options: deny \"a\\b\r\n"), "{}", answer.head);
    let missing = curl(&host, &url(&app, "/no/such/path"), &[]);
    assert!(missing.head.contains("x-frame-options: deny"), "{}", missing.head);
    app.dokuen("nginx:set", &["header.Content-Type="]).ok();
    assert!(!curl(&host, &url(&app, "/"), &[]).head.contains("content-type"));
}

#[test]
fn people_with_a_password_and_addresses_that_may_come_in() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["basic-auth.alice=secret"]).exits(2).stderr_has("comes on standard input");
    app.dokuen_given("nginx:set", &["basic-auth.alice=-"], b"s3cret word\n").ok();
    let status = |more: &[&str]| curl(&host, &url(&app, "/"), more).status;
    let with = ["alice:s3cret word", "alice:wrong", "bob:s3cret word"].map(|user| status(&["-u", user]));
    assert_eq!((status(&[]), with), (401, [200, 401, 401]));
    let shown = app.dokuen("nginx:show", &[]).ok().out() + &app.dokuen("nginx:show", &["--text"]).ok().out();
    assert!(shown.contains("basic-auth.alice") && !shown.contains("$6$") && !shown.contains("s3cret"), "{shown}");
    app.dokuen("nginx:unset", &["basic-auth.alice"]).ok();
    assert_eq!(status(&[]), 200);

    app.dokuen("nginx:set", &["deny=127.0.0.0/8"]).ok();
    assert_eq!(status(&[]), 403);
    app.dokuen("nginx:unset", &["deny"]).ok();
    app.dokuen("nginx:set", &["allow=192.0.2.0/24"]).ok();
    assert_eq!(status(&[]), 403);
    app.dokuen("nginx:set", &["allow=192.0.2.0/24,127.0.0.1"]).ok();
    assert_eq!(status(&[]), 200);
}

#[test]
fn one_address_makes_no_more_requests_and_connections_than_it_may() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["rate-limit=1r/m burst=2"]).ok();
    let statuses: Vec<_> = (0..6).map(|_| curl(&host, &url(&app, "/"), &[]).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429]);
    app.dokuen("nginx:unset", &["rate-limit"]).ok();
    app.dokuen("nginx:set", &["connection-limit=1"]).ok();
    let mut slow = TcpStream::connect(host.listen()).unwrap();
    write!(slow, "GET /sleep/60000 HTTP/1.1\r\nHost: {}\r\n\r\n", app.domain()).unwrap();
    crate::host::eventually("the second one is refused", || curl(&host, &url(&app, "/"), &[]).status == 429);
    drop(slow);
    crate::host::eventually("its place is free again", || curl(&host, &url(&app, "/"), &[]).status == 200);
}

#[test]
fn compression_where_a_client_takes_it() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.greeting(&"long text ".repeat(300)).push().ok();
    let head = |more: &[&str]| curl(&host, &url(&app, "/"), &[more, &["-o", "/dev/null", "-D", "-"]].concat()).head;
    let gzip = ["-H", "Accept-Encoding: gzip"];
    assert!(!head(&gzip).contains("content-encoding"));
    app.dokuen("nginx:set", &["gzip=on"]).ok();
    assert!(head(&gzip).contains("content-encoding: gzip") && !head(&[]).contains("content-encoding"));
    // The app's answers are text/plain.
    app.dokuen("nginx:set", &["gzip-types=image/svg+xml"]).ok();
    assert!(!head(&gzip).contains("content-encoding"));
    app.dokuen("nginx:set", &["gzip-types=text/plain"]).ok();
    assert!(head(&gzip).contains("content-encoding: gzip"));
    app.dokuen("nginx:set", &["gzip-min-length=100000"]).ok();
    assert!(!head(&gzip).contains("content-encoding"));
}

#[test]
fn files_of_the_release_without_the_app_and_without_a_way_out() {
    let host = Host::new();
    let app = host.app("hello", "python");
    std::os::unix::fs::symlink("/etc/passwd", app.checkout.join("out")).unwrap();
    app.with("public/site.css", "a{}").with("public/.hidden", "h");
    fs::create_dir_all(app.checkout.join("public")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", app.checkout.join("public/passwd")).unwrap();
    app.commit("links").push().ok();
    app.dokuen("nginx:set", &["static./assets=public", "static-expires=30d"]).ok();
    let pids = app.pids();
    let answer = curl(&host, &url(&app, "/assets/site.css"), &[]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "a{}"));
    assert!(
        answer.head.contains("content-type: text/css") && answer.head.contains("max-age=2592000"),
        "{}",
        answer.head
    );
    let statuses = ["passwd", "none.css", "../out", "%2e%2e/out", ""]
        .map(|path| curl(&host, &url(&app, &format!("/assets/{path}")), &["--path-as-is"]).status);
    assert!(statuses.iter().all(|status| matches!(status, 403 | 404)), "{statuses:?}");
    // The next release brings its own, and nginx hears nothing of it.
    app.with("public/site.css", "b{}").push().ok();
    assert_eq!(curl(&host, &url(&app, "/assets/site.css"), &[]).body, "b{}");
    assert_ne!(app.pids(), pids);
}

#[test]
fn answers_that_nginx_keeps_are_nobodys_secrets() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["cache=10m"]).ok();
    let ask = |more: &[&str]| {
        let answer = curl(&host, &url(&app, "/header/user-agent"), more);
        let kept = answer.head.lines().find_map(|line| line.strip_prefix("x-cache-status: ")).unwrap_or("").to_owned();
        (answer.body.trim().to_owned(), kept)
    };
    assert_eq!(ask(&["-A", "one"]), ("one".to_owned(), "miss".to_owned()));
    assert_eq!(ask(&["-A", "two"]), ("one".to_owned(), "hit".to_owned()));
    assert_eq!(ask(&["-A", "three", "-H", "Cookie: session=1"]), ("three".to_owned(), "bypass".to_owned()));
    assert_eq!(ask(&["-A", "four", "-u", "a:b"]), ("four".to_owned(), "bypass".to_owned()));
    assert_eq!(ask(&["-A", "five"]).0, "one");
}

#[test]
fn a_log_of_its_own_in_json() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["access-log=json"]).ok();
    curl(&host, &url(&app, "/logged?a=%22"), &["-A", "say \"hi\""]);
    let path = host.dir().join("nginx/own/dokuen.hello.access.log");
    let line =
        || fs::read_to_string(&path).unwrap_or_default().lines().find(|l| l.contains("/logged")).map(str::to_owned);
    crate::host::eventually("the request is logged", || line().is_some());
    let json: serde_json::Value = serde_json::from_str(&line().unwrap()).unwrap();
    assert_eq!((&json["uri"], &json["agent"]), (&"/logged?a=%22".into(), &"say \"hi\"".into()));
    app.dokuen("nginx:set", &["access-log=off"]).ok();
    let length = fs::metadata(&path).unwrap().len();
    curl(&host, &url(&app, "/unlogged"), &[]);
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
}

#[test]
fn a_stream_arrives_as_it_is_written_where_buffering_is_off() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["proxy-buffering=off"]).ok();
    let mut stream = TcpStream::connect(host.listen()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET /stream/40 HTTP/1.1\r\nHost: {}\r\n\r\n", app.domain()).unwrap();
    let begun = Instant::now();
    let (mut bytes, mut seen) = (vec![0; 4096], Vec::new());
    while !String::from_utf8_lossy(&seen).contains("\r\n\r\n") || seen.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0);
        seen.extend(&bytes[..count]);
    }
    // The whole takes two seconds.
    assert!(begun.elapsed() < Duration::from_millis(1500), "the first piece came after {:?}", begun.elapsed());
}

#[test]
fn times_that_the_app_may_take() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("nginx:set", &["proxy-read-timeout=300ms"]).ok();
    let late = curl(&host, &url(&app, "/sleep/5000"), &[]);
    assert_eq!((late.status, late.body.trim()), (504, "hello did not answer in time"));
    let page = curl(&host, &url(&app, "/sleep/5000"), &["-H", "Accept: text/html"]);
    assert!(page.head.contains("content-type: text/html") && page.body.contains("<h1>No answer</h1>"), "{page:?}");
    app.dokuen_given("nginx:set", &["page.504=-"], b"<p>own late page $host</p>").ok();
    let page = curl(&host, &url(&app, "/sleep/5000"), &["-H", "Accept: text/html"]);
    assert_eq!((page.status, page.body.as_str()), (504, "<p>own late page $host</p>"));
}

#[test]
fn a_value_that_makes_no_sense_changes_nothing() {
    let host = Host::new();
    let app = served(&host);
    let before = host.snapshot();
    for (pair, words) in [
        ("client-max-body-size=1m; } server {", "is not a size"),
        ("clientmaxbodysize=1m", "there is no setting"),
        ("proxy-read-timeout", "SETTING=VALUE"),
        ("page.502=hello", "comes on standard input"),
        ("header.X=$host", "is not a line"),
    ] {
        app.dokuen("nginx:set", &["gzip=on", pair]).exits(2).stderr_has(words);
    }
    crate::unchanged_but(&before, &host, &["events"]);
}

#[test]
fn websockets_pass_unless_they_are_switched_off() {
    let host = Host::new();
    let app = served(&host);
    let ask =
        || curl(&host, &url(&app, "/header/upgrade"), &["-H", "Upgrade: websocket", "-H", "Connection: upgrade"]).body;
    assert_eq!(ask().trim(), "websocket");
    app.dokuen("nginx:set", &["websocket=off"]).ok();
    assert_ne!(ask().trim(), "websocket");
    let nobody = run(host.command(host.program()).args(["nginx:show", "--json"]), b"", None).ok();
    let rows: serde_json::Value = serde_json::from_slice(&nobody.out).unwrap();
    assert!(rows.as_array().unwrap().iter().any(|row| row["setting"] == "websocket" && row["from"] == "default"));
}
