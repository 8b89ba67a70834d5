//! A standard output that takes nothing: a reader who leaves is nobody's fault, a full disk is said.

use std::fs;
use std::process::Stdio;

use crate::app::App;
use crate::host::Host;

/// Exit status and standard error of a command that writes to this.
fn written_to(app: &App, out: Stdio, args: &[&str]) -> (Option<i32>, String) {
    let mut command = app.host.command(app.host.program());
    let done = command.args(args).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped()).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

fn full() -> Stdio {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn what_could_not_be_written_is_said_and_is_a_failure() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config_set", &["A=1"]).ok();
    app.push().ok();
    for args in [
        &["config:export", "-a", "hello", "--format", "dotenv"][..],
        &["config", "-a", "hello"],
        &["releases", "-a", "hello", "--json"],
        &["logs", "-a", "hello"],
        &["logs", "-a", "hello", "-t"],
        &["events"],
        &["apps"],
        &["--help"],
    ] {
        let (code, said) = written_to(&app, full(), args);
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains("! failed to write standard output"), "{args:?}: {said}");
        assert!(said.contains("No space left on device"), "{args:?}: {said}");
    }
    let (code, said) = written_to(&app, full(), &["config:get", "-a", "hello", "B"]);
    assert!(code == Some(1) && said.contains("B is not set") && !said.contains("standard output"), "{said}");
}

#[test]
fn what_was_to_be_done_is_done_all_the_same() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let (code, said) = written_to(&app, full(), &["config_set", "-a", "hello", "A=1"]);
    // A failure would say that nothing has changed.
    assert!(code == Some(0) && said.contains("! failed to write standard output"), "{code:?}: {said}");
    assert_eq!(app.env("A"), b"1");
    app.dokuen("releases", &[]).ok().stdout_has("set A");
}

#[test]
fn a_reader_who_has_left_is_no_failure() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config_set", &["A=1"]).ok();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(written_to(&app, writer.into(), &["config", "-a", "hello"]), (Some(0), String::new()));
}
