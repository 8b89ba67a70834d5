//! What is changed of an app that is shut down starts nothing, and says so.

use std::fs;

use crate::app::App;
use crate::host::Host;

const SAID: &str = "hello is shut down: dokuen boot --application=hello starts it";

#[test]
fn config_and_scale_say_that_nothing_runs_with_them() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config_set", &["A=1"]).ok();
    app.push().ok();
    app.dokuen("shutdown", &[]).ok();
    app.dokuen("config_set", &["A=2"]).ok().stdout_has(SAID);
    app.dokuen("config_delete", &["B"]).ok().stdout_has("nothing has changed");
    app.dokuen("scale", &["worker=1"]).ok().stdout_has(SAID);
    app.dokuen("boot", &[]).ok();
    app.comes_to_run(&["web.1", "worker.1"]);
    let said = app.dokuen("config_set", &["A=3"]).ok().out();
    assert!(!said.contains("shut down"), "{said}");
    assert_eq!(app.env("A"), b"3");
}

/// It takes three seconds to stop.
fn lingering(host: &Host, name: &str) -> App {
    let app = host.app(name, "types");
    app.with("Procfile", "clock: trap 'sleep 3; exit' TERM; sleep 1000 & wait\n");
    app.dokuen("config_set", &["DOKUEN_STOP_TIMEOUT=30"]).ok();
    app.push().ok();
    app.dokuen("scale", &["clock=1"]).ok();
    app
}

#[test]
fn all_apps_stop_at_the_same_time_and_each_by_its_own_terms() {
    let host = Host::new();
    let apps = ["a", "b", "c", "d"].map(|name| lingering(&host, name));
    let begun = std::time::Instant::now();
    host.dokuen(&["shutdown"]).ok().stdout_has("a stopped").stdout_has("d stopped");
    assert!(begun.elapsed().as_secs() < 9, "{:?}", begun.elapsed());
    assert!(apps.iter().all(|app| app.runs().is_empty()));
}

/// As when the disk is full: what there was before cannot be put back, and that is said.
#[test]
fn config_of_all_apps_that_cannot_be_settled_keeps_no_app_down() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.host.dokuen(&["shutdown"]).ok();
    fs::create_dir(app.host.dir().join("env/.undo")).unwrap();
    app.host.dokuen(&["boot"]).stderr_has("env/.undo");
    app.serves("Hello from types, version 1");
}

#[test]
fn a_boot_that_finds_the_app_busy_has_changed_nothing() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("shutdown", &[]).ok();
    let lock = fs::File::open(app.dir().join("lock")).unwrap();
    lock.lock().unwrap();
    app.dokuen("boot", &[]).exits(5);
    assert!(app.exists("stopped"));
    // One of all apps that somebody is at work on is no failure of theirs.
    fs::remove_file(app.dir().join("stopped")).unwrap();
    app.host.dokuen(&["boot"]).ok().stdout_has("app hello is busy");
    lock.unlock().unwrap();
    app.dokuen("boot", &[]).ok().serving("Hello from types, version 1");
}

#[test]
fn an_empty_buildpack_url_is_named_with_what_to_do() {
    let app = Host::new().app("hello", "types");
    let said = app.dokuen("config_set", &["BUILDPACK_URL="]).exits(2).stderr_has("! BUILDPACK_URL is empty");
    said.stderr_has("hint: dokuen config_delete BUILDPACK_URL");
    app.dokuen("config_set", &["BUILDPACK_URL=ftp://x"]).exits(2).stderr_has("! BUILDPACK_URL: ");
}
