//! gRPC through the front door: a real server, a real client, releases that switch under a call.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::app::App;
use crate::host::Host;
use crate::outcome::run;
use crate::pem::Pem;
use crate::tools;

fn client(app: &App, pem: &Pem, what: &str, argument: &str) -> Command {
    let mut client = app.host.command(tools::python());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/py/grpc_client.py");
    client.arg(script).arg(app.host.https().port().to_string()).arg(app.domain()).arg(&pem.cert);
    client.args([what, argument]);
    client
}

fn says(app: &App, pem: &Pem, what: &str, argument: &str) -> String {
    run(&mut client(app, pem, what, argument), b"", None).ok().out()
}

fn served(host: &Host) -> (App, Pem) {
    let app = tools::app_of(host, include_str!("py/grpc_server.py"));
    app.dokuen("config_set", &["DOKUEN_PROTOCOL=grpc"]).ok();
    app.push().ok();
    let pem = Pem::of(host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    (app, pem)
}

#[test]
fn calls_of_every_kind_pass_and_a_release_switches_under_them() {
    let host = Host::new();
    let (app, pem) = served(&host);
    assert_eq!(says(&app, &pem, "Say", "hi"), "one: hi from 127.0.0.1 by nobody\n");
    assert_eq!(says(&app, &pem, "Chat", "a bc"), "A\nBC\n");
    assert_eq!(says(&app, &pem, "Refuse", "x"), "NOT_FOUND: there is no such thing\n");
    app.dokuen("nginx:set", &["request-header.X-Tenant=blue"]).ok();
    assert_eq!(says(&app, &pem, "Say", "hi"), "one: hi from 127.0.0.1 by blue\n");

    // A stream that was begun is ended by the release that began it, while the next call is the new one's.
    let mut counting = client(&app, &pem, "Count", "40").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(counting.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("one 0"));
    app.dokuen("config_set", &["WORD=two"]).ok();
    assert_eq!(says(&app, &pem, "Say", "hi"), "two: hi from 127.0.0.1 by blue\n");
    assert_eq!(lines.last().as_deref(), Some("one 39"));
    assert!(counting.wait().unwrap().success());
}

#[test]
fn an_app_that_speaks_otherwise_than_it_says_does_not_go_live() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    app.dokuen("config_set", &["DOKUEN_PROTOCOL=h2"]).exits(2).stderr_has("DOKUEN_PROTOCOL must be http or grpc");
    app.dokuen("config_set", &["DOKUEN_PROTOCOL=grpc", "DOKUEN_BOOT_TIMEOUT=2"])
        .exits(6)
        .stderr_has("it does not speak HTTP/2");
    app.serves("Hello from Python, version 1");
}

#[test]
fn a_caller_of_an_app_that_is_not_there_is_told_so_in_its_own_words() {
    let host = Host::new();
    let (app, pem) = served(&host);
    app.dokuen("shutdown", &[]).ok();
    let said = says(&app, &pem, "Say", "hi");
    assert!(said.starts_with("UNAVAILABLE: "), "{said}");
}
