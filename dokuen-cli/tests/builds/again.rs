//! The same files, buildpacks, config vars and tools make the same slug: it is not built a second time.

use std::fs;

use crate::app::App;
use crate::host::{Host, Options, eventually, make_executable};
use crate::outcome::Outcome;

const NOTHING: &str = "* nothing to build";

/// An app, and the checkout of the buildpack that it names.
fn app() -> (App, std::path::PathBuf) {
    let host = Host::new();
    let compile: &[u8] = b"#!/bin/sh\necho '-----> built'\ncp \"$3\"/* \"$1\" 2>/dev/null || true\n";
    let release: &[u8] = b"#!/bin/sh\necho '--- {}'\n";
    let scripts = [("detect", &b"#!/bin/sh\necho own\n"[..]), ("compile", compile), ("release", release)];
    let pack = host.buildpack_of("buildpack-own", &scripts);
    let app = host.app("again", "python");
    app.dokuen("config:set", &[&format!("BUILDPACK_URL={}", pack.display())]).ok();
    (app, pack)
}

fn trees(app: &App) -> usize {
    fs::read_dir(app.dir().join("releases")).unwrap().count()
}

#[track_caller]
fn is_built(pushed: Outcome) {
    pushed.ok().stderr_has("+ built").stderr_lacks(NOTHING);
}

#[test]
fn the_same_tree_is_taken_again_and_is_a_release_of_its_own() {
    let (app, _) = app();
    is_built(app.push());
    let first = app.release("current");
    app.commit("nothing changed").push().ok().stderr_has(NOTHING).stderr_has("the slug of v1 is taken again");
    assert_eq!((app.release("current"), trees(&app)), (first.clone(), 1));
    assert_eq!(app.env("SOURCE_VERSION"), app.git_says(&["rev-parse", "HEAD"]).as_bytes());
    app.dokuen("builds:output", &["v2"]).ok().stdout_has("  + built\n");

    is_built(app.greeting("another").push());
    app.git(&["revert", "--no-edit", "HEAD"]).ok();
    app.push().ok().stderr_has("the slug of v2 is taken again").serving("Hello from Python, version 1");
    assert_eq!((app.release("current"), trees(&app)), (first, 2));
    app.dokuen("rollback", &[]).ok();
    app.serves("another");
}

#[test]
fn what_reaches_a_build_is_another_slug_and_what_does_not_is_none() {
    let (app, pack) = app();
    is_built(app.push());
    app.dokuen("scale", &["web=2"]).ok();
    app.commit("scaled").push().ok().stderr_has(NOTHING);
    app.dokuen("config:set", &["A=b"]).ok();
    is_built(app.commit("a config var").push());
    fs::write(app.host.dir().join("env/EVERYBODYS"), "x").unwrap();
    is_built(app.commit("a config var of all apps").push());
    assert!(
        app.release("current").join("EVERYBODYS").exists() && !app.release("current").join("DOKUEN_SCALE").exists()
    );
    app.commit("nothing").push().ok().stderr_has(NOTHING);

    fs::write(pack.join("README"), "x").unwrap();
    let git =
        |args: &[&str]| assert!(app.host.command("git").current_dir(&pack).args(args).status().unwrap().success());
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "another commit"]);
    is_built(app.commit("a buildpack").push());
    app.commit("nothing").push().ok().stderr_has(NOTHING);
    app.dokuen("builds:purge-cache", &[]).ok();
    is_built(app.commit("purged").push());

    fs::rename(&pack, pack.with_extension("gone")).unwrap();
    let pushed = app.commit("its remote is gone").push().ok();
    pushed.stderr_has("could not be reached").stderr_has(NOTHING);
}

#[test]
fn a_buildpack_that_anybody_may_change_and_a_command_after_the_build_are_reasons_to_build() {
    let (app, pack) = app();
    fs::remove_dir_all(pack.join(".git")).unwrap();
    is_built(app.push());
    is_built(app.commit("a plain directory").push());
    app.dokuen("config:unset", &["BUILDPACK_URL"]).ok();
    app.dokuen("config:set", &["DOKUEN_AFTER_BUILD=touch made"]).ok();
    for _ in 0..2 {
        app.commit("after").push().ok().stderr_has("no buildpack").stderr_lacks(NOTHING);
    }
}

#[test]
fn the_release_phase_runs_again_and_when_it_fails_the_slug_stays() {
    let (app, _) = app();
    let script = app.checkout.join("phase.sh");
    fs::write(&script, format!("#!/bin/sh\ntest ! -e '{}/fail'\n", app.host.temp().display())).unwrap();
    make_executable(&script);
    let procfile = fs::read_to_string(app.checkout.join("Procfile")).unwrap();
    is_built(app.with("Procfile", format!("release: ./phase.sh\n{procfile}")).push());
    let first = app.release("current");
    fs::write(app.host.temp().join("fail"), "").unwrap();
    app.commit("again").push().fails().stderr_has(NOTHING).stderr_has("release failed");
    app.serves("Hello from Python, version 1");
    assert_eq!(app.release("current"), first);
    fs::remove_file(app.host.temp().join("fail")).unwrap();
    app.push().ok().stderr_has(NOTHING).stderr_has("* running release");
}

#[test]
fn a_slug_that_was_taken_again_is_pruned_by_its_last_use() {
    let conf = "stop_timeout: 3\nkeep_releases: 1\n";
    let app = Host::with(Options { conf, ..Options::default() }).app("kept", "static-page");
    let push = |text: &str| {
        app.with("index.html", text).push().ok().serving(text);
        app.comes_to_run(&["web.1"]);
    };
    push("a");
    let first = app.release("current");
    push("b");
    push("a");
    assert_eq!(app.release("current"), first);
    push("c");
    push("d");
    assert!(first.exists(), "it was live after b");
    push("e");
    push("f");
    // Its last processes may still be on their way out.
    eventually("the tree that was live longest ago is pruned", || {
        app.dokuen("releases:prune", &[]).ok();
        !first.exists()
    });
}
