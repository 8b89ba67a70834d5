//! Certificates that people bring, and what nginx does with them.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::app::App;
use crate::curl::{curl, secure, try_curl};
use crate::host::Host;
use crate::outcome::run;
use crate::pem::Pem;
use crate::unchanged_but;

fn served(host: &Host) -> App {
    let app = host.app("hello", "python");
    app.push().ok();
    app
}

#[test]
fn a_certificate_answers_https_and_use_ssl_leads_there() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("domains:add", &["www.hello.example"]).ok();
    let pem = Pem::of(&host, "own", &["www.hello.example", "other.example"]);
    let [cert, key] = pem.paths();
    app.dokuen("certs:add", &[&cert, &key])
        .ok()
        .stdout_has("https answers with a certificate for www.hello.example, other.example")
        .stdout_has("it is not good for hello.dokuen.test, which http alone answers");
    let (url, plain) = ("https://www.hello.example/header/x-forwarded-proto", "http://www.hello.example/a?b");
    let answer = secure(&host, &pem.cert, url, &["--http2"]);
    assert_eq!((answer.status, answer.body.trim()), (200, "https"));
    assert!(answer.head.starts_with("http/2 200"), "{}", answer.head);
    assert_eq!(secure(&host, &pem.cert, url, &["--http1.1"]).status, 200);
    assert_eq!(curl(&host, plain, &[]).status, 404, "the app itself answers by http too");

    app.dokuen("config_set", &["USE_SSL=1"]).ok();
    let answer = curl(&host, plain, &[]);
    assert_eq!(answer.status, 301);
    let location = format!("location: https://www.hello.example:{}/a?b\r\n", host.https().port());
    assert!(answer.head.contains(&location), "{}", answer.head);
    app.serves("Hello from Python, version 1");
    assert!(!secure(&host, &pem.cert, url, &[]).head.contains("strict-transport"));
    app.dokuen("nginx:set", &["hsts=365d include-subdomains"]).ok();
    let head = secure(&host, &pem.cert, url, &[]).head;
    assert!(head.contains("strict-transport-security: max-age=31536000; includesubdomains\r\n"), "{head}");

    let list = app.dokuen("certs", &[]).ok();
    list.clone().stdout_has("www.hello.example other.example").stdout_has(" 59 ");
    assert!(!list.out().contains("PRIVATE"));
    app.dokuen("certs:remove", &[]).ok();
    app.dokuen("certs:remove", &[]).exits(3);
    assert_ne!(try_curl(&host, url, &["-k"]).code, 0, "nothing answers by https any more");
    assert_eq!(curl(&host, plain, &[]).status, 404, "and http answers again");
}

