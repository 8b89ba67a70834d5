//! The end of an instance: the whole tree, within its time, and nothing left on the disk.

use std::time::{Duration, Instant};

use crate::cgroups::Groups;
use crate::place::{Place, eventually, is_alive};

const LONG: Duration = Duration::from_secs(20);

fn pid_in(place: &Place, name: &str) -> i32 {
    let path = place.file(name);
    eventually("the pid is written", || std::fs::read_to_string(&path).is_ok_and(|t| t.ends_with('\n')));
    std::fs::read_to_string(&path).unwrap().trim().parse().unwrap()
}

#[test]
fn stop_leaves_nothing() {
    let place = Place::new("");
    let worker = place.runs("worker", "exec sleep 600");
    let child = worker.report().child.unwrap();
    let report = place.app.pid_file(&place.app.releases_dir().join("20260101T000000"), &worker.id.kind, 1);
    assert!(std::fs::read_to_string(&report).unwrap().starts_with("---\npid: "));
    let begun = Instant::now();
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "it leaves as soon as the last one is gone");
    assert!(!is_alive(child) && !report.exists());
    // The lock goes a moment before the directory it lies in.
    eventually("its directory is gone", || !worker.dir().exists());
}

#[test]
fn a_child_that_ignores_the_signal_is_killed_after_the_grace_period() {
    let place = Place::new("stop_timeout: 1");
    let worker = place.runs("worker", "trap '' TERM; while :; do sleep 0.1; done");
    let child = worker.report().child.unwrap();
    let begun = Instant::now();
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(950) && !is_alive(child));
}

#[test]
fn double_forked_grandchildren_in_sessions_of_their_own_are_ended_too() {
    let place = Place::new("stop_timeout: 1");
    let file = place.file("pid");
    let command =
        format!("(setsid sh -c 'trap \"\" TERM HUP; echo $$ > {}; exec sleep 600' &) ; exec sleep 600", file.display());
    let worker = place.runs("worker", &command);
    let grandchild = pid_in(&place, "pid");
    assert!(is_alive(grandchild));
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
    assert!(!is_alive(grandchild));
}

#[test]
fn what_a_dead_child_left_behind_is_ended_before_it_is_started_again() {
    let place = Place::new("stop_timeout: 1");
    let file = place.file("pid");
    let command = format!("sleep 600 & echo $! > {}; sleep 1.2", file.display());
    let worker = place.runs("worker", &command);
    let left = pid_in(&place, "pid");
    eventually("the child was started again", || worker.report().restarts > 0);
    assert!(!is_alive(left));
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
}

#[test]
fn instances_that_nobody_keeps_are_stopped() {
    let place = Place::new("");
    let booted = place.boots("exec sleep 600");
    let worker = booted.instances()[0].clone();
    eventually("it runs", || worker.report().child.is_some());
    let child = worker.report().child.unwrap();
    drop(booted);
    assert!(!is_alive(child));
    eventually("its directory is gone", || !worker.dir().exists());
}

/// Files as the kernel makes them stand in for a cgroup: the test need not be root.
#[test]
fn an_instance_gets_a_cgroup_with_its_bounds_where_there_is_one_and_says_when_there_is_none() {
    let groups = tempfile::tempdir().unwrap();
    let place = Place::new(&format!("cgroup: {}", groups.path().display()));
    let group = groups.path().join("a.g1.worker.1");
    std::fs::create_dir(&group).unwrap();
    for file in ["cgroup.procs", "cgroup.kill", "memory.max", "pids.max"] {
        std::fs::write(group.join(file), "").unwrap();
    }
    let mut plan = place.plan("worker", "sleep 600", 1);
    plan.config = plan.config.with("DOKUEN_MEMORY", "64M").with("DOKUEN_PIDS_WORKER", "20");
    let ready = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap();
    let worker = ready.instances()[0].clone();
    ready.switch().unwrap().keep();
    let of = |file: &str| std::fs::read_to_string(group.join(file)).unwrap();
    assert_eq!((of("memory.max"), of("pids.max")), ("67108864".into(), "20".into()));
    assert_eq!(of("cgroup.procs"), worker.report().child.unwrap().to_string());
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
    std::fs::remove_dir_all(&group).unwrap();
    plan.generation = 2;
    let ready = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap();
    let worker = ready.instances()[0].clone();
    ready.switch().unwrap().keep();
    eventually("it is said", || place.log("worker.1").contains("dokuen: the limits are not in force: "));
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
}

