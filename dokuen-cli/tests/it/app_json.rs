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
fn an_answer_must_be_what_the_check_wants() {
    let app = app();
    app.push().ok();
    let with = |check: &str| {
        app.with(
            "app.json",
            format!(r#"{{"healthchecks": {{"web": [{{"attempts": 1, "timeout": 2, "wait": 0, {check}}}]}}}}"#),
        );
        app.commit("a check");
    };
    let refused = |check: &str, said: &str| {
        with(check);
        app.push().exits(1).stderr_has("within 2 s: ").stderr_has(said).still_serving("Hello from types, version 1");
    };
    refused(r#""path": "/nothing", "status": "200-399""#, "it answered 404 to GET /nothing, and not 200-399");
    refused(r#""content": "Goodbye""#, "its answer to GET / does not hold \"Goodbye\"");
    // What comes in chunks, slowly, is put together; what never comes is not waited for.
    refused(r#""path": "/stream/3", "content": "chunk 4""#, "its answer to GET /stream/3 does not hold \"chunk 4\"");
    let host = r#""path": "/header/host", "httpHeaders": [{"name": "Host", "value": "me.test"}], "content": "#;
    refused(&format!("{host}\"you.test\""), "does not hold \"you.test\"");
    for good in [
        r#""path": "/nothing", "status": 404"#.to_owned(),
        r#""path": "/stream/3", "content": "chunk 3", "status": "200-299""#.to_owned(),
        format!("{host}\"me.test\""),
    ] {
        with(&good);
        app.push().ok();
    }
    // Config vars say it for all requests, and are checked when they are set.
    app.dokuen("config:set", &["DOKUEN_CHECK_CONTENT=me.testing"]).exits(6).stderr_has("does not hold \"me.testing\"");
    app.dokuen("config:set", &["DOKUEN_CHECK_HOST=me.testing", "DOKUEN_CHECK_CONTENT=me.testing"]).ok();
    app.dokuen("config:set", &["DOKUEN_CHECK_STATUS=204", "DOKUEN_BOOT_TIMEOUT=1"]).exits(6).stderr_has("and not 204");
    for bad in ["DOKUEN_CHECK_STATUS=2xx", "DOKUEN_CHECK_CONTENT=", "DOKUEN_CHECK_HOST=a\nb", "DOKUEN_CHECK_TIMEOUT=0"]
    {
        app.dokuen("config:set", &[bad]).exits(2).stderr_has(bad.split('=').next().unwrap());
    }
}

#[test]
fn a_command_beside_a_process_decides_too() {
    let app = app();
    app.push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    let with = |command: &str| {
        let check = format!(r#"{{"command": {command}, "attempts": 2, "timeout": 2, "wait": 1}}"#);
        app.with("app.json", format!(r#"{{"healthchecks": {{"worker": [{check}]}}}}"#)).commit("a check");
    };
    with(r#""echo not yet of $PS >&2; exit 3""#);
    app.push().exits(1).stderr_has("worker.1 did not pass its check within 6 s: ").stderr_has("exited with 3");
    app.push().exits(1).stderr_has("not yet of worker.1").still_serving("Hello from types, version 1");
    // One that hangs is ended, with what it has started.
    with(r#""sleep 987 & sleep 987""#);
    app.push().exits(1).stderr_has("`sleep 987 & sleep 987` did not end within ");
    assert!(!app.host.processes().iter().any(|process| process.words.contains("sleep 987")));
    // One that floods its output, and leaves something running that holds it open, has done its work when it exits with 0.
    with(r#""head -c 300000000 /dev/zero; sleep 988 & exit 0""#);
    app.push().ok();
    assert!(!app.host.processes().iter().any(|process| process.words.contains("sleep 988")));
    // It is tried again until it succeeds, in the release's tree, as a line or as words.
    with(r#""test -e Procfile && test -n \"$DOKUEN_RELEASE\" && { test -e /tmp/$DOKUEN_APP-$$ || mkdir seen; }""#);
    app.push().ok();
    assert!(app.release("current").join("seen").exists());
    with(r#"["test", "-e", "Procfile"]"#);
    app.push().ok();
    with(r#""exit 1""#);
    app.push().fails();
    // A deploy by hand says the same by its exit status.
    app.dokuen("config:set", &["DOKUEN_BOOT_TIMEOUT=1"]).ok();
    let refused = app.git_says(&["rev-parse", "HEAD"]);
    app.git(&["push", "-q", "dokuen", &format!("{}:refs/heads/other", refused.trim())]).ok();
    app.dokuen("deploy", &["--rev", "other"]).exits(6).stderr_has("worker.1 did not pass its check within 1 s");
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
                      "healthchecks": {"web": [{"path": "/pid", "port": 5}]}}"#;
    app.with("app.json", foreign).push().ok().stderr_has("! app.json: healthchecks.web[0]: port is not looked at");
}
