//! `boot --watch`: a wrapper killed -9 is replaced, and its child is never touched.

use std::fs;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Host, eventually};
use crate::processes;

struct Watcher(Child);

impl Watcher {
    fn of(host: &Host) -> Self {
        Self::saying(host, Stdio::inherit())
    }

    fn saying(host: &Host, errors: impl Into<Stdio>) -> Self {
        let mut command = host.command(host.program());
        let command = command.args(["boot", "--watch"]).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(errors).spawn().unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_wrapper_is_replaced_and_the_child_serves_on() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    let _watcher = Watcher::of(&host);
    let pid = app.text("/pid");
    for _ in 0..3 {
        let wrapper = wrapper_pid(&host, "web.1");
        kill(Pid::from_raw(wrapper), Signal::SIGKILL).unwrap();
        eventually("another wrapper has taken over", || ![0, wrapper].contains(&wrapper_pid(&host, "web.1")));
        eventually("it answers again", || app.get("/pid").status == 200);
        assert_eq!(app.text("/pid"), pid, "the child was started again");
    }
    app.comes_to_run(&["web.1"]);
}

/// Whoever tidies up below `/run` or `/tmp` may take the sockets of what runs.
#[test]
fn an_emptied_run_directory_is_filled_again() {
    let host = Host::new();
    let apps = ["port", "path", "fds"].map(|listen| host.app(listen, "python"));
    for app in &apps {
        app.dokuen("config_set", &[&format!("DOKUEN_LISTEN={}", app.name)]).ok();
        app.push().ok();
    }
    let lose = || {
        for app in &apps {
            // The watcher may be at it already.
            let _ = fs::remove_dir_all(host.dir().join("run").join(&app.name));
        }
    };
    let pid = apps[0].text("/pid");
    lose();
    // nginx may have kept a connection to a front: then it finds that one, among all slots.
    apps[1..].iter().for_each(|app| assert_ne!(app.get("/pid").status, 200));
    host.dokuen(&["doctor"]).fails().stdout_has("web.1 does not run");
    host.dokuen(&["boot"]).ok();
    for app in &apps {
        app.serves("Hello from Python, version 1").comes_to_run(&["web.1"]);
    }
    host.dokuen(&["doctor"]).ok();
    let _watcher = Watcher::of(&host);
    lose();
    for app in &apps {
        eventually("it answers again", || app.get("/pid").status == 200);
    }
    assert_eq!(apps[0].text("/pid"), pid, "it was started again");
}

#[test]
fn an_app_that_cannot_be_looked_at_keeps_nobody_from_being_watched() {
    let host = Host::new();
    let (odd, app) = (host.app("a-odd", "python"), host.app("hello", "python"));
    odd.push().ok();
    app.push().ok();
    // Even root cannot write to a directory.
    let control = odd.dir().join("instances/g1.web.1/control");
    fs::rename(&control, odd.dir().join("aside")).unwrap();
    fs::create_dir(&control).unwrap();
    let _watcher = Watcher::of(&host);
    let wrapper_of_app = || {
        let all = host.app_processes();
        let is = |words: &str| words.contains("dokuen-wrapper") && words.contains("apps/hello/");
        all.iter().find(|process| is(&process.words)).map(|process| process.pid)
    };
    // The first may be replaced by the boot that comes before the watch.
    for _ in 0..3 {
        let old = wrapper_of_app().unwrap();
        kill(Pid::from_raw(old), Signal::SIGKILL).unwrap();
        eventually("another wrapper has taken over", || wrapper_of_app().is_some_and(|pid| pid != old));
    }
    fs::remove_dir(&control).unwrap();
    fs::rename(odd.dir().join("aside"), &control).unwrap();
}

fn wrapper_pid(host: &Host, name: &str) -> i32 {
    let wrappers =
        host.app_processes().into_iter().filter(|p| p.words.contains("dokuen-wrapper") && p.words.contains(name));
    wrappers.map(|p| p.pid).next().unwrap_or(0)
}

/// TERM at a wrapper, as from `kill`, `systemctl kill` or the end of a session: the app goes in good order, and comes back.
#[test]
fn an_app_that_somebody_has_ended_from_outside_is_started_again() {
    let host = Host::new();
    let (app, stopped) = (host.app("hello", "python"), host.app("stopped", "python"));
    app.push().ok();
    stopped.push().ok();
    let _watcher = Watcher::of(&host);
    eventually("it watches", || host.dir().join("run/.watch").exists());
    stopped.dokuen("shutdown", &[]).ok();
    kill(Pid::from_raw(wrapper_pid(&host, "web.1")), Signal::SIGTERM).unwrap();
    eventually("it has gone", || app.runs().is_empty());
    eventually("it is back", || app.get("/pid").status == 200);
    app.comes_to_run(&["web.1"]);
    // What was shut down stays so.
    assert_eq!(stopped.runs(), Vec::<String>::new());
    host.dokuen(&["shutdown"]).ok();
    std::thread::sleep(std::time::Duration::from_secs(17));
    assert_eq!(app.runs(), Vec::<String>::new(), "everything was shut down");
    host.dokuen(&["boot"]).ok();
    app.comes_to_run(&["web.1"]);
}

/// A shutdown of everything that finds an app being started again does not wait for that, and is obeyed all the same.
#[test]
fn a_start_that_a_shutdown_has_overtaken_is_taken_back() {
    let host = Host::new();
    let app = host.app("hello", "slow");
    app.dokuen("config_set", &["SLOW_START_MS=4000"]).ok();
    app.push().ok();
    let _watcher = Watcher::of(&host);
    eventually("it watches", || host.dir().join("run/.watch").exists());
    kill(Pid::from_raw(wrapper_pid(&host, "web.1")), Signal::SIGTERM).unwrap();
    eventually("it has gone", || wrapper_pid(&host, "web.1") == 0);
    eventually("it is started again", || wrapper_pid(&host, "web.1") != 0);
    host.dokuen(&["shutdown"]).fails().stderr_has("hello is busy");
    let is_free = || fs::File::open(app.dir().join("lock")).unwrap().try_lock().is_ok();
    eventually("whoever started it has ended", is_free);
    assert_eq!(wrapper_pid(&host, "web.1"), 0);
}

#[test]
fn an_app_whose_start_failed_at_boot_is_tried_again_without_a_storm() {
    let host = Host::new();
    let (app, other) = (host.app("hello", "python"), host.app("other", "python"));
    app.push().ok();
    other.push().ok();
    processes::end_all(host.dir());
    fs::remove_dir_all(app.dir().join("instances")).unwrap();
    let (server, aside) = (app.release("current").join("server.py"), host.temp().join("aside"));
    fs::rename(&server, &aside).unwrap();
    let errors = host.temp().join("errors");
    let _watcher = Watcher::saying(&host, fs::File::create(&errors).unwrap());
    let failed = || fs::read_to_string(&errors).unwrap().matches("did not start\n").count();
    eventually("it could not be started", || failed() == 1);
    let pid = other.text("/pid");
    eventually("it was tried again", || failed() == 2);
    assert_eq!(app.runs(), Vec::<String>::new());
    fs::rename(&aside, &server).unwrap();
    eventually("it answers", || app.get("/pid").status == 200);
    assert_eq!(failed(), 2);
    assert_eq!(other.text("/pid"), pid);
}
