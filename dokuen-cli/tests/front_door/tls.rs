//! Settings about https, each seen by a handshake.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::app::App;
use crate::curl::{secure, try_curl};
use crate::host::{Host, eventually};
use crate::outcome::{Outcome, run};
use crate::pem::{Chain, Pem};
use crate::settings::served;
use crate::tools;

#[test]
fn modern_is_tls_1_3_alone() {
    let host = Host::new();
    let app = served(&host);
    let pem = Pem::of(&host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    let url = format!("https://{}/", app.domain());
    assert_eq!(secure(&host, &pem.cert, &url, &["--tls-max", "1.2"]).status, 200);
    app.dokuen("nginx:set", &["tls=modern"]).ok();
    try_curl(&host, &url, &["-k", "--tls-max", "1.2"]).exits(35);
    assert_eq!(secure(&host, &pem.cert, &url, &["--tlsv1.3"]).status, 200);
}

/// The authority's word that the certificate was not revoked comes with the handshake.
#[test]
fn ocsp_stapling() {
    let host = Host::new();
    let app = served(&host);
    let responder = TcpListener::bind("127.0.0.1:0").unwrap();
    let chain = Chain::of(&host, &app.domain(), &format!("http://{}/", responder.local_addr().unwrap()));
    let answer = not_revoked(&host, &chain);
    thread::spawn(move || respond(&responder, &answer));
    let [cert, key] = chain.paths();
    app.dokuen("certs:add", &[&cert, &key]).ok();
    let stapled = || {
        let mut openssl = host.command("openssl");
        let at = host.https().to_string();
        openssl.args(["s_client", "-connect", &at, "-servername", &app.domain(), "-status", "-CAfile"]);
        run(openssl.arg(&chain.root), b"Q\n", None).out().contains("OCSP Response Status: successful")
    };
    assert!(!stapled() && !stapled());
    app.dokuen("nginx:set", &["ocsp-stapling=on"]).ok();
    eventually("nginx has asked the authority", stapled);
}

/// What an authority would say of this certificate.
fn not_revoked(host: &Host, chain: &Chain) -> Vec<u8> {
    let openssl = |words: &[&str]| {
        let mut openssl = host.command("openssl");
        run(openssl.current_dir(host.temp()).args(words), b"", None).ok()
    };
    let serial = openssl(&["x509", "-noout", "-serial", "-in", "chain-leaf.pem"]).out();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    fs::write(host.temp().join("index.txt"), format!("V\t351231235959Z\t\t{serial}\tunknown\t/CN=test\n")).unwrap();
    let issuer = ["-issuer", "chain-issuer.pem"];
    openssl(&[&["ocsp"][..], &issuer, &["-cert", "chain-leaf.pem", "-no_nonce", "-reqout", "ocsp.req"]].concat());
    let signer = ["-rsigner", "chain-issuer.pem", "-rkey", "chain-issuer.key", "-CA", "chain-issuer.pem"];
    let files = ["-index", "index.txt", "-reqin", "ocsp.req", "-respout", "ocsp.der", "-ndays", "5"];
    openssl(&[&["ocsp"][..], &files, &signer].concat());
    assert!(chain.issuer_key.exists());
    fs::read(host.temp().join("ocsp.der")).unwrap()
}

fn respond(responder: &TcpListener, answer: &[u8]) {
    for stream in responder.incoming() {
        let mut stream = stream.unwrap();
        // The request is short: it comes in one piece, and is always the same.
        let _ = stream.read(&mut [0; 4096]);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), answer].concat());
    }
}

fn http3(host: &Host, root: &std::path::Path, name: &str) -> Outcome {
    let mut client = host.command(tools::python());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/py/http3_client.py");
    client.arg(script).arg(host.https().port().to_string()).arg(name).arg(root).arg("/header/x-forwarded-proto");
    run(&mut client, b"", None)
}

fn with_certificate(host: &Host, name: &str) -> (App, Chain) {
    let app = host.app(name, "python");
    app.push().ok();
    let chain = Chain::of(host, &app.domain(), "http://127.0.0.1:1/");
    let [cert, key] = chain.paths();
    app.dokuen("certs:add", &[&cert, &key]).ok();
    (app, chain)
}

#[test]
fn http3_answers_where_the_nginx_has_it_and_for_nobody_else() {
    let host = tools::newer_host();
    let (app, chain) = with_certificate(&host, "hello");
    let url = format!("https://{}/", app.domain());
    assert!(!secure(&host, &chain.root, &url, &[]).head.contains("alt-svc"));
    app.dokuen("nginx:set", &["http3=on"]).ok();
    let told = format!("h3=\":{}\"; ma=86400", host.https().port());
    let answer = secure(&host, &chain.root, &url, &[]);
    assert!(
        answer.head.starts_with("http/2 200") && answer.head.contains(&format!("alt-svc: {told}\r\n")),
        "{answer:?}"
    );
    http3(&host, &chain.root, &app.domain()).ok().stdout_is(&format!("200 {told} https\n"));
    // Another app has a certificate and does not ask for it; a third name is nobody's.
    let (other, root) = {
        let other = host.app("other", "python");
        other.push().ok();
        let pem = Pem::of(&host, "other", &[&other.domain()]);
        other.dokuen_given("certs:add", &[], &pem.text()).ok();
        (other, pem.cert)
    };
    assert_eq!(secure(&host, &root, &format!("https://{}/", other.domain()), &[]).status, 200);
    for name in [other.domain(), "unknown.example".to_owned()] {
        let refused = http3(&host, &chain.root, &name);
        assert!(refused.code != 0 && refused.out().is_empty(), "{name}: {refused}");
    }
    app.greeting("two").push().ok();
    http3(&host, &chain.root, &app.domain()).ok();
    // A start from nothing has it, too, and it goes when nobody wants it any more.
    host.dokuen(&["nginx:rebuild"]).ok();
    http3(&host, &chain.root, &app.domain()).ok();
    app.dokuen("nginx:set", &["http3=off"]).ok();
    assert!(!secure(&host, &chain.root, &url, &[]).head.contains("alt-svc"));
    host.dokuen(&["nginx:rebuild"]).ok();
    let text = host.dokuen(&["nginx:show", "--text"]).ok().out();
    assert!(!text.contains("quic"), "{text}");
}

#[test]
fn http3_is_refused_in_words_where_the_nginx_has_it_not() {
    let debian = crate::host::Options { nginx: None, ..Default::default() };
    let host = Host::with(debian);
    let (app, chain) = with_certificate(&host, "hello");
    let before = host.snapshot();
    app.dokuen("nginx:set", &["gzip=on", "http3=on"])
        .exits(9)
        .stderr_has("has no HTTP/3")
        .stderr_has("1.25.0 or newer");
    crate::unchanged_but(&before, &host, &["events"]);
    // An nginx that was newer when it was asked for goes on without.
    fs::write(app.dir().join("front/settings"), "{\"http3\": \"on\"}\n").unwrap();
    host.dokuen(&["nginx:rebuild"]).ok();
    assert_eq!(secure(&host, &chain.root, &format!("https://{}/", app.domain()), &[]).status, 200);
}
