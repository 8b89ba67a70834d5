//! The state on the disk is enough: whatever was killed, `boot` brings it back, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Host, eventually};
use crate::processes;

#[test]
fn current_and_previous_are_never_missing() {
    let app = Host::new().app("hello", "static-page");
    app.push().ok();
    app.with("index.html", "second").push().ok();
    let over = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicU64::new(0));
    let reader = std::thread::spawn({
        let (over, looks, dir) = (Arc::clone(&over), Arc::clone(&looks), app.dir());
        move || {
            let links = [dir.join("current/.dokuen/complete"), dir.join("previous/.dokuen/complete")];
            let mut missing = 0;
            while !over.load(Ordering::Relaxed) {
                missing += links.iter().filter(|link| !link.exists()).count();
                looks.fetch_add(1, Ordering::Relaxed);
            }
            missing
        }
    });
    for number in 0..4 {
        app.with("index.html", format!("{number}")).push().ok();
    }
    app.dokuen("rollback", &[]).ok();
    over.store(true, Ordering::Relaxed);
    assert_eq!(reader.join().unwrap(), 0, "of {} looks", looks.load(Ordering::Relaxed));
}

#[test]
fn after_everything_was_killed_boot_brings_all_apps_back_once() {
    let host = Host::new();
    let (web, jobs) = (host.app("web", "types"), host.app("jobs", "worker-only"));
    let down = host.app("down", "static-page");
    web.push().ok();
    web.dokuen("scale", &["web=3,clock=1"]).ok();
    jobs.push().ok();
    jobs.dokuen("scale", &["worker=2"]).ok();
    down.push().ok();
    down.dokuen("shutdown", &[]).ok();

    processes::end_all(host.dir());
    host.dokuen(&["boot"]).ok();
    web.serves("Hello from types, version 1").comes_to_run(&["clock.1", "web.1", "web.2", "web.3"]);
    assert_eq!(web.pids().len(), 3);
    jobs.comes_to_run(&["worker.1", "worker.2"]);
    down.comes_to_run(&[]);
    assert_ne!(down.get("/").status, 200);

    let (running, snapshot) = (host.processes(), host.snapshot());
    host.dokuen(&["boot"]).ok().stdout_has("web: runs").stdout_has("jobs: runs");
    snapshot.unchanged_in(host.dir());
    let still: Vec<_> = host.processes().into_iter().filter(|p| !p.words.starts_with("sleep")).collect();
    assert_eq!(still, running.into_iter().filter(|p| !p.words.starts_with("sleep")).collect::<Vec<_>>());

    down.dokuen("boot", &[]).ok();
    assert_eq!(down.get("/").status, 200);
}

#[test]
fn shutdown_ends_everything_and_boot_starts_it_again() {
    let host = Host::new();
    let (a, b) = (host.app("a", "python"), host.app("b", "python"));
    a.push().ok();
    b.push().ok();
    a.dokuen("shutdown", &[]).ok();
    assert_ne!(a.get("/").status, 200);
    b.serves("Hello from Python, version 1");
    host.dokuen(&["shutdown"]).ok();
    assert_eq!(host.processes(), []);
    assert_eq!(host.reserved(), Vec::<u16>::new());
    host.dokuen(&["shutdown"]).ok();
    host.dokuen(&["boot"]).ok();
    b.serves("Hello from Python, version 1");
    assert_ne!(a.get("/").status, 200, "it was shut down by its name");
    a.greeting("pushed").push().ok().serving("pushed");
}

#[test]
fn a_killed_process_is_started_again_and_a_killed_wrapper_replaced() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let child: i32 = app.text("/pid").parse().unwrap();
    kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
    eventually("another one answers", || {
        let answer = app.get("/pid");
        answer.status == 200 && answer.body != child.to_string().into_bytes()
    });
    let child = app.text("/pid");
    let wrapper = app.host.processes().into_iter().find(|p| p.words.contains("dokuen-wrapper")).unwrap();
    kill(Pid::from_raw(wrapper.pid), Signal::SIGKILL).unwrap();
    // On a busy machine it holds its lock for a moment more, and then `boot` has nothing to do.
    eventually("it is gone", || !processes::is_alive(wrapper.pid));
    app.dokuen("boot", &[]).ok();
    eventually("it answers", || app.get("/pid").status == 200);
    assert_eq!(app.text("/pid"), child, "it was adopted, not started again");
    assert_eq!(app.host.app_processes().len(), 2);
    app.greeting("next").push().ok().serving("next");
}

#[test]
fn a_push_that_is_killed_at_any_moment_leaves_the_old_release_and_a_working_next_push() {
    let app = Host::new().app("hello", "python");
    app.greeting("live").push().ok();
    for millis in [30, 90, 150, 220, 300, 400] {
        app.greeting(&format!("killed after {millis}"));
        let mut push = app.host.command("git");
        push.current_dir(&app.checkout).args(["push", "-q", "dokuen", "master"]);
        std::os::unix::process::CommandExt::process_group(&mut push, 0);
        let mut push = push.stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        // The hook is in the group: pusher, receive-pack and deploy end in one moment.
        let _ = kill(Pid::from_raw(-(push.id() as i32)), Signal::SIGKILL);
        push.wait().unwrap();
        let text = app.text("/");
        assert!(text == "live\n" || text == format!("killed after {millis}\n"), "{text}");
        app.release("current");
        app.git(&["reset", "-q", "--hard"]).ok();
        app.greeting("live").push().ok().serving("live");
    }
    app.comes_to_run(&["web.1"]);
    eventually("all other ports are given back", || app.host.reserved().len() == 1);
}

#[test]
fn derived_files_come_back() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let host = &app.host;
    host.dokuen(&["shutdown"]).ok();
    let vhost = host.dir().join("nginx").join(format!("hello.{}.conf", host.base()));
    assert!(vhost.exists());
    std::fs::remove_dir_all(host.dir().join("nginx")).unwrap();
    std::fs::remove_dir_all(host.dir().join("ports")).unwrap();
    std::fs::remove_dir_all(host.dir().join("run")).unwrap();
    std::fs::remove_dir_all(app.dir().join("build")).unwrap();
    host.dokuen(&["boot"]).ok();
    app.serves("Hello from Python, version 1");
    assert!(vhost.exists());
    app.greeting("next").push().ok().serving("next");
}
