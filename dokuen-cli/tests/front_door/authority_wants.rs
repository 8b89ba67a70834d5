//! What an authority asks of its customers: not to ask again for a while, and to renew what it has taken back.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::acme::{chain, served};
use crate::app::App;
use crate::authority::{Authority, Whims, believes};
use crate::between::Between;
use crate::host::Host;
use crate::outcome::{Outcome, run};

fn auto(app: &App, between: &Between) -> Outcome {
    let flags = between.flags();
    app.dokuen("certs:auto", &flags.iter().map(String::as_str).collect::<Vec<_>>())
}

fn too_many(between: &Between, path: &str, retry_after: &str) {
    let body =
        json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates for this name"});
    between.refuse(path, 429, json!({"Retry-After": retry_after}), body);
}

/// The time of a pause is over, without waiting for it.
fn let_time_pass(app: &App) {
    let path: PathBuf = app.dir().join("front/order/later.json");
    let mut pause: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    pause["until"] = json!(1);
    fs::write(path, pause.to_string()).unwrap();
}

#[test]
fn an_authority_that_is_asked_too_much_is_not_asked_before_the_time_it_says() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    let between = Between::new(&host, &authority);
    auto(&app, &between).ok();
    let (before, root) = (chain(&app), authority.issuer());
    between.asked();

    too_many(&between, "/order-plz", "7200");
    let refused = app.dokuen("certs:renew", &["--force"]).exits(1);
    refused.stderr_has("is not to be asked again before 20").stderr_has("too many certificates for this name");
    assert!(between.asked().contains(&"POST /order-plz".to_owned()));
    assert_eq!(chain(&app), before);
    assert!(believes(&host, &root, &app.domain()));

    // Told wherever people look, and nobody asks: neither the timer, which fails not once more, nor somebody who insists.
    host.dokuen(&["certs:renew"]).ok().stdout_has("hello: ").stdout_has("not to be asked again before 20");
    app.dokuen("certs:renew", &["--force"]).exits(1).stderr_has("not to be asked again before 20");
    app.dokuen("certs", &[]).ok().stdout_has("not to be asked again before 20");
    let said = host.dokuen(&["doctor"]);
    assert!(format!("{}{}", said.out(), said.err).contains("not to be asked again before 20"), "{said}");
    let events = host.dokuen(&["events", "--json"]).ok().out();
    let refusals = events.lines().filter(|line| line.contains("certs:renew") && line.contains("\"exit\":1"));
    assert_eq!(refusals.clone().count(), 1, "{events}");
    let what = "\"what\":\"certs:renew, not to be asked again before 20";
    assert!(refusals.clone().all(|line| line.contains(what)), "{events}");
    assert_eq!(between.asked(), Vec::<String>::new());
    // A limit on these names is none on others.
    app.dokuen("domains:add", &["other.example"]).ok();
    assert!(between.asked().contains(&"POST /order-plz".to_owned()));

    between.relent();
    let_time_pass(&app);
    host.dokuen(&["certs:renew"]).ok().stdout_has("https answers with a certificate for");
    assert_ne!(chain(&app), before);
    assert!(believes(&host, &root, "other.example"));
    assert!(!app.dokuen("certs", &["--json"]).ok().out().contains("asked again"));
}

#[test]
fn every_answer_that_asks_for_a_pause_is_understood() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    let between = Between::new(&host, &authority);
    for (path, status, head, words) in [
        ("/dir", 429, json!({"Retry-After": "60"}), "asked too often"),
        ("/nonce-plz", 429, json!({}), "asked too often"),
        ("/sign-me-up", 429, json!({"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}), "no more, please"),
        ("/order-plz", 503, json!({"Retry-After": "30"}), "no more, please"),
        ("/chalZ/", 429, json!({"Retry-After": "30"}), "no more, please"),
        ("/finalize-order/", 429, json!({"Retry-After": "30"}), "no more, please"),
    ] {
        between.refuse(
            path,
            status,
            head,
            json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "no more, please"}),
        );
        between.asked();
        auto(&app, &between).exits(1).stderr_has("is not to be asked again before 20").stderr_has(words);
        assert!(between.asked().last().unwrap().contains(path), "{path}");
        // Also somebody who has no certificate yet, and types it once more.
        auto(&app, &between).exits(1).stderr_has("is not to be asked again before 20").stderr_has(words);
        assert_eq!(between.asked(), Vec::<String>::new(), "{path}");
        let_time_pass(&app);
    }
    // A refusal that names no time is none to wait for. Other names, so that there is a new order.
    app.dokuen("domains:add", &["second.example"]).ok();
    between.refuse("/order-plz", 503, json!({}), json!({"detail": "out of order"}));
    auto(&app, &between).exits(1).stderr_has("out of order").stderr_lacks("asked again");
    assert!(!app.exists("front/order/later.json"));
    between.relent();
    auto(&app, &between).ok();
    assert!(believes(&host, &authority.issuer(), "second.example"));
}

