//! What is changed of an app that is shut down starts nothing, and says so.

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

#[test]
fn an_empty_buildpack_url_is_named_with_what_to_do() {
    let app = Host::new().app("hello", "types");
    let said = app.dokuen("config_set", &["BUILDPACK_URL="]).exits(2).stderr_has("! BUILDPACK_URL is empty");
    said.stderr_has("hint: dokuen config_delete BUILDPACK_URL");
    app.dokuen("config_set", &["BUILDPACK_URL=ftp://x"]).exits(2).stderr_has("! BUILDPACK_URL: ");
}
