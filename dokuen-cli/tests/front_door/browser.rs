//! A browser that people use, by https with a certificate of an authority that it believes.

use std::process::Command;

use crate::acme::auto;
use crate::authority::{Authority, Whims};
use crate::host::Host;
use crate::outcome::{Outcome, run};
use crate::tools;

#[test]
fn a_page_opens_in_a_browser_that_believes_the_authority() {
    let host = Host::new();
    let app = tools::app_of(&host, include_str!("py/page.py"));
    app.push().ok();
    let authority = Authority::new(&host, &Whims::default());
    auto(&app, &authority, &[]).ok();

    let stranger = open(&host, &app.domain());
    assert!(!stranger.out().contains("h2"), "believed without a reason: {stranger}");
    let mut certutil = host.command("certutil");
    certutil.args(["-d", &format!("sql:{}", profile(&host, "nssdb")), "-A", "-n", "root", "-t", "C,,", "-i"]);
    let _ = std::fs::create_dir_all(profile(&host, "nssdb"));
    run(certutil.arg(authority.issuer()), b"", None).ok();
    let said = format!("https | h2 | true | rgb(1, 2, 3) | {}", app.domain());
    open(&host, &app.domain()).ok().stdout_has(&said);
    // The same certificate for a name that it is not for.
    let other = open(&host, "other.example");
    assert!(!other.out().contains("h2"), "{other}");
}

fn profile(host: &Host, name: &str) -> String {
    host.temp().join(".pki").join(name).display().to_string()
}

/// The page as it is after its scripts have run.
fn open(host: &Host, name: &str) -> Outcome {
    let mut chromium: Command = host.command("timeout");
    chromium.args(["120", "chromium"]);
    // As root it starts with no sandbox alone; it sees nothing but this page.
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    chromium.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
    ]);
    chromium.arg(format!("--user-data-dir={}", host.temp().join("browser").display()));
    chromium.arg("--host-resolver-rules=MAP * 127.0.0.1").arg("--virtual-time-budget=20000").arg("--dump-dom");
    run(chromium.arg(format!("https://{name}:{}/", host.https().port())), b"", None)
}
