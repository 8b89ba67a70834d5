//! Config vars of an app and those of all apps share one limit: the kernel's.

use crate::app::App;
use crate::host::Host;

/// `NAME0=xxx...` and so on, in all 1.08 MB.
fn large(name: &str) -> Vec<u8> {
    (0..9).map(|n| format!("{name}{n}={}\n", "x".repeat(120_000))).collect::<String>().into_bytes()
}

fn import(app: &App, text: &[u8]) -> crate::outcome::Outcome {
    app.dokuen_given("config:import", &["-"], text)
}

#[test]
fn an_app_whose_own_and_whose_global_vars_are_too_large_together_keeps_what_it_has() {
    let host = Host::new();
    let (app, small) = (host.app("hello", "types"), host.app("small", "types"));
    app.push().ok();
    import(&app, &large("OWN")).ok();
    let refused = host.dokuen_given(&["config:import", "--global", "-"], &large("ALL")).exits(2);
    refused.stderr_has("bytes together with those of hello; 1572864 are allowed");
    host.dokuen(&["config", "--global"]).ok().stdout_is("");
    app.dokuen("restart", &[]).ok();
    // The same names count once: the app's own win.
    host.dokuen_given(&["config:import", "--global", "--no-restart", "-"], &large("OWN")).ok();
    app.dokuen("config_set", &["B=1"]).ok();
    let names: Vec<String> = (0..9).map(|n| format!("OWN{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    app.dokuen("config_delete", &names).ok();
    let refused = import(&app, &large("MINE")).exits(2);
    refused.stderr_has("bytes together with those of all apps; 1572864 are allowed");
    import(&small, &large("MINE")).exits(2).stderr_has("with those of all apps");
    assert_eq!(app.env("B"), b"1");
}

#[test]
fn what_is_too_large_already_may_shrink() {
    let host = Host::new();
    let app = host.app("hello", "types");
    import(&app, &large("OWN")).ok();
    for line in String::from_utf8(large("ALL")).unwrap().lines() {
        let (name, value) = line.split_once('=').unwrap();
        std::fs::write(host.dir().join("env").join(name), value).unwrap();
    }
    app.dokuen("config_set", &["B=1"]).exits(2);
    host.dokuen(&["config_delete", "--global", "ALL0"]).ok();
    app.dokuen("config_delete", &["OWN0"]).ok();
}
