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

#[test]
fn a_log_that_cannot_be_written_holds_nobody_up_and_the_loss_is_said() {
    let place = Place::new("");
    // What is no file can be written by nobody, not even by root.
    let log = place.app.logs_dir().join("dokuen.a.worker.1");
    std::fs::create_dir(&log).unwrap();
    let done = place.file("done");
    let line = format!("seq 100000; touch {}; while :; do echo on; sleep 0.05; done", done.display());
    let worker = place.runs("worker", &line);
    eventually("the app is not held up", || done.exists());
    let wrapper = worker.report().wrapper;
    std::fs::remove_dir(&log).unwrap();
    eventually("it is written again", || place.log("worker.1").contains("] on"));
    let text = place.log("worker.1");
    let said = text.lines().next().unwrap().split_once("][worker.1] dokuen: ").unwrap().1;
    let lost: u64 = said.strip_suffix(" lines were lost: the log could not be written").unwrap().parse().unwrap();
    assert!((100_000..200_000).contains(&lost), "{said}");
    assert_eq!(worker.report().wrapper, wrapper, "the wrapper lived on");
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}
