//! A deploy is called off as long as it is not live, whatever it waits for.

use std::fs;
use std::thread::JoinHandle;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::outcome::Outcome;

/// Live, and then pushed once more.
fn pushing(app: &App) -> JoinHandle<Outcome> {
    let app = app.clone();
    std::thread::spawn(move || app.push())
}

fn live() -> App {
    let app = Host::new().app("hello", "types");
    app.greeting("one").push().ok();
    app
}

/// The release before serves on, and nothing is left of what was begun.
#[track_caller]
fn is_as_it_was(app: &App, processes: usize) {
    app.serves("one").comes_to_run(&["web.1"]);
    assert_eq!(fs::read_dir(app.dir().join("releases")).unwrap().count(), 1);
    eventually("what was started has ended", || app.host.app_processes().len() == processes);
    app.dokuen("releases", &["--json"]).ok().stdout_has("\"v1\"");
    assert!(!app.exists("ledger/v2") && !app.host.dir().join("tmp/cancel-hello").exists());
}

#[test]
fn in_its_release_phase() {
    let app = live();
    let processes = app.host.app_processes().len();
    let web = "web: exec /usr/bin/python3 -S -E -B server.py\n";
    let begun = app.host.temp().join("begun");
    app.with("Procfile", format!("{web}release: touch {}; sleep 600 & wait\n", begun.display()));
    let push = pushing(&app);
    eventually("the release phase has begun", || begun.exists());
    app.dokuen("deploys:cancel", &[]).ok().stdout_is("* called off the deploy of hello\n");
    push.join().unwrap().fails().stderr_has("! the deploy was called off");
    is_as_it_was(&app, processes);
    app.with("Procfile", web).greeting("two").push().ok().serving("two");
}

#[test]
fn while_it_waits_for_an_answer() {
    let app = live();
    let processes = app.host.app_processes().len();
    app.dokuen("config_set", &["--no-restart", "DOKUEN_CHECK_TIMEOUT=600", "DOKUEN_BOOT_TIMEOUT=600"]).ok();
    let deaf = "import os, socket, time\n\
                door = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n\
                conn = door.accept()\nprint('asked', flush=True)\ntime.sleep(600)\n";
    for (what, server) in [("asked", deaf), ("asleep", "import time\nprint('asleep', flush=True)\ntime.sleep(600)\n")] {
        app.with("server.py", server);
        let push = pushing(&app);
        eventually("it is waited for", || app.log("web.1").contains(what));
        app.dokuen("deploys:cancel", &[]).ok().stdout_is("* called off the deploy of hello\n");
        push.join().unwrap().fails().stderr_has("! the deploy was called off");
        is_as_it_was(&app, processes);
    }
}

#[test]
fn but_not_what_is_no_deploy() {
    let app = live();
    app.with("app.json", r#"{"scripts": {"postdeploy": "touch begun; while test ! -e go; do sleep 0.1; done"}}"#);
    let push = pushing(&app);
    eventually("it is live, and goes on", || app.exists("current/begun"));
    let refused = app.dokuen("deploys:cancel", &[]).exits(5);
    refused.stderr_has("app hello is busy: pid").stderr_has("only a deploy that is not live yet can be called off");
    fs::write(app.dir().join("current/go"), "").unwrap();
    push.join().unwrap().ok().stderr_lacks("called off");
    app.dokuen("deploys:cancel", &[]).exits(1).stderr_has("nothing of hello is being deployed");
}
