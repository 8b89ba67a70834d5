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
