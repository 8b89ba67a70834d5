//! What runs: one-offs as they are typed, and what an app writes about its own processes.

use std::fs;
use std::process::Stdio;

use super::{SOON, Wrong, host, live, rows};
use crate::host::eventually;

/// Reports in the release are written for people and never read to decide anything: whatever an app puts there, only
/// its own processes are signalled.
#[test]
fn planted_pid_files() {
    let host = host();
    let app = live(&host);
    let mut bystander = Bystander::new();
    for row in rows("pidfile", &[]) {
        let path = app.release("current").join(".dokuen/dokuen.app.web.1.pid");
        let _ = fs::remove_file(&path);
        match row.text().as_str() {
            // A wrapper that drains may write its last report there in between.
            "<directory>" => eventually("it is a directory", || {
                let _ = fs::remove_file(&path);
                fs::create_dir(&path).is_ok()
            }),
            "<1 GB file>" => fs::File::create(&path).unwrap().set_len(1 << 30).unwrap(),
            // Never the row's own pid: should this fail, it must not end the machine.
            text => {
                fs::write(&path, text.replace("pid: -1\n", &bystander.line()).replace("pid: 1\n", &bystander.line()))
                    .unwrap()
            }
        }
        app.dokuen("ps", &[]).ok().stdout_has("web.1");
        app.dokuen("restart", &[]).ok().serving("Hello from types, version 1");
        assert!(bystander.is_alive(), "{}", row.id);
        let _ = fs::remove_dir(&path);
    }
    app.dokuen("shutdown", &[]).ok();
    assert_eq!(host.app_processes(), []);
    assert!(bystander.is_alive());
}

/// A process that nobody may signal.
struct Bystander(std::process::Child);

impl Bystander {
    fn new() -> Self {
        let mut sleep = std::process::Command::new("sleep");
        Self(sleep.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn line(&self) -> String {
        format!("pid: {}\n", self.0.id())
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_off_commands() {
    let host = host();
    let app = live(&host);
    host.app("other", "types");
    let mut wrong = Wrong::default();
    for row in rows("run_command", &["RUN-007", "RUN-017"]) {
        let texts: Vec<_> = row.words.iter().map(|w| String::from_utf8(w.clone()).unwrap()).collect();
        let words: Vec<_> = texts.iter().map(String::as_str).collect();
        let ran = || app.dokuen_given("run_command", &words, b"from stdin");
        match row.id.as_str() {
            "RUN-009" => wrong.unless(&row, ran().ok().out() == "a b\n", ran()),
            "RUN-011" => wrong.unless(&row, ran().exits(7).out() == "\n", ran()),
            "RUN-013" => wrong.unless(&row, ran().ok().out().contains("Procfile"), ran()),
            "RUN-015" => wrong.unless(&row, ran().ok().out() == "from stdin", ran()),
            "RUN-003" => wrong.unless(&row, ran().exits(127).err.contains("nosuchprogram"), ran()),
            _ => wrong.unless_rejected(&row, &host, SOON, ran),
        }
    }
    wrong.none();
}
