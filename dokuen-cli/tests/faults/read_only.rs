//! A disk that takes no write any more, as the kernel makes one that has failed: what runs goes on, and what only looks
//! says what is so.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::outcome::run;

/// The host's directory, mounted over itself to be read only; as it was with the end of this.
struct ReadOnly(Host, PathBuf);

impl ReadOnly {
    /// `None` for whoever may not mount.
    fn of(host: &Host) -> Option<Self> {
        let dir = host.dir().to_owned();
        let bound = run(host.command("mount").arg("--bind").args([&dir, &dir]), b"", None);
        if bound.code != 0 {
            let _ = writeln!(std::io::stderr(), "not tried: a disk that takes no write: needs the right to mount");
            return None;
        }
        let mounted = Self(host.clone(), dir);
        run(host.command("mount").args(["-o", "remount,bind,ro"]).arg(&mounted.1), b"", None).ok();
        Some(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = self.0.command("umount").arg("-l").arg(&self.1).output();
    }
}

/// `boot --watch`, with what it says on its standard error.
struct Watcher(Child, PathBuf);

impl Watcher {
    fn of(host: &Host) -> Self {
        let said = host.temp().join("watcher");
        let mut command = host.command(host.program());
        let command = command.args(["boot", "--watch"]).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(fs::File::create(&said).unwrap()).spawn().unwrap(), said)
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.1).unwrap()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn d13_whoever_only_looks_needs_no_write() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let watcher = Watcher::of(&app.host);
    eventually("it watches", || app.host.dokuen(&["doctor"]).out().contains("wrappers are watched over"));
    let Some(read_only) = ReadOnly::of(&app.host) else { return };
    app.dokuen("ps", &[]).ok().stdout_has("web.1");
    app.dokuen("ps:wait", &[]).ok();
    let says = format!("{} is read-only", app.host.dir().display());
    let looked = app.host.dokuen(&["doctor"]).fails().stdout_has(&says).stdout_has("1 run, 0 are shut down");
    assert!(looked.out().contains("wrappers are watched over"), "{looked}");
    drop(read_only);
    assert!(!app.host.dokuen(&["doctor"]).out().contains("read-only"));
    assert_eq!(watcher.said(), "");
}

/// A wrapper that was killed can have no other then.
#[test]
fn d13_the_watcher_says_once_what_it_cannot_mend() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let watcher = Watcher::of(&app.host);
    let wrapper = |app: &App| app.host.processes().into_iter().find(|p| p.words.contains("dokuen-wrapper"));
    eventually("it watches", || app.host.dokuen(&["doctor"]).out().contains("wrappers are watched over"));
    let Some(read_only) = ReadOnly::of(&app.host) else { return };
    kill(Pid::from_raw(wrapper(&app).unwrap().pid), Signal::SIGKILL).unwrap();
    eventually("it says so", || watcher.said().contains("Read-only"));
    std::thread::sleep(std::time::Duration::from_secs(8));
    let (said, mut lines) = (watcher.said(), Vec::new());
    for line in said.lines().filter(|line| line.contains("failed to")) {
        assert!(!lines.contains(&line), "twice: {said}");
        lines.push(line);
    }
    drop(read_only);
    eventually("it has another wrapper", || wrapper(&app).is_some());
    app.comes_to_run(&["web.1"]);
}

/// Its process dies meanwhile, and the next one that its wrapper starts is seen as soon as that can be written.
#[test]
fn d13_what_was_started_meanwhile_is_seen_afterwards() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let before = app.text("/pid");
    let Some(read_only) = ReadOnly::of(&app.host) else { return };
    kill(Pid::from_raw(before.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    eventually("another one answers", || app.get("/pid").status == 200 && app.text("/pid") != before);
    let pid = app.text("/pid");
    app.dokuen("ps", &[]).ok().stdout_has(before.trim());
    drop(read_only);
    eventually("it is seen", || app.dokuen("ps", &[]).ok().out().contains(pid.trim()));
    app.comes_to_run(&["web.1"]);
}
