//! What lasts, and what is large: WebSocket and server-sent events over https, an upload of a gigabyte.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::app::App;
use crate::curl::{curl, secure};
use crate::host::Host;
use crate::outcome::run;
use crate::pem::Pem;
use crate::timing::odd;
use crate::tools;

fn certified(app: &App) -> Pem {
    let pem = Pem::of(&app.host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    pem
}

#[test]
fn a_websocket_over_https() {
    let host = Host::new();
    let app = tools::app_of(&host, include_str!("py/sockets.py"));
    app.push().ok();
    let pem = certified(&app);
    let talk = || {
        let mut client = host.command(tools::python());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/py/websocket_client.py");
        client.arg(script).arg(host.https().port().to_string()).arg(app.domain()).arg(&pem.cert);
        run(&mut client, b"", None)
    };
    talk().ok().stdout_is("both came back\n");
    app.dokuen("nginx:set", &["websocket=off"]).ok();
    assert_ne!(talk().code, 0);
}

/// The app goes on for minutes after its first event, so what is kept back does not come at all.
#[test]
fn server_sent_events_arrive_as_they_are_written() {
    let host = Host::new();
    let app = odd(&host);
    let pem = certified(&app);
    let first = |path: &str| {
        let (at, root) = (host.https(), pem.cert.display().to_string());
        let mut curl = host.command("curl");
        curl.args(["-sS", "-N", "--max-time", "8", "--connect-to", &format!("::{at}"), "--cacert", &root]);
        curl.arg(format!("https://{}:{}{path}", app.domain(), at.port()));
        let mut curl = curl.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let line = BufReader::new(curl.stdout.take().unwrap()).lines().next().map(Result::unwrap);
        let _ = curl.kill();
        curl.wait().unwrap();
        line
    };
    assert_eq!(first("/events"), None, "by default an answer is collected");
    assert_eq!(first("/events/X-Accel-Buffering=no").as_deref(), Some("data: first"), "the app says so");
    app.dokuen("nginx:set", &["proxy-buffering=off"]).ok();
    assert_eq!(first("/events").as_deref(), Some("data: first"));
}

/// nginx as a proxy takes an interim answer (100, 103) for the answer, and then waits for a body that never comes.
#[test]
fn early_hints_and_an_unasked_continue_are_followed_by_the_answer() {
    let host = Host::new();
    let app = odd(&host);
    let url = |path: &str| format!("http://{}{path}", app.domain());
    for _ in 0..3 {
        let answer = curl(&host, &url("/hints/10"), &["--max-time", "8"]);
        assert_eq!((answer.status, answer.body.as_str()), (200, "odd"), "{}", answer.head);
        assert!(!answer.head.contains("preload"), "{}", answer.head);
        let posted = curl(&host, &url("/eager"), &["--max-time", "8", "-d", "ten bytes."]);
        assert_eq!((posted.status, posted.body.as_str()), (200, "10"));
    }
    // More than any head may have: an error at once, and the next request is answered.
    assert_eq!(curl(&host, &url("/hints/100000"), &["--max-time", "8"]).status, 502);
    assert_eq!(curl(&host, &url("/"), &["--max-time", "8"]).status, 200);
}

/// nginx answers `Expect` itself, so the client goes on at once, and the app never hears of it.
#[test]
fn an_upload_that_waits_for_continue_is_taken() {
    let host = Host::new();
    let app = odd(&host);
    let file = host.temp().join("large");
    fs::write(&file, vec![b'x'; 3_000_000]).unwrap();
    for buffering in ["on", "off"] {
        app.dokuen("nginx:set", &[&format!("proxy-request-buffering={buffering}")]).ok();
        let what = file.display().to_string();
        // Without the word curl goes on after a second; here it would wait for longer than it may take.
        let more = ["-T", &what, "-H", "Expect: 100-continue", "--expect100-timeout", "30", "--max-time", "20"];
        let answer = curl(&host, &format!("http://{}/eager", app.domain()), &more);
        assert_eq!((answer.status, answer.body.as_str()), (200, "3000000"));
    }
}

/// The most memory that any process of nginx or of the app's front had so far, in kilobytes.
fn peak(host: &Host) -> u64 {
    let ours = host.processes().into_iter().filter(|p| p.words.starts_with("nginx: ") || p.words.contains("wrapper"));
    let peaks = ours.filter_map(|process| {
        let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    peaks.max().unwrap()
}

#[test]
fn a_gigabyte_passes_over_https_and_memory_does_not_grow_with_it() {
    const SIZE: u64 = 1 << 30;
    let host = Host::new();
    let app = odd(&host);
    let pem = certified(&app);
    app.dokuen("nginx:set", &["client-max-body-size=2g", "proxy-request-buffering=off"]).ok();
    // It has a size and no bytes on the disk.
    let file = host.temp().join("huge");
    fs::File::create(&file).unwrap().set_len(SIZE).unwrap();
    let upload = |what: &std::path::Path| {
        let what = what.display().to_string();
        let url = format!("https://{}/count", app.domain());
        secure(&host, &pem.cert, &url, &["-T", &what, "-H", "Expect:", "--max-time", "500"])
    };
    let before = peak(&host);
    let answer = upload(&file);
    assert_eq!((answer.status, answer.body), (200, SIZE.to_string()));
    let grown = peak(&host) - before;
    assert!(grown < 16 * 1024, "{grown} kB more than the {before} kB before");
}
