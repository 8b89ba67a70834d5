//! What a build said is kept; a build can be called off, and runs out of time.

use std::fs;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::host::{Host, Options, eventually};

/// An app with a buildpack whose compile is this script.
fn app_with(host: &Host, compile: &str) -> App {
    let script = format!("#!/bin/sh\n{compile}\n");
    let none: &[u8] = b"#!/bin/sh\necho '--- {}'\n";
    let pack = host.buildpack_of(
        "buildpack-own",
        &[("detect", b"#!/bin/sh\necho own\n"), ("compile", script.as_bytes()), ("release", none)],
    );
    let app = host.app("kept", "python");
    app.dokuen("config:set", &[&format!("BUILDPACK_URL={}", pack.display())]).ok();
    app
}

#[test]
fn what_builds_said_can_be_read_later() {
    let host = Host::new();
    let app = app_with(&host, "echo \"-----> built as $(cat greeting.txt)\"");
    app.greeting("first").push().ok();
    app.greeting("second").push().ok();
    app.dokuen("config:set", &["A=b"]).ok();
    let list = app.dokuen("builds", &["-q"]).ok().out();
    assert_eq!(list.lines().count(), 2, "{list}");
    app.dokuen("builds:output", &[]).ok().stdout_has("* compiling...\n").stdout_has("  + built as second\n");
    let first = list.lines().last().unwrap().split(' ').next().unwrap();
    app.dokuen("builds:output", &[first]).ok().stdout_has("  + built as first\n");
    app.dokuen("builds:output", &["v99"]).exits(3).stderr_has("has not kept what the build of v99 said");
    app.dokuen("builds:output", &["x"]).exits(2);
}

#[test]
fn what_is_pushed_as_dokuens_own_is_not_taken_for_it() {
    let host = Host::new();
    let app = app_with(&host, "test ! -e .dokuen && mkdir .dokuen && echo planted >.dokuen/complete && exit 1");
    let outside = host.temp().join("outside");
    fs::create_dir(&outside).unwrap();
    app.with(".dokuen/complete", "").push().fails().stderr_has("compile failed");
    app.git(&["rm", "-rq", ".dokuen"]).ok();
    std::os::unix::fs::symlink(&outside, app.checkout.join(".dokuen")).unwrap();
    app.dokuen("config:unset", &["BUILDPACK_URL"]).ok();
    app.commit("a link").push().ok();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "nothing is written outside");
}

#[test]
fn a_build_is_called_off_and_leaves_nothing() {
    let host = Host::new();
    let app = app_with(&host, "echo begun; touch \"$2/begun\"; sleep 60");
    app.dokuen("deploys:cancel", &[]).exits(1).stderr_has("nothing of kept is being deployed");
    let push = std::thread::spawn({
        let app = app.clone();
        move || app.push()
    });
    eventually("the build has begun", || app.exists("build/begun"));
    let begun = Instant::now();
    app.dokuen("deploys:cancel", &[]).ok().stdout_is("* called off the build of kept\n");
    push.join().unwrap().fails().stderr_has("`bin/compile` of own was interrupted");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(fs::read_dir(app.dir().join("releases")).unwrap().count(), 0);
}

#[test]
fn a_build_ends_with_the_client_that_pushed_unless_the_config_says_otherwise() {
    let host = Host::new();
    let app = app_with(&host, "touch \"$2/begun\"; for n in $(seq 20); do echo $n; sleep 0.2; done; touch \"$2/over\"");
    let leave = || {
        let mut push = host.command("git");
        push.current_dir(&app.checkout).args(["push", "dokuen", "master"]);
        let mut push = push.stderr(std::process::Stdio::null()).spawn().unwrap();
        eventually("the build has begun", || app.exists("build/begun"));
        push.kill().unwrap();
        push.wait().unwrap();
    };
    leave();
    eventually("nothing of it is left", || {
        host.app_processes().is_empty() && fs::read_dir(app.dir().join("releases")).unwrap().count() == 0
    });
    assert!(!app.exists("build/over") && app.pushed("master").is_empty());
    app.host.dokuen(&["events"]).ok().stdout_has("deploy");

    fs::remove_file(app.dir().join("build/begun")).unwrap();
    app.dokuen("config:set", &["DOKUEN_DETACHED=1"]).ok();
    leave();
    eventually("it is live all the same", || app.exists("current"));
}

#[test]
fn a_cache_is_bounded_and_its_largest_part_goes() {
    let conf = "stop_timeout: 3\ncache_bytes: 100000\n";
    let host = Host::with(Options { conf, ..Options::default() });
    let app = app_with(
        &host,
        "test -d \"$2/small\" || { mkdir \"$2/small\" \"$2/large\"; echo x >\"$2/small/x\"; head -c 200000 /dev/zero >\"$2/large/x\"; }",
    );
    app.push().ok();
    eventually("the large part has gone", || !app.exists("build/large"));
    assert!(app.exists("build/small/x"));
    app.greeting("next").push().ok().serving("next");
}

#[test]
fn a_build_has_as_long_as_its_config_says() {
    let host = Host::new();
    let app = app_with(&host, "sleep 60");
    for bad in ["0", "x", "-1", "86401"] {
        app.dokuen("config:set", &[&format!("DOKUEN_BUILD_TIMEOUT={bad}")]).exits(2);
    }
    app.dokuen("config:set", &["DOKUEN_BUILD_TIMEOUT=1"]).ok();
    app.push().fails().stderr_has("`bin/compile` of own did not end within 1 s");
}
