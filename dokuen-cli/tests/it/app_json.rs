//! `app.json`: health checks, scripts around the switch, and what cannot be right in it.

use std::fs;

use crate::app::App;
use crate::host::Host;

fn app() -> App {
    Host::new().app("hello", "types")
}

#[test]
fn a_health_check_decides_about_a_release_and_a_config_var_beats_it() {
    let app = app();
    app.with("app.json", r#"{"healthchecks": {"web": [{"type": "startup", "path": "/pid"}, {"path": "/"}]}}"#);
    app.push().ok().serving("Hello from types, version 1");
    let never = r#"{"healthchecks": {"web": [{"path": "/sleep/9000", "attempts": 1, "timeout": 1, "wait": 0}]}}"#;
    app.with("app.json", never).greeting("two");
    app.push()
        .exits(1)
        .stderr_has("web.1 did not answer on port")
        .stderr_has("within 1 s: it took the connection, but GET /sleep/9000 brought no answer")
        .still_serving("Hello from types, version 1");
    app.dokuen("config:set", &["DOKUEN_CHECK_PATH=/pid"]).ok();
    app.push().ok().serving("two");
    // A restart asks for the same as a deploy.
    app.dokuen("config:unset", &["DOKUEN_CHECK_PATH"]).exits(6).stderr_has("GET /sleep/9000").still_serving("two");
}

#[test]
fn scripts_run_around_the_switch() {
    let app = app();
    let scripts = r#"{"scripts": {
        "postdeploy": "echo filling $DOKUEN_RELEASE; printf x >> $HOME/../../seeded",
        "dokku": {"predeploy": "echo before; test ! -e .dokuen/complete || exit 9",
                  "postdeploy": "echo after $DOKUEN_RELEASE in $PS; test ! -e fail || exit 7"}}}"#;
    app.with("app.json", scripts);
    let said = app.push().ok().stderr_has("filling v1").stderr_has("after v1 in postdeploy.1").err;
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text} in {said}"));
    assert!(at("before") < at("v1 is live") && at("v1 is live") < at("filling v1"), "{said}");
    app.with("fail", "").greeting("two");
    app.push()
        .ok()
        .stderr_has("after v2")
        .stderr_has("! dokku.postdeploy failed, and hello serves all the same: it exited with 7")
        .stderr_lacks("filling")
        .serving("two");
    assert_eq!(fs::read(app.dir().join("seeded")).unwrap(), b"x", "what fills an app runs once");
    app.with("app.json", r#"{"scripts": {"dokku": {"predeploy": "exit 3"}}}"#).greeting("three");
    app.push().fails().stderr_has("predeploy failed; the release was not started").still_serving("two");
}

#[test]
fn what_fills_an_app_is_tried_again_until_it_has() {
    let app = app();
    app.with("app.json", r#"{"scripts": {"postdeploy": {"command": "test -e ready || exit 4"}}}"#);
    app.push().ok().stderr_has("! postdeploy failed, and hello serves all the same: it exited with 4");
    app.with("ready", "").push().ok().stderr_has("running postdeploy").stderr_lacks("failed");
    app.greeting("three").push().ok().stderr_lacks("postdeploy");
}

#[test]
fn what_cannot_be_right_is_refused_before_anything_is_built() {
    let app = app();
    app.push().ok();
    for (text, said) in [
        ("{", "app.json is not JSON"),
        (r#"{"healthchecks": {"web": [{"path": 5}]}}"#, "app.json: healthchecks.web[0].path must be text"),
        (r#"{"scripts": {"postdeploy": ["x"]}}"#, "app.json: scripts.postdeploy must be a command"),
    ] {
        app.with("app.json", text);
        app.push().fails().stderr_has(said).stderr_lacks("detecting").still_serving("Hello from types, version 1");
    }
    fs::remove_file(app.checkout.join("app.json")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", app.checkout.join("app.json")).unwrap();
    app.commit("a link");
    app.push().fails().stderr_lacks("root:").still_serving("Hello from types, version 1");
    fs::remove_file(app.checkout.join("app.json")).unwrap();
    let foreign = r#"{"name": "x", "env": {"A": {"required": true}}, "addons": ["x"], "stack": "heroku-24",
                      "healthchecks": {"web": [{"path": "/pid", "content": "5"}]}}"#;
    app.with("app.json", foreign).push().ok().stderr_has("! app.json: healthchecks.web[0]: content is not looked at");
}
