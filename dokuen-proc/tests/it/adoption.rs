//! kill -9 of a wrapper: its successor takes over a child that was never touched, and no line is lost.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::place::{Place, eventually, is_alive, signal};
use crate::web::App;

const COUNTS: &str = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.002; done";

#[test]
fn a_new_wrapper_adopts_the_child_and_loses_no_line() {
    let place = Place::new("stop_timeout: 2");
    let worker = place.runs("worker", COUNTS);
    let child = worker.report().child.unwrap();
    for _ in 0..10 {
        let wrapper = worker.report().wrapper.unwrap();
        let lines = place.log("worker.1").lines().count();
        signal(wrapper, Signal::SIGKILL);
        eventually("the wrapper is gone", || !worker.is_alive().unwrap());
        assert!(is_alive(child), "the child died with its wrapper");
        dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
        eventually("lines come again", || place.log("worker.1").lines().count() > lines + 5);
        eventually("it reports", || worker.report().wrapper != Some(wrapper));
        assert_eq!(worker.report().child, Some(child), "the child was started again");
    }
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(10)).unwrap();
    let log = place.log("worker.1");
    let numbers: Vec<u32> = log.lines().filter_map(|l| l.split("line ").nth(1)?.parse().ok()).collect();
    let distinct: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(numbers.len(), distinct.len(), "a line was written twice");
    assert_eq!(*numbers.last().unwrap() as usize, numbers.len(), "a line was lost");
}

#[test]
fn an_adopted_child_that_ends_is_started_again() {
    let place = Place::new("");
    let worker = place.runs("worker", "exec sleep 600");
    let child = worker.report().child.unwrap();
    signal(worker.report().wrapper.unwrap(), Signal::SIGKILL);
    eventually("the wrapper is gone", || !worker.is_alive().unwrap());
    dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
    // The test process is no subreaper: init reaps the orphan, or the pidfd tells that it has ended.
    signal(child, Signal::SIGKILL);
    eventually("a new child runs", || worker.report().child.is_some_and(|pid| pid != child && is_alive(pid)));
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(10)).unwrap();
}

/// It has the mark, leads a group and is older than the child: what an app has made a daemon of looks the same.
#[test]
fn a_daemon_beside_the_child_is_not_taken_for_it() {
    let place = Place::new("stop_timeout: 1");
    let mark = place.app.instances_dir().join("g1.worker.1");
    let mut daemon = Command::new("sleep").arg("600").env("DOKUEN_INSTANCE", mark).process_group(0).spawn().unwrap();
    let worker = place.runs("worker", "exec sleep 600");
    let (child, wrapper) = (worker.report().child.unwrap(), worker.report().wrapper.unwrap());
    signal(wrapper, Signal::SIGKILL);
    eventually("the wrapper is gone", || !worker.is_alive().unwrap());
    dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
    eventually("it reports", || worker.report().wrapper != Some(wrapper));
    assert_eq!(worker.report().child, Some(child));
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(10)).unwrap();
    daemon.wait().unwrap();
}

/// A helper that ignores the stop signal, beside the child or in a session of its own.
#[test]
fn what_a_child_left_that_died_with_its_wrapper_is_ended_before_the_next_one_starts() {
    for apart in ["", "setsid "] {
        let place = Place::new("stop_timeout: 1");
        let file = place.file("pid");
        let helper = format!("{apart}sh -c 'trap \"\" TERM; echo $$ > {}; exec sleep 600' &", file.display());
        let worker = place.runs("worker", &format!("{helper} exec sleep 600"));
        eventually("the pid is written", || std::fs::read_to_string(&file).is_ok_and(|t| t.ends_with('\n')));
        let helper: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let (child, wrapper) = (worker.report().child.unwrap(), worker.report().wrapper.unwrap());
        signal(wrapper, Signal::SIGKILL);
        signal(child, Signal::SIGKILL);
        eventually("both are gone", || !worker.is_alive().unwrap() && !is_alive(child));
        dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
        eventually("a child runs", || worker.report().child.is_some_and(|pid| pid != child));
        assert_ne!(worker.report().child, Some(helper), "the helper was taken for the child");
        assert!(!is_alive(helper), "they run side by side");
        assert!(place.log("worker.1").contains("what it left running is ended first"));
        worker.stop().unwrap();
        worker.wait_gone(Duration::from_secs(10)).unwrap();
    }
}

/// A sweep, or another wrapper that looks for a free port, holds the lock of each for a moment; somebody may keep it.
#[test]
fn an_adopted_app_is_reached_though_somebody_holds_its_port_for_a_moment_or_for_good() {
    for moment in [Some(Duration::from_millis(60)), None] {
        let app = App::new("stop_timeout: 2");
        let web = app.runs("port", 1);
        let report = web.report();
        signal(report.wrapper.unwrap(), Signal::SIGKILL);
        eventually("the wrapper is gone", || !web.is_alive().unwrap());
        let path = app.place.host.ports_dir().join(report.port.unwrap().to_string());
        let lock = std::fs::File::open(path).unwrap();
        lock.try_lock().unwrap();
        let _kept = std::thread::scope(|scope| {
            let held = scope.spawn(|| {
                std::thread::sleep(moment.unwrap_or_default());
                moment.is_none().then_some(lock)
            });
            dokuen_proc::revive(&app.place.host.wrapper(), &web).unwrap();
            held.join().unwrap()
        });
        let answers = app.ask("/");
        assert_eq!(Some(answers) == report.child, moment.is_some());
        eventually("it is reported", || web.report().child == Some(answers));
        assert_eq!(web.report().port == report.port, moment.is_some());
        app.ends(&web);
    }
}

#[test]
fn a_second_wrapper_is_refused_and_whoever_wanted_it_has_one() {
    let place = Place::new("");
    let worker = place.runs("worker", "exec sleep 600");
    let wrapper = worker.report().wrapper;
    let second = Command::new(place.host.wrapper()).arg(worker.dir()).output().unwrap();
    let refused = String::from_utf8(second.stdout).unwrap();
    assert!(refused.starts_with("failed: ") && refused.contains("has a wrapper already"), "{refused}");
    dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
    assert_eq!(worker.report().wrapper, wrapper);
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(10)).unwrap();
}

#[test]
fn what_a_killed_wrapper_left_is_ended_when_nobody_wants_it_any_more() {
    let place = Place::new("");
    let worker = place.runs("worker", "exec sleep 600");
    let child = worker.report().child.unwrap();
    signal(worker.report().wrapper.unwrap(), Signal::SIGKILL);
    eventually("the wrapper is gone", || !worker.is_alive().unwrap());
    dokuen_proc::retire([&worker]).unwrap();
    assert!(!is_alive(child));
    assert!(!worker.dir().exists());
}
