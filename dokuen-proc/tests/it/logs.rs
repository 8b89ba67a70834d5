//! What a child writes, through a real wrapper.

use crate::place::{Place, eventually};

#[test]
fn both_streams_are_logged_in_the_order_of_writing() {
    let place = Place::new("");
    let worker = place.runs("worker", "echo one; echo two >&2; printf three; exec sleep 600");
    eventually("the line without an end is shown", || place.log("worker.1").lines().count() == 3);
    let log = place.log("worker.1");
    let said: Vec<_> = log.lines().map(|l| l.split_once("][worker.1] ").unwrap().1).collect();
    assert_eq!(said, ["one", "two", "three"]);
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn a_line_that_goes_on_is_not_cut_because_others_came_before_it() {
    let place = Place::new("");
    let worker = place.runs(
        "worker",
        "for i in 1 2 3 4 5 6; do printf 'o\\none\\ntw'; sleep 0.3; done; echo o; echo done; exec sleep 600",
    );
    eventually("all of it was read", || place.log("worker.1").contains("done"));
    let log = place.log("worker.1");
    let said: Vec<_> = log.lines().map(|l| l.split_once("][worker.1] ").unwrap().1).collect();
    let whole = ["two", "one"].into_iter().cycle().take(10);
    assert_eq!(said, ["o", "one"].into_iter().chain(whole).chain(["two", "done"]).collect::<Vec<_>>());
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn a_200_mb_line_does_not_grow_the_wrapper() {
    let place = Place::new("log_bytes: 1000000");
    let worker = place.runs("worker", "head -c 200000000 /dev/zero | tr '\\0' x; echo; echo done; exec sleep 600");
    // The batch that holds it may have been the one that made the log too large.
    let done = || ["worker.1", "worker.1.1"].iter().any(|name| place.log(name).ends_with("done\n"));
    eventually("all of it was read", done);
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.report().wrapper.unwrap())).unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kib <= 8 * 1024, "the wrapper grew to {kib} KiB");
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

/// How often the wrapper has written anything: once for each batch of lines, and for little else.
#[cfg(not(dokuen_portable))]
fn batches(worker: &dokuen_proc::Instance) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{}/io", worker.report().wrapper.unwrap())).unwrap();
    io.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap().parse().unwrap()
}

// A log pipe that stays small is read as often as it is written to.
#[cfg(not(dokuen_portable))]
#[test]
fn line_after_line_is_taken_many_at_a_time() {
    let place = Place::new("");
    let go = place.file("go");
    // A write for each line, as quick as a shell is; then one that comes by itself.
    let line = format!(
        "while [ ! -e {} ]; do sleep 0.01; done; i=0; while [ $i -lt 50000 ]; do echo line; i=$((i+1)); done; exec sleep 600",
        go.display()
    );
    let worker = place.runs("worker", &line);
    let before = batches(&worker);
    std::fs::write(&go, "").unwrap();
    eventually("all of it was read", || place.log("worker.1").lines().count() == 50_000);
    let batches = batches(&worker) - before;
    assert!(batches < 2500, "{batches} batches for 50,000 lines");
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn what_came_in_a_pause_is_logged_before_it_is_said_that_the_process_has_ended() {
    let place = Place::new("");
    let worker = place.runs("worker", "sleep 0.2; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done; exit 3");
    eventually("its end was said", || place.log("worker.1").contains("dokuen: the process"));
    let log = place.log("worker.1");
    let said: Vec<_> = log.lines().map(|l| l.split_once("][worker.1] ").unwrap().1).collect();
    let numbers: Vec<_> = (1..=2000).map(|number: u32| number.to_string()).collect();
    let first_odd = said.iter().zip(&numbers).find(|(said, number)| said != number);
    assert_eq!((first_odd, said[2000]), (None, "dokuen: the process exited with 3"));
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn a_lone_line_costs_one_wake_up() {
    let place = Place::new("");
    let worker = place.runs("worker", "while :; do echo line; sleep 0.02; done");
    let wrapper = worker.report().wrapper.unwrap();
    let switches = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{wrapper}/status")).unwrap();
        status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:")).unwrap().trim().parse().unwrap()
    };
    let lines = || place.log("worker.1").lines().count();
    eventually("lines come", || lines() > 5);
    let (waked, had) = (switches(), lines());
    eventually("more lines come", || lines() >= had + 50);
    let (waked, came) = (switches() - waked, (lines() - had) as u64);
    // One that was paced would cost two: when it comes, and when the pause ends.
    assert!(waked <= came * 3 / 2, "{waked} wake-ups for {came} lines");
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

/// The wrapper is watched by `strace`, and no sync of it succeeds.
#[cfg(not(dokuen_portable))]
#[test]
fn a_log_is_set_aside_without_waiting_for_the_disk() {
    let place = Place::new("log_bytes: 10000");
    let (wrapper, real, trace) = (place.host.wrapper(), place.file("real"), place.file("trace"));
    std::fs::rename(&wrapper, &real).unwrap();
    let strace = format!(
        "strace -qq -e trace=?rename,renameat,renameat2,fsync,fdatasync -e inject=fsync:error=EIO -o {}",
        trace.display()
    );
    let script = format!("#!/bin/sh\nexec {strace} {} \"$@\"\n", real.display());
    dokuen_core::fs::replace(&wrapper, script.as_bytes(), 0o755).unwrap();
    let worker =
        place.runs("worker", "while :; do for i in 1 2 3 4 5 6 7 8 9; do echo 0123456789; done; sleep 0.005; done");
    eventually("it was set aside", || !place.log("worker.1.2").is_empty());
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
    let trace = std::fs::read_to_string(trace).unwrap();
    let synced: Vec<_> = trace.lines().filter(|call| call.contains("sync(")).collect();
    assert!(trace.contains("worker.1.1") && synced.is_empty(), "{synced:?}");
}
