//! Certificates from an authority, and everything that can go wrong on the way.

use std::fs;
use std::path::PathBuf;

use crate::app::App;
use crate::authority::{Authority, Whims, believes};
use crate::host::{Host, eventually};

pub fn served(host: &Host) -> App {
    let app = host.app("hello", "python");
    app.push().ok();
    app
}

pub fn auto(app: &App, authority: &Authority, more: &[&str]) -> crate::outcome::Outcome {
    let flags = authority.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    app.dokuen("certs:auto", &flags)
}

/// The chain in force, which tells one certificate from the next.
pub fn chain(app: &App) -> PathBuf {
    let id = fs::read_to_string(app.dir().join("front/cert")).unwrap();
    app.dir().join("front/certs").join(id.trim()).join("chain.pem")
}

#[test]
fn one_command_and_https_answers_and_stays() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    app.dokuen("domains:add", &["blog.example", "www.blog.example"]).ok();
    auto(&app, &authority, &["--email=a@blog.example"])
        .ok()
        .stdout_has("having a certificate made for blog.example, www.blog.example")
        .stdout_has("https answers with a certificate for");
    let root = authority.issuer();
    assert!(believes(&host, &root, "blog.example") && believes(&host, &root, "www.blog.example"));
    let mut openssl = host.command("openssl");
    openssl.args([
        "s_client",
        "-connect",
        &host.https().to_string(),
        "-servername",
        "blog.example",
        "-verify_return_error",
    ]);
    let verified =
        crate::outcome::run(openssl.args(["-verify_hostname", "blog.example", "-CAfile"]).arg(&root), b"", None);
    verified.ok().stdout_has("Verification: OK");

    // Nothing is due, so nothing happens; then a new name is, at once.
    let first = chain(&app);
    app.dokuen("certs:renew", &[]).ok();
    host.dokuen(&["certs:renew"]).ok();
    assert_eq!(chain(&app), first);
    app.dokuen("domains:add", &["new.example"]).ok().stdout_has("renewing the certificate of hello");
    assert!(believes(&host, &root, "new.example"));
    assert_ne!(chain(&app), first);
    let second = chain(&app);
    app.dokuen("certs:renew", &["--force"]).ok();
    assert!(chain(&app) != second && believes(&host, &root, "blog.example"));
    host.dokuen(&["events"]).ok().stdout_has("certs:renew");
    app.dokuen("certs", &[]).ok().stdout_has(&authority.url());
    assert!(!app.exists("front/order"));

    // The answers to the authority are gone, and USE_SSL keeps none of the next ones out.
    app.dokuen("config_set", &["USE_SSL=1"]).ok();
    app.dokuen("certs:renew", &["--force"]).ok();
    assert_eq!(fs::read_dir(host.dir().join("run/.acme")).unwrap().count(), 0);
    app.dokuen("certs:auto:disable", &[]).ok();
    app.dokuen("certs:renew", &["--force"]).exits(3).stderr_has("not kept up");
    assert!(believes(&host, &root, "blog.example"));
}

#[test]
fn in_maintenance_and_behind_a_password_the_authority_still_gets_its_answer() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    app.dokuen_given("nginx:set", &["basic-auth.alice=-", "deny=0.0.0.0/0", "rate-limit=1r/m"], b"x\n").ok();
    auto(&app, &authority, &[]).ok();
    app.dokuen("maintenance:on", &[]).ok();
    app.dokuen("certs:renew", &["--force"]).ok();
}

#[test]
fn a_name_that_does_not_lead_here_is_told_and_nothing_changes() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    auto(&app, &authority, &[]).ok();
    let (before, root) = (chain(&app), authority.issuer());
    // nginx answers for this name as for one that nobody has.
    let refused = auto(&app, &authority, &[&app.domain(), "stranger.example"]).exits(1);
    assert!(refused.err.contains("does not believe that stranger.example is ours"), "{refused}");
    assert_eq!(chain(&app), before);
    assert!(believes(&host, &root, &app.domain()));
    // What was kept up before still is, for its own names.
    app.dokuen("certs:renew", &["--force"]).ok();
}

#[test]
fn wildcards_by_a_hook_that_changes_the_dns() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    app.dokuen("domains:add", &["shop.example", "*.shop.example"]).ok();
    let wildcard = auto(&app, &authority, &["*.shop.example"]);
    wildcard.exits(2).stderr_has("an authority believes wildcards only by DNS");
    let hook = format!("--hook={}", authority.hook().display());
    auto(&app, &authority, &[&hook]).ok();
    let root = authority.issuer();
    assert!(believes(&host, &root, "any.shop.example") && believes(&host, &root, "shop.example"));
    let log = authority.hook_log();
    assert!(
        log.contains("add _acme-challenge.shop.example\n") && log.contains("remove _acme-challenge.shop.example\n"),
        "{log}"
    );
    fs::write(authority.hook(), "#!/bin/sh\necho no such zone >&2\nexit 1\n").unwrap();
    app.dokuen("certs:renew", &["--force"]).exits(1).stderr_has("the DNS hook failed for _acme-challenge.shop.example");
    assert!(believes(&host, &root, "any.shop.example"));
}

