//! Dokuen's own nginx ends without a word: whoever routes an app starts it again or says that it cannot, and so does
//! whoever watches.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually};

/// All of it at once, as for want of memory.
fn kill_nginx(host: &Host) {
    let nginx: Vec<_> = host.processes().into_iter().filter(|process| process.words.starts_with("nginx: ")).collect();
    assert!(!nginx.is_empty(), "it was not there");
    for process in nginx {
        kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
    }
    eventually("nginx has gone", || !answers(host));
}

fn answers(host: &Host) -> bool {
    TcpStream::connect(host.listen()).is_ok()
}

#[test]
fn whatever_routes_an_app_starts_an_nginx_that_has_gone() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.greeting("first").push().ok();
    host.dokuen(&["shutdown"]).ok();
    app.greeting("second").push().ok().stderr_has("is live").serving("second");
    for (command, words) in [
        ("restart", &[][..]),
        ("config_set", &["A=1"]),
        ("scale", &["web=2"]),
        ("scale", &["web=1"]),
        ("domains:add", &["hello.example"]),
        ("nginx:set", &["client-max-body-size=7m"]),
        ("maintenance:off", &[]),
    ] {
        kill_nginx(&host);
        app.dokuen(command, words).ok();
        assert!(answers(&host), "{command}");
        app.serves("second");
    }
    kill_nginx(&host);
    app.dokuen("rollback", &[]).ok();
    app.serves("second");
    kill_nginx(&host);
    app.dokuen("rollback", &["v1"]).ok().serving("first");
}

/// What nginx serves besides is served again too, whatever somebody has left in its directory meanwhile.
#[test]
fn it_comes_back_for_all_apps_and_without_a_file_that_it_refuses() {
    let host = Host::new();
    let (one, two) = (host.app("one", "types"), host.app("two", "types"));
    one.push().ok();
    two.greeting("two").push().ok();
    kill_nginx(&host);
    let bad = host.dir().join("nginx/zz.conf");
    std::fs::write(&bad, "servr x;\n").unwrap();
    one.dokuen("restart", &[]).ok().stderr_has("zz.conf.refused");
    assert!(!bad.exists());
    one.serves("Hello from types, version 1");
    two.serves("two");
}

#[test]
fn what_cannot_be_reached_does_not_go_live() {
    let host = Host::new();
    let app: App = host.app("hello", "types");
    app.greeting("first").push().ok();
    kill_nginx(&host);
    let thief = TcpListener::bind(host.listen()).unwrap();
    let before = (app.pushed("master"), app.release("current"));
    let pushed = app.greeting("second").push().fails().stderr_has("failed to start nginx").stderr_has("bind() to ");
    pushed.stderr_lacks("is live");
    for (command, words) in [("restart", &[][..]), ("config_set", &["A=1"]), ("scale", &["web=2"])] {
        app.dokuen(command, words).exits(8).stderr_has("failed to start nginx");
    }
    assert_eq!((app.pushed("master"), app.release("current")), before);
    assert!(!app.exists("env/A"));
    app.comes_to_run(&["web.1"]);
    drop(thief);
    app.push().ok().serving("second");
}

/// An app without `web` is not nginx's business.
#[test]
fn an_app_that_answers_nobody_needs_no_nginx() {
    let host = Host::new();
    let app = host.app("jobs", "worker-only");
    app.dokuen("config_set", &["DOKUEN_SCALE=worker=1"]).ok();
    kill_nginx(&host);
    app.push().ok();
    app.dokuen("restart", &[]).ok();
    assert!(!answers(&host));
}

struct Watcher(Child);

impl Watcher {
    fn of(host: &Host) -> Self {
        let mut command = host.command(host.program());
        Self(command.args(["boot", "--watch"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A wrapper that is killed is replaced behind the look at nginx or, found lost, before it: with three of them, a look at
/// nginx lies between.
fn has_looked(host: &Host, jobs: &App) {
    for _ in 0..3 {
        let wrapper = || host.app_processes().into_iter().find(|p| p.words.contains("dokuen-wrapper"));
        let before = wrapper().unwrap().pid;
        kill(Pid::from_raw(before), Signal::SIGKILL).unwrap();
        eventually("it was replaced", || wrapper().is_some_and(|now| now.pid != before));
        jobs.comes_to_run(&["worker.1"]);
    }
}

#[test]
fn whoever_watches_brings_it_back_as_long_as_an_app_waits_for_requests() {
    let host = Host::new();
    let (app, jobs) = (host.app("hello", "types"), host.app("jobs", "worker-only"));
    app.push().ok();
    jobs.dokuen("config_set", &["DOKUEN_SCALE=worker=1"]).ok();
    let watcher = Watcher::of(&host);
    for _ in 0..2 {
        kill_nginx(&host);
        eventually("nginx is back", || answers(&host));
        app.serves("Hello from types, version 1");
    }
    // Its workers answer on.
    let master = || host.processes().into_iter().find(|p| p.words.starts_with("nginx: master")).map(|p| p.pid);
    let before = master();
    kill(Pid::from_raw(before.unwrap()), Signal::SIGKILL).unwrap();
    eventually("it has a master again", || master().is_some_and(|now| Some(now) != before) && answers(&host));
    app.serves("Hello from types, version 1");
    // Everything was ended on purpose, nginx too.
    host.dokuen(&["shutdown"]).ok();
    jobs.push().ok();
    has_looked(&host, &jobs);
    assert!(!answers(&host));
    app.dokuen("boot", &[]).ok().serving("Hello from types, version 1");
    app.dokuen("shutdown", &[]).ok();
    kill_nginx(&host);
    has_looked(&host, &jobs);
    assert!(!answers(&host), "nobody waits for a request");
    drop(watcher);
}
