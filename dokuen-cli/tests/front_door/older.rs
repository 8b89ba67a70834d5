//! An nginx that says it is an old one is written to as such, and unknown names see no app there either.

use std::fs;

use crate::curl::{curl, secure, try_curl};
use crate::host::{Host, Options, make_executable};
use crate::outcome::run;
use crate::pem::Pem;
use crate::settings::served;

/// That of other tests under another number: what is written for an old release must be good for later ones too.
fn host_with(version: &str, dir: &tempfile::TempDir) -> Host {
    let real = Options::default().nginx.unwrap_or_else(|| dokuen_nginx::find_program("").unwrap());
    let script = dir.path().join("nginx");
    let said =
        format!("echo 'nginx version: nginx/{version}' >&2; echo 'configure arguments: --with-http_ssl_module' >&2");
    let text = format!("#!/bin/sh\n[ \"$1\" = -V ] && {{ {said}; exit; }}\nexec {} \"$@\"\n", real.display());
    fs::write(&script, text).unwrap();
    make_executable(&script);
    Host::with(Options { nginx: Some(script), ..Options::default() })
}

#[test]
fn before_1_19_4_an_unknown_name_sees_a_certificate_that_vouches_for_nobody() {
    let dir = tempfile::Builder::new().prefix("dk").tempdir_in("/tmp").unwrap();
    let host = host_with("1.18.0", &dir);
    let app = served(&host);
    let pem = Pem::of(&host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    let url = format!("https://{}/", app.domain());
    let answer = secure(&host, &pem.cert, &url, &["--http2"]);
    assert!(answer.status == 200 && answer.head.starts_with("http/2 200"), "{answer:?}");

    let unknown = "https://unknown.example/";
    let answer = curl(&host, unknown, &["-k"]);
    assert_eq!((answer.status, answer.body.trim()), (404, "no app has this name"));
    assert_ne!(try_curl(&host, unknown, &["--cacert", &pem.cert.display().to_string()]).code, 0);
    for name in ["unknown.example", &app.domain()] {
        let mut openssl = host.command("openssl");
        openssl.args(["s_client", "-connect", &host.https().to_string(), "-servername", name]);
        let said = run(&mut openssl, b"", None).out();
        assert_eq!(said.contains("CN = dokuen.invalid"), name == "unknown.example", "{said}");
    }
    let text = fs::read_to_string(host.dir().join("nginx/00-default.conf")).unwrap();
    assert!(text.contains("stand-in.pem") && !text.contains("reject_handshake"), "{text}");
    let key = fs::metadata(host.dir().join("nginx/own/stand-in.key")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&key) & 0o777, 0o600);
    app.dokuen("nginx:set", &["http3=on"]).exits(9).stderr_has("nginx 1.18.0 has no HTTP/3");
    app.greeting("two").push().ok().serving("two");
}
