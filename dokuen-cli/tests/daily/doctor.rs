//! `doctor`: each thing that can be planted is found, named with what mends it, and mended where that is safe.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::app::App;
use crate::home;
use crate::host::{Host, Options, eventually};
use crate::processes;

fn report(host: &Host, args: &[&str], exit: i32) -> Vec<Value> {
    let out = host.dokuen(&[&["doctor", "--json"], args].concat()).exits(exit).out();
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["healthy"], exit == 0, "{out}");
    report["checks"].as_array().unwrap().clone()
}

fn bad(checks: &[Value]) -> Vec<String> {
    let bad = checks.iter().filter(|check| check["state"] == "problem" && check["mended"] == false);
    bad.map(|check| format!("{}: {}", check["check"].as_str().unwrap(), check["says"].as_str().unwrap())).collect()
}

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn which_limits_builds_have_is_said_and_which_apps_have_others() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    let says = |host: &Host| {
        let of_builds = |check: &&Value| check["check"] == "builds" && check["state"] == "ok";
        let checks = report(host, &[], 0);
        checks.iter().filter(of_builds).map(|check| check["says"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let usual = says(&host);
    for (row, start) in usual.iter().zip([
        "time: 900 s",
        "processes: 2000 at once",
        "memory: ",
        "room: none begins with less than 64 MiB",
    ]) {
        assert!(row.starts_with(start), "{usual:?}");
    }
    assert_eq!(usual.len(), 4, "{usual:?}");
    app.dokuen("config:set", &["DOKUEN_BUILD_TIMEOUT=60", "DOKUEN_BUILD_MEMORY=512"]).ok();
    assert_eq!(says(&host)[4], "hello: 60 s, 512 MiB of memory");
}

#[test]
fn a_host_in_order_is_found_in_order_and_nothing_changes() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    app.dokuen("config:set", &["A=secret"]).ok();
    let before = host.snapshot();
    let checks = report(&host, &[], 0);
    assert_eq!(bad(&checks), [""; 0]);
    let about: Vec<&str> = checks.iter().filter_map(|check| check["check"].as_str()).collect();
    for one in [
        "programs",
        "disk",
        "builds",
        "clock",
        "permissions",
        "ports",
        "nginx",
        "sudo",
        "boot",
        "watcher",
        "apps",
        "strays",
    ] {
        assert!(about.contains(&one), "{about:?}");
    }
    // What cannot be seen here says so and why, and is no problem.
    assert!(
        checks
            .iter()
            .filter(|check| check["state"] == "unknown")
            .all(|check| check["says"].as_str().unwrap().contains("here"))
    );
    assert_eq!(before.changes_in(host.dir()), Vec::<String>::new());
    host.dokuen(&["doctor"]).ok().stdout_has("ok       nginx        nginx 1.").stdout_has("0 problems");
    host.dokuen(&["doctor", "--fix"]).ok();
    assert_eq!(before.changes_in(host.dir()), Vec::<String>::new());
}

#[test]
fn what_is_open_to_others_is_closed() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.dokuen("config:set", &["A=secret"]).ok();
    let (secret, keys) = (app.dir().join("env/A"), host.dir().join("keys"));
    set_mode(&secret, 0o644);
    set_mode(&keys, 0o777);
    let found = bad(&report(&host, &[], 9));
    assert!(found.iter().any(|says| says.ends_with("env/A has mode 644, not 600")), "{found:?}");
    assert!(found.iter().any(|says| says.ends_with("keys has mode 777, not 700")), "{found:?}");
    host.dokuen(&["doctor"])
        .exits(9)
        .stdout_has(&format!("-> chmod 600 '{}'", secret.display()))
        .stdout_has("2 problems");
    let mended = report(&host, &["--fix"], 0);
    assert_eq!(mended.iter().filter(|check| check["mended"] == true).count(), 2);
    assert_eq!((secret.metadata().unwrap().mode() & 0o777, keys.metadata().unwrap().mode() & 0o777), (0o600, 0o700));
    let quiet = host.dokuen(&["doctor", "-q"]).ok().out();
    assert!(quiet.lines().all(|line| !line.starts_with("ok")), "{quiet}");
}

#[test]
fn apps_nginx_and_hooks_that_are_gone_come_back() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    processes::end_all(host.dir());
    fs::remove_file(app.repo().join("hooks/pre-receive")).unwrap();
    let found = bad(&report(&host, &[], 9)).join("\n");
    for says in ["apps: hello: web.1 does not run", "nginx: nginx does not answer at", "has lost its hook"] {
        assert!(found.contains(says), "{found}");
    }
    report(&host, &["--fix"], 0);
    app.serves("Hello from types, version 1");
    app.greeting("two").push().ok().serving("two");
    // A file of nginx that was changed by hand is not what nginx runs.
    let vhost = host.dir().join("nginx").join(format!("hello.{}.conf", host.base()));
    let text = fs::read_to_string(&vhost).unwrap();
    fs::write(&vhost, text.replacen("dokuen-route ", "dokuen-route 0", 1)).unwrap();
    let found = bad(&report(&host, &[], 9)).join("\n");
    assert!(found.contains("as it stands there"), "{found}");
    report(&host, &["--fix"], 0);
    fs::write(host.dir().join("nginx/zz.conf"), "servr x;\n").unwrap();
    let found = bad(&report(&host, &[], 9)).join("\n");
    assert!(found.contains("unknown directive \"servr\""), "{found}");
    fs::remove_file(host.dir().join("nginx/zz.conf")).unwrap();
    report(&host, &[], 0);
}

#[test]
fn what_killed_commands_left_is_found_and_removed() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    let left = host.dir().join("apps/.new-half");
    fs::create_dir(&left).unwrap();
    let old = Command::new("touch").args(["-d", "2 hours ago"]).arg(&left).status().unwrap();
    assert!(old.success());
    let young = host.dir().join("apps/.new-younger");
    fs::create_dir(&young).unwrap();
    let found = report(&host, &[], 0);
    let stray = found.iter().find(|check| check["check"] == "strays").unwrap();
    assert_eq!(
        (&stray["state"], stray["mend"].as_str().unwrap()),
        (&"warning".into(), format!("rm -rf '{}'", left.display()).as_str())
    );
    report(&host, &["--fix"], 0);
    assert!(!left.exists() && young.exists());
    app.serves("Hello from types, version 1");
}

#[test]
fn a_program_that_is_missing_or_too_old_is_named() {
    let host = home::with(Options { spoilable_nginx: true, ..Options::default() });
    let git = host.temp().join("bin/git");
    fs::write(&git, "#!/bin/sh\necho git version 2.9.1\n").unwrap();
    set_mode(&git, 0o755);
    let found = bad(&report(&host, &[], 9));
    assert_eq!(found, ["programs: git version 2.9.1 is older than 2.31"]);
}

#[test]
fn whether_somebody_watches_is_seen() {
    let host = home::host();
    let state = || {
        let checks = report(&host, &[], 0);
        checks.iter().find(|check| check["check"] == "watcher").unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "warning");
    let mut watch = host.command(host.program());
    let mut watch = watch.args(["boot", "--watch"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("somebody watches", || state() == "ok");
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(state(), "warning");
}