/// Taken back by somebody else: here with the certificate's own key, as whoever finds a stolen one may (RFC 8555, 7.6).
#[test]
fn a_certificate_that_was_taken_back_is_replaced_by_the_timer() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    let between = Between::new(&host, &authority);
    between.suggest("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z");
    auto(&app, &between).ok();
    let (first, root) = (chain(&app), authority.issuer());
    let copy = host.temp().join("first.pem");
    fs::copy(&first, &copy).unwrap();
    between.asked();
    host.dokuen(&["certs:renew"]).ok();
    let asked = between.asked();
    assert!(asked.len() == 2 && asked[1].starts_with("GET /renewal/"), "{asked:?}");
    assert_eq!(chain(&app), first, "its time has not come");

    revoke_with_its_own_key(&host, &between, &first);
    assert_eq!(authority.status(&copy), "Revoked");
    between.suggest("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    host.dokuen(&["certs:renew"])
        .ok()
        .stdout_has("the authority wants the certificate of hello renewed now: \"https://authority.example/why\"")
        .stdout_has("https answers with a certificate for");
    assert_ne!(chain(&app), first);
    let second = host.temp().join("second.pem");
    fs::copy(chain(&app), &second).unwrap();
    assert_eq!(authority.status(&second), "Valid");
    assert!(believes(&host, &root, &app.domain()));
    assert!(!first.exists(), "its key is gone as well");

    // An authority that does not say is told of, and no trouble.
    between.suggest("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z");
    between.refuse("/renewal/", 500, json!({}), json!({"detail": "out of order"}));
    host.dokuen(&["certs:renew"]).ok().stdout_has("the authority did not say whether to renew early: ");
    assert!(!app.dokuen("certs", &["--json"]).ok().out().contains("out of order"));
}

#[test]
fn a_renewal_says_what_it_replaces_and_does_without_where_that_is_refused() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    let between = Between::new(&host, &authority);
    // An authority without renewal information is told nothing.
    auto(&app, &between).ok();
    app.dokuen("certs:renew", &["--force"]).ok();
    assert_eq!(between.orders(), ["-", "-"]);

    between.suggest("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z");
    let renewed = |orders: &[&str]| {
        let before = chain(&app);
        let (named, asked) = (ari_name(&host, &before), app.dokuen("certs:renew", &["--force"]).ok());
        asked.stdout_has("https answers with a certificate for");
        let orders: Vec<_> = orders.iter().map(|order| order.replace('=', &named)).collect();
        assert_eq!(between.orders(), orders);
        assert_ne!(chain(&app), before);
    };
    renewed(&["="]);
    for kind in ["alreadyReplaced", "malformed", "unauthorized"] {
        between.refuse_replacing(kind);
        renewed(&["=", "-"]);
    }
    between.forget_replacing();
    renewed(&["=", "-"]);
    assert!(believes(&host, &authority.issuer(), &app.domain()));

    // What is refused for another reason is not asked for twice.
    between.refuse_replacing("rejectedIdentifier");
    app.dokuen("certs:renew", &["--force"]).exits(1).stderr_has("that one is gone already");
    assert_eq!(between.orders().len(), 1);
}

/// The name of a certificate for its authority (RFC 9773, 4.1), as openssl reads it.
fn ari_name(host: &Host, chain: &std::path::Path) -> String {
    let script = r#"
import base64, re, subprocess, sys
text = subprocess.run(["openssl", "x509", "-noout", "-serial", "-ext", "authorityKeyIdentifier", "-in", sys.argv[1]],
                      check=True, capture_output=True, text=True).stdout
serial = re.search("serial=([0-9A-F]+)", text)[1]
serial = bytes.fromhex(("00" if serial[0] in "89ABCDEF" else "") + serial)
key = bytes.fromhex(re.search("(?:[0-9A-F]{2}:){19}[0-9A-F]{2}", text)[0].replace(":", ""))
print(*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (key, serial)), sep=".")"#;
    let mut python = host.command("python3");
    run(python.args(["-c", script]).arg(chain), b"", None).ok().out().trim().to_owned()
}

/// What no command of Dokuen's does: signed by the key of the certificate, not by that of an account.
fn revoke_with_its_own_key(host: &Host, between: &Between, chain: &std::path::Path) {
    let mut python = host.command("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/py/revoke.py"));
    python.arg(between.flags()[0].trim_start_matches("--directory=")).arg(chain).arg(chain.with_file_name("key.pem"));
    run(&mut python, b"", None).ok();
}
