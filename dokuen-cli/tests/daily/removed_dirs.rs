//! Directories of an app that somebody has removed, to free a disk for one, come back where they are needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::host::Host;

#[test]
fn logs_that_were_removed_are_begun_anew_by_the_next_push() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let logs = app.dir().join("logs");
    fs::remove_dir_all(&logs).unwrap();
    app.greeting("two").push().ok().serving("two");
    assert_eq!(fs::metadata(&logs).unwrap().permissions().mode() & 0o777, 0o700);
    app.dokuen("logs", &["-s", "build"]).ok().stdout_has("detecting buildpack");
    fs::remove_dir_all(&logs).unwrap();
    app.dokuen("restart", &[]).ok();
    app.dokuen("scale", &["worker=1"]).ok();
    app.dokuen("run:detached", &["echo", "said by a one-off"]).ok();
    crate::host::eventually("it is logged", || app.dokuen("logs", &[]).ok().out().contains("said by a one-off"));
    assert!(!app.log("worker.1").is_empty());
}

#[test]
fn a_ledger_that_was_removed_is_begun_anew_with_the_next_number() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("config_set", &["A=1"]).ok();
    let ledger = app.dir().join("ledger");
    fs::remove_dir_all(&ledger).unwrap();
    app.dokuen("restart", &[]).ok();
    // What is current has a record again, and no number is given twice.
    app.dokuen("releases", &[]).ok().stdout_has("v3").stdout_has("found as current");
    app.dokuen("config_set", &["A=2"]).ok().stdout_has("v4 is live");
    assert_eq!(fs::metadata(&ledger).unwrap().permissions().mode() & 0o777, 0o700);
    app.greeting("two").push().ok().serving("two").stderr_has("v5 is live");
    fs::remove_dir_all(&ledger).unwrap();
    app.greeting("three").push().ok().serving("three").stderr_has("v7 is live");
}

#[test]
fn what_else_create_makes_comes_back_too() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    for dir in ["env", "access", "build"] {
        let _ = fs::remove_dir_all(app.dir().join(dir));
    }
    app.greeting("two").push().ok().serving("two");
    app.dokuen("config_set", &["A=1"]).ok();
}

/// Copies for the next build are put there by whoever tidies up after a deploy, without the app's lock.
#[test]
fn a_cache_is_purged_though_something_is_just_put_there() {
    let host = Host::new();
    let app = host.app("hello", "types");
    let (ready, spare) = (host.temp().join("ready"), app.dir().join("build/kept.spare"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                fs::create_dir_all(ready.join("tree")).unwrap();
                let _ = fs::rename(&ready, &spare);
            }
        });
        let failed: Vec<_> =
            (0..30).map(|_| app.dokuen("builds:purge-cache", &[])).filter(|purged| purged.code != 0).collect();
        over.store(true, Ordering::Relaxed);
        assert!(failed.is_empty(), "{}", failed[0]);
    });
    let left: Vec<_> = fs::read_dir(host.dir().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
