//! What a build said is kept; a build can be called off, and runs out of time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
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
fn what_failed_builds_said_is_kept_too_and_only_the_last_few() {
    let host = Host::new();
    let app = app_with(&host, "cat greeting.txt; ! grep -q bad greeting.txt");
    app.greeting("good").push().ok();
    for n in 1..=6 {
        app.greeting(&format!("bad {n}")).push().fails().stderr_has("compile failed");
    }
    app.dokuen("builds:output", &[]).ok().stdout_has("bad 6\n").stdout_has("  ! `bin/compile` of own exited with 1\n");
    let list = app.dokuen("builds", &["-q"]).ok().out();
    let failed: Vec<_> = list.lines().filter(|line| line.contains(" failed ")).collect();
    assert_eq!((list.lines().count(), failed.len()), (6, 5), "{list}");
    assert!(list.lines().last().unwrap().starts_with("v1 "), "{list}");
    let name = failed.last().unwrap().split(' ').next().unwrap();
    app.dokuen("builds:output", &[name]).ok().stdout_has("bad 2\n");
    app.dokuen("builds:output", &["v1"]).ok().stdout_has("good\n");
    app.dokuen("builds:output", &["20010203T040506"]).exits(3);
    let json: serde_json::Value = serde_json::from_str(&app.dokuen("builds", &["--json"]).ok().out()).unwrap();
    let (newest, oldest) = (&json[0], &json[5]);
    assert_eq!((&newest["state"], &newest["release"]), (&"failed".into(), &serde_json::Value::Null));
    assert_eq!(newest["error"], "`bin/compile` of own exited with 1");
    assert_eq!(newest["commit"], app.git_says(&["rev-parse", "HEAD"]));
    assert_eq!((&oldest["build"], &oldest["state"]), (&"v1".into(), &"built".into()));
    let dir = app.dir().join("logs/builds");
    let modes =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777);
    assert!(modes.into_iter().all(|mode| mode == 0o600));
    app.dokuen("logs", &[]).ok();
    app.dokuen("apps:rename", &["other"]).ok();
    host.dokuen(&["builds:output", "--application=other", name]).ok().stdout_has("bad 2\n");
}

/// A buildpack that no app names any more: its copy goes after a deploy.
#[test]
fn copies_of_buildpacks_that_nobody_uses_go_after_a_deploy() {
    let conf = "stop_timeout: 3\nkeep_releases: 1\n";
    let host = Host::with(Options { conf, ..Options::default() });
    let app = app_with(&host, "echo built");
    app.push().ok();
    let none: &[u8] = b"#!/bin/sh\necho '--- {}'\n";
    let other = host
        .buildpack_of("buildpack-other", &[("detect", b"#!/bin/sh\n"), ("compile", b"#!/bin/sh\n"), ("release", none)]);
    app.dokuen("config:set", &[&format!("BUILDPACK_URL={}", other.display())]).ok();
    let copies = |name: &str| {
        let entries = fs::read_dir(host.dir().join("cache/buildpacks")).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with(name))
            .collect::<Vec<_>>()
    };
    let old = copies("own-").remove(0);
    let times = fs::read_dir(old.join("at")).unwrap().map(|entry| entry.unwrap().path()).chain([old.join("url")]);
    let then = std::time::SystemTime::now() - Duration::from_secs(100 * 24 * 60 * 60);
    times.into_iter().for_each(|path| fs::File::open(path).unwrap().set_modified(then).unwrap());
    app.greeting("next").push().ok();
    eventually("the copy has gone", || !old.exists());
    assert_eq!(copies("other-").len(), 1);
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
    app.dokuen("deploys:cancel", &[]).ok().stdout_is("* called off the deploy of kept\n");
    let said = push.join().unwrap().fails().stderr_has("! the deploy was called off");
    said.stderr_has("`bin/compile` of own was interrupted");
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