#[test]
fn whoever_asks_for_another_name_sees_no_app_and_no_certificate() {
    let host = Host::new();
    let app = served(&host);
    let pem = Pem::of(&host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    assert_eq!(secure(&host, &pem.cert, &format!("https://{}/", app.domain()), &[]).status, 200);
    for (name, tls) in [("unknown.example", &[][..]), ("127.0.0.1", &[]), ("unknown.example", &["--tls-max", "1.2"])] {
        let refused = try_curl(&host, &format!("https://{name}/"), &[&["-k"][..], tls].concat()).exits(35);
        assert!(refused.err.contains("unrecognized name"), "{refused}");
    }
    // The right name for the handshake and another one behind it.
    let other = curl(&host, &format!("https://{}/", app.domain()), &["-k", "-H", "Host: unknown.example"]);
    assert_eq!((other.status, other.body.trim()), (404, "no app has this name"));
    for old in ["-tls1", "-tls1_1"] {
        let mut openssl = host.command("openssl");
        let at = host.https().to_string();
        openssl.args(["s_client", "-connect", &at, "-servername", &app.domain(), old, "-cipher", "DEFAULT@SECLEVEL=0"]);
        run(&mut openssl, b"", None).fails();
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changes() {
    let host = Host::new();
    let app = served(&host);
    let (own, other) = (Pem::of(&host, "own", &[&app.domain()]), Pem::of(&host, "other", &["other.example"]));
    app.dokuen_given("certs:add", &[], &own.text()).ok();
    let before = host.snapshot();
    let cert_of_key = [fs::read(&own.cert).unwrap(), fs::read(&other.key).unwrap()].concat();
    for (input, code, words) in [
        (&b""[..], 2, "no certificate"),
        (b"hello", 2, "no certificate"),
        (&fs::read(&own.cert).unwrap(), 2, "no private key"),
        (&cert_of_key, 2, "belongs to none of these certificates"),
        (&other.text(), 2, "the certificate is for other.example, and hello has none of these names"),
    ] {
        app.dokuen_given("certs:add", &[], input).exits(code).stderr_has(words).stderr_lacks("\n-----BEGIN");
    }
    app.dokuen("certs:add", &["/nowhere.pem"]).exits(2);
    unchanged_but(&before, &host, &["events"]);
    assert_eq!(secure(&host, &own.cert, &format!("https://{}/", app.domain()), &[]).status, 200);
}

#[test]
fn a_tar_on_standard_input_is_read_and_never_unpacked() {
    let host = Host::new();
    let app = served(&host);
    let pem = Pem::of(&host, "own", &[&app.domain()]);
    let mut builder = tar::Builder::new(Vec::new());
    for (name, path) in [("server.crt", &pem.cert), ("server.key", &pem.key)] {
        builder.append_path_with_name(path, name).unwrap();
    }
    app.dokuen_given("certs:add", &[], &builder.into_inner().unwrap()).ok();
    assert_eq!(secure(&host, &pem.cert, &format!("https://{}/", app.domain()), &[]).status, 200);

    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "server.key", "/etc/passwd").unwrap();
    app.dokuen_given("certs:add", &[], &builder.into_inner().unwrap()).exits(2).stderr_has("no plain file");
}

#[test]
fn keys_are_their_owners_alone_and_old_ones_are_gone() {
    let host = Host::new();
    let app = served(&host);
    for label in ["first", "second"] {
        app.dokuen_given("certs:add", &[], &Pem::of(&host, label, &[&app.domain()]).text()).ok();
    }
    let kept: Vec<_> = fs::read_dir(app.dir().join("front/certs")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    for name in ["key.pem", "chain.pem", "about.json"] {
        assert_eq!(fs::metadata(kept[0].join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    let key = fs::read_to_string(kept[0].join("key.pem")).unwrap();
    let line = key.lines().nth(1).unwrap();
    for dir in ["events", "nginx", "boot"] {
        let out = run(host.command("grep").args(["-r", "-F", "-e", line]).arg(host.dir().join(dir)), b"", None);
        assert_eq!(out.code, 1, "a key's line stands in {dir}");
    }
}

#[test]
fn one_certificate_for_the_machine_answers_for_every_app_that_it_is_good_for() {
    let host = Host::new();
    let (one, two) = (served(&host), host.app("two", "python"));
    two.push().ok();
    let pem = Pem::of(&host, "wild", &["*.dokuen.test"]);
    host.dokuen_given(&["certs:add"], &pem.text()).ok();
    for app in [&one, &two] {
        assert_eq!(secure(&host, &pem.cert, &format!("https://{}/", app.domain()), &[]).status, 200);
    }
    // An app's own goes before it.
    let own = Pem::of(&host, "own", &[&one.domain()]);
    one.dokuen_given("certs:add", &[], &own.text()).ok();
    assert_eq!(secure(&host, &own.cert, &format!("https://{}/", one.domain()), &[]).status, 200);
    host.dokuen(&["certs"]).ok().stdout_has("(all)").stdout_has("*.dokuen.test");
    one.greeting("two").push().ok().serving("two");
    host.dokuen(&["certs:remove"]).ok();
    assert_ne!(try_curl(&host, &format!("https://{}/", two.domain()), &["-k"]).code, 0);
}

#[test]
fn an_expired_certificate_is_a_problem_for_the_doctor() {
    let host = Host::new();
    let app = served(&host);
    let pem = Pem::of(&host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    let said = host.dokuen(&["doctor"]).out();
    // Whole days: sixty in the second in which it was made, and one less after.
    let good = |days: u8| said.contains(&format!("the certificate of hello is good for {days} days"));
    assert!(good(59) || good(60), "{said}");
    let id = fs::read_to_string(app.dir().join("front/cert")).unwrap();
    let about = app.dir().join("front/certs").join(id.trim()).join("about.json");
    let text = fs::read_to_string(&about).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["expires"] = (json["expires"].as_i64().unwrap() - 55 * 86_400).into();
    fs::write(&about, json.to_string()).unwrap();
    let said = host.dokuen(&["doctor"]);
    let all = format!("{}{}", said.out(), said.err);
    assert!([4, 5].iter().any(|days| all.contains(&format!("hello is good for {days} days"))), "{said}");
}