/// A real cgroup v2, with a process in it that cleans its environment, leaves its session and
/// its parent, and loses its wrapper: nothing else leads to it.
#[test]
fn nothing_hides_in_a_cgroup() {
    let Some(groups) = Groups::new("that nothing hides in a cgroup") else { return };
    let place = Place::new(&format!("stop_timeout: 1\ncgroup: {}", groups.dir().display()));
    let file = place.file("pid");
    let hidden = format!(
        "env -i setsid sh -c \"trap : TERM HUP; echo \\$\\$ > {}; while :; do sleep 0.1; done\"",
        file.display()
    );
    let worker = place.runs("worker", &format!("({hidden} &) ; exec sleep 600"));
    let (child, hidden) = (worker.report().child.unwrap(), pid_in(&place, "pid"));
    let members = groups.members("a.g1.worker.1");
    assert!([child, hidden].iter().all(|pid| members.contains(pid)), "{members:?}");
    let wrapper = worker.report().wrapper.unwrap();
    crate::place::signal(wrapper, nix::sys::signal::Signal::SIGKILL);
    eventually("the wrapper is gone", || !worker.is_alive().unwrap());
    dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
    eventually("it reports", || worker.report().wrapper != Some(wrapper));
    assert_eq!(worker.report().child, Some(child), "taken over, and not the one that hides");
    std::fs::remove_file(&file).unwrap();
    crate::place::signal(child, nix::sys::signal::Signal::SIGKILL);
    let next = pid_in(&place, "pid");
    assert!(!is_alive(hidden), "what was hidden is ended before the next one starts");
    // The next one hides as well, and this time there is no wrapper to end it.
    eventually("it reports", || worker.report().child.is_some_and(|c| c != child));
    let report = worker.report();
    for pid in [report.wrapper, report.child].into_iter().flatten() {
        crate::place::signal(pid, nix::sys::signal::Signal::SIGKILL);
    }
    eventually("the wrapper is gone", || !worker.is_alive().unwrap());
    assert!(is_alive(next));
    dokuen_proc::retire([&worker]).unwrap();
    worker.wait_gone(LONG).unwrap();
    assert!(!is_alive(next));
    eventually("its cgroup is gone", || !groups.has("a.g1.worker.1"));
}

#[test]
fn a_type_has_its_own_signal_and_grace() {
    let place = Place::new("stop_timeout: 60");
    let mut plan =
        place.plan("worker", "trap 'echo got it; exit 0' USR1; trap '' TERM; while :; do sleep 0.05; done", 1);
    plan.config = plan.config.with("DOKUEN_STOP_SIGNAL_WORKER", "usr1").with("DOKUEN_STOP_SIGNAL", "TERM");
    let ready = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap();
    let worker = ready.instances()[0].clone();
    ready.switch().unwrap().keep();
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
    assert!(place.log("worker.1").contains("got it"));
    let mut plan = place.plan("worker", "trap '' TERM; while :; do sleep 0.05; done", 2);
    plan.config = plan.config.with("DOKUEN_STOP_TIMEOUT", "1");
    let ready = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap();
    let worker = ready.instances()[0].clone();
    ready.switch().unwrap().keep();
    worker.stop().unwrap();
    worker.wait_gone(LONG).unwrap();
}

#[test]
fn what_a_killed_wrapper_left_is_ended_by_its_own_signal_and_hears_that_once() {
    let place = Place::new("stop_timeout: 20");
    let file = place.file("heard");
    let heard = |signal: &str| format!("trap 'echo {signal} >> {}' {signal}; ", file.display());
    let line = format!(
        "{}{}while :; do sleep 0.05; test -e {} && sleep 0.3 && exit; done",
        heard("TERM"),
        heard("USR1"),
        file.display()
    );
    let mut plan = place.plan("worker", &line, 1);
    plan.config = plan.config.with("DOKUEN_STOP_SIGNAL", "USR1");
    let ready = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap();
    let worker = ready.instances()[0].clone();
    ready.switch().unwrap().keep();
    crate::place::signal(worker.report().wrapper.unwrap(), nix::sys::signal::Signal::SIGKILL);
    eventually("the wrapper is gone", || !worker.is_alive().unwrap());
    dokuen_proc::retire([&worker]).unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "USR1\n");
}

#[test]
fn a_wrapper_whose_directory_was_removed_starts_nothing_more_and_leaves() {
    let place = Place::new("");
    let worker = place.runs("worker", "exec sleep 600");
    let report = worker.report();
    std::fs::remove_dir_all(worker.dir()).unwrap();
    crate::place::signal(report.child.unwrap(), nix::sys::signal::Signal::SIGKILL);
    eventually("the wrapper has left", || !is_alive(report.wrapper.unwrap()));
}
