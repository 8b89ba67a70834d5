//! Which processes run: what would take an app's traffic away is refused, or at least said.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Host, eventually};

const LACKS: &str = "the Procfile has no process type `wbe`";

#[test]
fn a_scale_of_a_type_that_the_procfile_lacks_is_refused_in_every_way_of_setting_it() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config_set", &["DOKUEN_SCALE=web=1,later=2"]).ok();
    app.push().ok();
    app.dokuen("scale", &["wbe=2"]).exits(2).stderr_has(LACKS);
    app.dokuen("config_set", &["DOKUEN_SCALE=wbe=2"]).exits(2).stderr_has(LACKS);
    app.dokuen("config_set", &["--no-restart", "DOKUEN_SCALE=wbe=2"]).exits(2).stderr_has(LACKS);
    app.dokuen_given("config:import", &["-"], b"A=1\nDOKUEN_SCALE=wbe=2\n").exits(2).stderr_has(LACKS);
    app.dokuen("config", &[]).ok().stdout_is("DOKUEN_SCALE=web=1,later=2\n");
    // What was right once, or could not be known, is in nobody's way.
    app.dokuen("config_set", &["A=1"]).ok();
    app.dokuen("config_set", &["DOKUEN_SCALE=web=2,wbe=0"]).ok();
    app.comes_to_run(&["web.1", "web.2"]);
}

#[test]
fn a_push_without_the_web_that_was_there_says_that_nothing_answers() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.with("Procfile", "www: exec /usr/bin/python3 -S -E -B server.py\nworker: exec /bin/sh loop.sh worker\n");
    let said = app.push().ok();
    let said = said.stderr_has("! the Procfile has no web any more: nothing answers at http://hello.dokuen.test");
    said.stderr_has("! nothing of hello runs any more: dokuen scale --application=hello www=1 starts it");
    app.greeting("again").push().ok().stderr_lacks("any more");
    app.dokuen("scale", &["worker=1"]).ok();
    app.with("Procfile", "web: exec /usr/bin/python3 -S -E -B server.py\n");
    let back = app
        .push()
        .ok()
        .stderr_has("! nothing of hello runs any more: dokuen scale --application=hello web=1 starts it");
    back.stderr_lacks("has no web");
}

#[test]
fn an_app_that_runs_nothing_is_not_called_up_or_running() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("apps:info", &[]).ok().stdout_has("state       running\n");
    app.dokuen("scale", &["web=0"]).ok();
    let waited = app.dokuen("ps:wait", &["--timeout=60"]).exits(6);
    waited.stderr_has("hello runs nothing: it is scaled to no process").stderr_has("dokuen scale --application=hello");
    app.dokuen("apps:info", &[]).ok().stdout_has("state       idle\n").stdout_has("processes   web=0\n");
    app.host.dokuen(&["apps", "--json"]).ok().stdout_has("\"state\": \"idle\"");
    app.dokuen("scale", &["worker=1"]).ok();
    app.dokuen("ps:wait", &[]).ok().stdout_has("hello is up");
}

/// Seen for a moment at the end of each process: its lock is free, and its directory not yet removed.
#[test]
fn a_process_that_is_leaving_is_not_called_lost() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let going = app.dir().join("instances/g9.web.7");
    fs::create_dir(&going).unwrap();
    fs::write(going.join("state"), "phase=ending\n").unwrap();
    let ps = app.dokuen("ps", &[]).ok().out();
    assert!(ps.contains("web.1") && !ps.contains("web.7"), "{ps}");
    let wrapper = app.host.app_processes().into_iter().find(|p| p.words.contains("dokuen-wrapper")).unwrap();
    kill(Pid::from_raw(wrapper.pid), Signal::SIGKILL).unwrap();
    eventually("its wrapper is gone", || app.dokuen("ps", &[]).ok().out().contains("lost"));
    fs::write(app.dir().join("instances/g1.web.1/retired"), "").unwrap();
    let ps = app.dokuen("ps", &[]).ok().out();
    assert!(ps.contains("ending") && !ps.contains("lost"), "{ps}");
}