#[test]
fn one_certificate_for_the_machine_by_dns() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    let (flags, hook) = (authority.flags(), format!("--hook={}", authority.hook().display()));
    let mut words = vec!["certs:auto", &hook, "*.dokuen.test"];
    words.extend(flags.iter().map(String::as_str));
    host.dokuen(&words).ok();
    assert!(believes(&host, &authority.issuer(), &app.domain()));
    host.dokuen(&["certs:renew", "--force"]).ok();
}

#[test]
fn an_authority_that_wants_a_customers_key() {
    let host = Host::new();
    let app = served(&host);
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let authority = Authority::new(&host, &Whims { external: Some(("kid-1", key)), ..Whims::default() });
    auto(&app, &authority, &[]).exits(1).stderr_has("externalAccount");
    let flags = authority.flags();
    let mut words: Vec<&str> = flags.iter().map(String::as_str).collect();
    words.push("--eab-kid=kid-1");
    app.dokuen_given("certs:auto", &words, b"").exits(2).stderr_has("comes on standard input");
    app.dokuen_given("certs:auto", &words, b"d3Jvbmc\n").exits(1);
    app.dokuen_given("certs:auto", &words, format!("{key}\n").as_bytes()).ok();
    assert!(believes(&host, &authority.issuer(), &app.domain()));
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(app.dir().join("front/auto")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_authority_that_is_down_costs_nothing_but_the_renewal() {
    let host = Host::new();
    let app = served(&host);
    let mut authority = Authority::new(&host, &Whims::default());
    auto(&app, &authority, &[]).ok();
    let (before, root) = (chain(&app), authority.issuer());
    authority.stop();
    host.dokuen(&["certs:renew", "--force"]).exits(1).stderr_has("localhost");
    assert_eq!(chain(&app), before);
    assert!(believes(&host, &root, &app.domain()));
    app.dokuen("certs", &["--json"]).ok().stdout_has("\"failed\": \"20");
    let said = host.dokuen(&["doctor"]);
    assert!(format!("{}{}", said.out(), said.err).contains("could not be renewed"), "{said}");
    // It comes back and knows neither the account nor the order any more: a new account is opened.
    authority.start(&Whims::default());
    app.dokuen("certs:renew", &["--force"]).ok();
    assert!(believes(&host, &authority.issuer(), &app.domain()));
    assert!(!app.dokuen("certs", &["--json"]).ok().out().contains("\"failed\": \"20"));
}

#[test]
fn a_revoked_certificate_is_replaced_by_the_next_renewal() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    auto(&app, &authority, &[]).ok();
    let copy = host.temp().join("copy.pem");
    fs::copy(chain(&app), &copy).unwrap();
    assert_eq!(authority.status(&copy), "Valid");
    app.dokuen("certs:revoke", &[]).ok();
    assert_eq!(authority.status(&copy), "Revoked");
    app.dokuen("certs:renew", &[]).ok();
    assert!(believes(&host, &authority.issuer(), &app.domain()));
}

/// Killed at any of many moments, the next call ends with a certificate: by the same account, and by the same order
/// where there was one.
#[test]
fn a_crash_in_the_middle_of_an_order_is_taken_up_by_the_next_call() {
    let host = Host::new();
    let app = served(&host);
    let authority = Authority::new(&host, &Whims::default());
    auto(&app, &authority, &[]).ok();
    let account = |host: &Host| {
        let dir = host.dir().join("front/accounts");
        let files = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "json"));
        files.map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>()
    };
    let before = account(&host);
    for pause in [5, 20, 40, 60, 80, 110, 150, 200, 260] {
        let mut renew = host.command(host.program());
        renew.args(["certs:renew", "--force", "--application=hello"]);
        let mut child = renew.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let workers = host.processes().into_iter().filter(|p| p.words.contains("/dokuen-acme order"));
        let workers: Vec<_> = workers.collect();
        let _ = child.kill();
        child.wait().unwrap();
        for worker in &workers {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker.pid), nix::sys::signal::SIGKILL);
        }
        eventually("the order's lock is free", || host.processes().iter().all(|p| !p.words.contains("/dokuen-acme ")));
        app.serves("Hello from Python, version 1");
        app.dokuen("certs:renew", &[]).ok();
        assert!(!app.exists("front/order"), "after {pause} ms");
        assert!(believes(&host, &authority.issuer(), &app.domain()), "after {pause} ms");
    }
    assert_eq!(account(&host), before);
}
