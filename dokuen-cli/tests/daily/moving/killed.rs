//! Imports that do not come to their end leave no app.

use std::io::Write;
use std::process::Stdio;

use super::{export, import, there, untouched};
use crate::host::{Host, eventually};

#[test]
fn an_import_that_does_not_start_leaves_nothing() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "needs-env");
    app.dokuen("config:set", &["REQUIRED=1"]).ok();
    app.dokuen("storage:create", &[]).ok();
    app.push().ok();
    app.dokuen("config:unset", &["REQUIRED", "--no-restart"]).ok();
    let before = untouched(&other);
    for releases in [&[][..], &["--releases"]] {
        let failed = import(&other, &export(&app, releases), &[]).exits(6);
        failed.stderr_has("nothing was imported").stderr_has("--no-start");
        other.dokuen(&["apps"]).ok().stdout_is("");
        before.unchanged_in(other.dir());
        assert_eq!(other.reserved(), Vec::<u16>::new());
    }
}

#[test]
fn a_killed_import_is_no_app() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "types");
    app.push().ok();
    let archive = export(&app, &["--releases"]);
    let before = untouched(&other);
    for (sent, then) in [
        (archive.len() / 3, &["apps:info", "shop"][..]),
        (archive.len() * 2 / 3, &["apps"]),
        (archive.len() - 4096, &["boot"]),
        (archive.len() / 2, &["create", "other"]),
    ] {
        let mut command = other.command(other.program());
        command.arg("apps:import").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(&archive[..sent]).unwrap();
        eventually("it has begun", || other.dir().join("apps/shop/importing").exists());
        // While it is under way the name is taken, and nobody removes it.
        other.dokuen(&["create", "shop"]).exits(1).stderr_has("exists already");
        other.dokuen(&["apps:destroy", "shop", "--force"]).exits(5);
        child.kill().unwrap();
        child.wait().unwrap();
        let said = other.dokuen(then);
        assert_eq!(said.code, if then[0] == "apps:info" { 3 } else { 0 }, "{said}");
        other.dokuen(&["apps"]).ok();
        if then[0] == "create" {
            other.dokuen(&["apps:destroy", "other", "--force"]).ok();
        }
        before.unchanged_in(other.dir());
    }
    import(&other, &archive, &[]).ok();
    there(&other, &app, "shop").serves("Hello from types, version 1");
}

#[test]
fn an_import_killed_while_it_starts_is_no_app_either() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("slow", "slow");
    app.dokuen("config:set", &["SLOW_START_MS=1"]).ok();
    app.push().ok();
    app.dokuen("config:set", &["SLOW_START_MS=60000", "--no-restart"]).ok();
    let archive = export(&app, &["--releases"]);
    let mut command = other.command(other.program());
    command.arg("apps:import").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&archive).unwrap();
    eventually("its process runs", || other.app_processes().iter().any(|p| p.words.contains("web.py")));
    child.kill().unwrap();
    child.wait().unwrap();
    other.dokuen(&["logs", "-a", "slow"]).exits(3).stderr_has("no such app: slow");
    assert_eq!((other.app_processes().len(), other.reserved().len()), (0, 0));
    other.dokuen(&["create", "slow"]).ok();
}
