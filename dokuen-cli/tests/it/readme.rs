//! The command that the README begins with, typed as it stands.

use std::path::Path;
use std::process::Command;

use crate::host::eventually;
use crate::outcome::{self, Outcome};
use crate::processes;

/// Where the README tries it; all that runs there ends with it.
struct Tried(tempfile::TempDir);

impl Drop for Tried {
    fn drop(&mut self) {
        processes::end_all(self.0.path());
    }
}

#[test]
fn one_command_gets_an_app_deployed_by_a_push_and_answering_and_again_changes_nothing() {
    let tried = Tried(tempfile::tempdir().unwrap());
    let dir = tried.0.path();
    let said = run(dir).ok().out();
    for line in ["\nHello", "It is live at http://hello.localhost:", "git push dokuen master", "Take it all down:"] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    let dokuen = |words: &[&str]| outcome::run(Command::new(dir.join("bin/dokuen")).args(words), b"", None).ok().out();
    let before = dokuen(&["releases", "-a", "hello"]);
    run(dir).ok();
    assert_eq!(dokuen(&["releases", "-a", "hello"]), before);
    dokuen(&["shutdown"]);
    eventually("nothing of it runs any more", || processes::of_host(dir).is_empty());
}

/// With the programs that all tests run: to build its own takes minutes.
fn run(dir: &Path) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/try");
    let programs = Path::new(env!("CARGO_BIN_EXE_dokuen")).parent().unwrap();
    outcome::run(Command::new(script).arg(dir).env("DOKUEN_TRY_PROGRAMS", programs), b"", None)
}
