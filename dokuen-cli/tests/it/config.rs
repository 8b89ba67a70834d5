//! Config vars: which layer wins, and that a value is bytes.

use crate::host::Host;

#[test]
fn a_user_beats_the_machine_which_beats_the_tree_which_beats_the_buildpack() {
    let host = Host::new();
    let pack = host.buildpack_of(
        "buildpack-defaults",
        &[
            ("detect", b"#!/bin/sh\necho Defaults\n"),
            ("compile", b"#!/bin/sh\n"),
            ("release", b"#!/bin/sh\nprintf 'config_vars: {A: pack, B: pack, C: pack, D: pack}\n'\n"),
        ],
    );
    let app = host.app("hello", "python");
    app.with(".buildpacks", format!("{}\n", pack.display())).with(".env", "B=tree\nC=tree\nD=tree\n");
    for name in ["C", "D"] {
        std::fs::write(host.dir().join("env").join(name), "global").unwrap();
    }
    app.dokuen("config_set", &["D=app"]).ok();
    app.push().ok();
    let seen = ["A", "B", "C", "D"].map(|name| String::from_utf8(app.env(name)).unwrap());
    assert_eq!(seen, ["pack", "tree", "global", "app"]);
    app.dokuen("config_delete", &["D"]).ok();
    assert_eq!(app.env("D"), b"global");
    app.dokuen("config", &[]).ok().stdout_is("");
    let printed = app.dokuen("run_command", &["sh", "-c", "echo $A $B $C $D"]).ok();
    printed.stdout_is("pack tree global global\n");
}

#[test]
fn the_platform_has_the_last_word() {
    let app = Host::new().app("hello", "python");
    app.dokuen("config_set", &["LANG=xx"]).ok();
    app.push().ok();
    let release = app.release("current").display().to_string();
    assert_eq!(app.env("HOME"), release.as_bytes());
    assert_eq!(app.env("PS"), b"web.1");
    assert_eq!(app.env("DYNO"), b"web.1");
    assert_eq!(app.env("GIT_REV"), app.git_says(&["rev-parse", "HEAD"]).as_bytes());
    assert_eq!(app.env("SOURCE_VERSION"), app.env("GIT_REV"));
    let port: u16 = String::from_utf8(app.env("PORT")).unwrap().parse().unwrap();
    assert!((app.host.min_port()..=app.host.max_port()).contains(&port));
    assert_eq!(app.env("LANG"), b"xx", "what the platform only proposes");
    app.dokuen("config_set", &["PORT=80"]).exits(2).stderr_has("PORT is set by Dokuen");
}

/// No process would ever see it. One that stands there from before is in nobody's way, and never seen.
#[test]
fn what_dokuen_always_sets_is_no_config_var() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    for name in ["GIT_REV", "SOURCE_VERSION", "DOKUEN_APP", "DOKUEN_RELEASE", "DOKUEN_INSTANCE", "HOME", "DYNO"] {
        let said = format!("{name} is set by Dokuen for each process and cannot be a config var");
        app.dokuen("config_set", &[&format!("{name}=mine")]).exits(2).stderr_has(&said);
        app.host.dokuen(&["config:set", "--global", &format!("{name}=mine")]).exits(2).stderr_has(&said);
    }
    app.dokuen("config_set", &["A=1"]).ok();
    std::fs::write(app.dir().join("env/GIT_REV"), "of before").unwrap();
    app.dokuen("config_set", &["A=2"]).ok();
    app.greeting("after").push().ok().serving("after");
    assert_eq!(app.env("GIT_REV"), app.git_says(&["rev-parse", "HEAD"]).as_bytes());
    app.dokuen("config_set", &["GIT_REV=another"]).exits(2);
    app.dokuen("config_delete", &["GIT_REV"]).ok();
    app.dokuen("config", &[]).ok().stdout_is("A=2\n");
}

#[test]
fn what_is_set_before_the_first_push_is_there_at_it() {
    let app = Host::new().app("hello", "needs-env");
    app.dokuen("config_set", &["REQUIRED=early"]).ok();
    app.push().ok();
    assert_eq!(app.env("REQUIRED"), b"early");
}

#[test]
fn setting_the_same_again_starts_nothing() {
    let app = Host::new().app("hello", "python");
    app.dokuen("config_set", &["A=1"]).ok();
    app.push().ok();
    let pids = app.pids();
    app.dokuen("config_set", &["A=1"]).ok().stdout_has("nothing has changed");
    app.dokuen("config_delete", &["NOT_SET"]).ok().stdout_has("NOT_SET is not set");
    assert_eq!(app.pids(), pids);
    app.dokuen("config_set", &["A=2"]).ok();
    assert_ne!(app.pids(), pids);
}

#[test]
fn a_rollback_brings_back_code_and_config_but_not_the_scale() {
    let app = Host::new().app("hello", "python");
    app.dokuen("config_set", &["A=old"]).ok();
    app.greeting("old").push().ok();
    app.dokuen("config_set", &["A=new", "B=new"]).ok();
    app.greeting("new").push().ok();
    app.dokuen("scale", &["web=2"]).ok();
    let first = app.release("previous");
    app.dokuen("rollback", &["v1"]).ok().serving("old");
    assert_eq!(app.env("A"), b"old");
    assert_eq!(app.get("/env/B").status, 404);
    assert_eq!(app.release("current"), first);
    assert_eq!(app.pids().len(), 2);
    app.dokuen("releases", &[]).ok().stdout_has("rollback to v1");
    app.dokuen("rollback", &["v99"]).exits(3).stderr_has("hello has no release v99");
    app.dokuen("rollback", &["newest"]).exits(2);
    app.greeting("newer").push().ok().serving("newer");
}

#[test]
fn a_secret_is_in_no_transcript_and_readable_by_nobody_else() {
    use std::os::unix::fs::MetadataExt;
    let app = Host::new().app("hello", "python");
    let mut said = String::new();
    for outcome in [
        app.dokuen("config_set", &["TOKEN=SECRET_abc"]).ok(),
        app.push().ok(),
        app.dokuen("restart", &[]).ok(),
        app.dokuen("config_set", &["TOKEN=SECRET_abd", "OOPS"]).fails(),
        app.dokuen("config_set", &["TOKEN", "SECRET_abe"]).fails(),
        app.dokuen("releases", &[]).ok(),
        app.dokuen("ps", &[]).ok(),
        app.dokuen("logs", &[]).ok(),
    ] {
        said += &(outcome.out() + &outcome.err);
    }
    assert!(!said.contains("SECRET_ab"), "{said}");
    let mode = app.dir().join("env/TOKEN").metadata().unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    app.host.dokuen_given(&["config_set", "--app", "hello", "TOKEN=-"], b"from stdin\n").ok();
    assert_eq!(app.env("TOKEN"), b"from stdin\n");
}
