//! What the crash-point sweep has found once: the state that a command left when it was killed at a bad moment, planted
//! here in one step. The next command must work, and nothing of it may stay.

use std::fs;
use std::path::Path;

use crate::app::App;
use crate::host::{Host, eventually};

fn live_app() -> App {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    app
}

/// Killed between `mkdir` of an instance and its spec: `reconcile` wanted to give that a wrapper.
#[test]
fn an_instance_without_a_spec_keeps_no_command_from_working() {
    let app = live_app();
    let dir = app.dir().join("instances/g1.web.2");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("env"), "A=1\0").unwrap();
    app.greeting("next").push().ok().serving("next");
    app.comes_to_run(&["web.1"]);
    assert!(!dir.exists());
}

/// Killed between the switch and `DOKUEN_SCALE`: processes stayed that nobody had asked for, or never got a request.
#[test]
fn processes_that_the_scale_does_not_ask_for_are_ended_by_the_next_command() {
    let app = live_app();
    app.dokuen("scale", &["web=3", "worker=2"]).ok();
    fs::write(app.dir().join("env/DOKUEN_SCALE"), "web=2").unwrap();
    app.dokuen("config_delete", &["NOT_SET"]).ok();
    app.comes_to_run(&["web.1", "web.2"]);
    eventually("both answer", || app.pids().len() == 2);
    eventually("a port is given back", || app.host.reserved().len() == 2);
}

/// Killed in the middle of `config_set A=new B=new`: half of it stayed.
#[test]
fn half_a_config_change_is_taken_back() {
    let app = live_app();
    app.dokuen("config_set", &["A=old", "B=old"]).ok();
    fs::write(app.dir().join("undo"), "99\nA=old\0B=old\0").unwrap();
    fs::write(app.dir().join("env/A"), "new").unwrap();
    fs::write(app.dir().join("env/.new-a1b2c3"), "new").unwrap();
    app.dokuen("restart", &[]).ok();
    app.dokuen("config", &[]).ok().stdout_is("A=old\nB=old\n");
    assert_eq!(app.env("A"), b"old");
    assert!(!app.exists("undo") && !app.exists("env/.new-a1b2c3"));
}

/// The same for an app that nothing was pushed to: there is no release then that could say what is right.
#[test]
fn half_a_config_change_of_a_fresh_app_is_taken_back() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.dokuen("config_set", &["A=old"]).ok();
    fs::write(app.dir().join("undo"), "0\nA=old\0").unwrap();
    fs::write(app.dir().join("env/B"), "new").unwrap();
    app.dokuen("config_set", &["C=1"]).ok();
    app.dokuen("config", &[]).ok().stdout_is("A=old\nC=1\n");
}

/// An error after the promotion made the push fail, and a failed push removed its release: the live one.
#[test]
fn what_goes_wrong_after_a_release_is_live_fails_nothing() {
    let app = live_app();
    // Through this nobody can tell the old instance to go.
    let control = app.dir().join("instances/g1.web.1/control");
    fs::remove_file(&control).unwrap();
    fs::create_dir(&control).unwrap();
    app.greeting("next").push().ok().serving("next").stderr_has("put off until the next command");
    app.release("current");
    assert_eq!(app.pushed("master"), app.git_says(&["rev-parse", "HEAD"]));
    fs::remove_dir(&control).unwrap();
    let state = fs::read_to_string(control.with_file_name("state")).unwrap();
    let wrapper = state.lines().find_map(|l| l.strip_prefix("wrapper=")).unwrap().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(wrapper), nix::sys::signal::Signal::SIGKILL).unwrap();
    app.greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1"]);
}

/// `current` moved, could not be moved back, and only the old release runs.
#[test]
fn a_promotion_that_could_not_be_undone_gives_way_to_what_serves() {
    let app = live_app();
    let old = app.release("current");
    app.greeting("next").push().ok().serving("next");
    let serving = app.release("current");
    fs::remove_file(app.dir().join("current")).unwrap();
    let target = Path::new("releases").join(old.file_name().unwrap());
    std::os::unix::fs::symlink(target, app.dir().join("current")).unwrap();
    eventually("the old processes have gone", || app.host.reserved().len() == 1);
    app.dokuen("config_delete", &["NOT_SET"]).ok();
    app.serves("next");
    assert_eq!(app.release("current"), serving);
    app.greeting("after").push().ok().serving("after");
}

/// Killed after the first of its two renames. The other way round the next app of this name began with old commits.
#[test]
fn a_half_destroyed_app_is_destroyed_by_the_next_try() {
    let app = live_app();
    app.dokuen("shutdown", &[]).ok();
    fs::remove_dir_all(app.repo()).unwrap();
    let destroy = ["apps:destroy", "--application=hello", "--confirm=hello"];
    app.host.dokuen(&destroy).ok();
    app.host.dokuen(&["apps"]).ok().stdout_is("");
    app.host.dokuen(&["create", "--application=hello"]).ok();
    app.push().ok().serving("live");
}

#[test]
fn half_a_create_is_swept_by_the_next_one() {
    let host = Host::new();
    for dir in ["apps/.new-other", "repos/.new-other.git/hooks"] {
        fs::create_dir_all(host.dir().join(dir)).unwrap();
    }
    host.app("hello", "types");
    for dir in ["apps/.new-other", "repos/.new-other.git"] {
        assert!(!host.dir().join(dir).exists(), "{dir}");
    }
}

/// Torn by a power cut: it says nothing, and is no reason to refuse all work.
#[test]
fn a_torn_note_of_what_is_live_is_written_anew() {
    let app = live_app();
    for text in ["", "version: ", "\0\0\0\0"] {
        fs::write(app.dir().join("live"), text).unwrap();
        app.dokuen("config_delete", &["NOT_SET"]).ok();
        app.serves("live").comes_to_run(&["web.1"]);
    }
    app.greeting("next").push().ok().serving("next");
}
