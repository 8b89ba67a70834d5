//! How long a killed child is missed, and what a crash loop costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::helper::now;
use crate::place::{Place, eventually, signal};
use crate::runit::Service;
use crate::{median, process, row};

const ROUNDS: usize = 15;

/// The starts a child has noted: when, and which process.
fn starts(file: &Path) -> Vec<(u64, i32)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(t, p)| (t.parse().unwrap(), p.parse().unwrap()))
        .collect()
}

/// Milliseconds from KILL to `main` of the next one.
fn missed(file: &Path) -> f64 {
    let before = starts(file);
    let at = now();
    signal(before[before.len() - 1].1, Signal::SIGKILL);
    eventually("the next one runs", || starts(file).len() > before.len());
    (starts(file)[before.len()].0 - at) as f64 / 1e6
}

pub fn good_run(_: bool) {
    let place = Place::new("");
    let files: [PathBuf; 2] = [place.file("ours"), place.file("theirs")];
    let began = place.file("began");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/wrapper/began.c");
    let made = Command::new("cc").args(["-O2", "-static", "-o"]).arg(&began).arg(source).status();
    assert!(made.unwrap().success(), "cc (packages gcc, libc6-dev)");
    let line = |file: &Path| format!("exec {} {}", began.display(), file.display());
    let ours = place.runs("worker", &line(&files[0]));
    let theirs = Service::start(&place.file("sv/1"), &line(&files[1]));
    let mut times = [vec![], vec![]];
    for round in 0..ROUNDS {
        std::thread::sleep(Duration::from_millis(1800));
        for side in [round % 2, 1 - round % 2] {
            times[side].push(missed(&files[side]));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let [a, b] = times.map(median);
    row("killed after a good run until the next one's main()", a, b, "ms", "<= 0.50x, <= 3 ms");
    drop(theirs);
    ours.stop().unwrap();
    ours.wait_gone(Duration::from_secs(20)).unwrap();
}

pub fn crash_loop(full: bool) {
    let place = Place::new("");
    let booted = place.boots("exit 1");
    eventually("it reports", || booted.instances()[0].report().wrapper.is_some());
    let wrapper = booted.instances()[0].report().wrapper.unwrap();
    let before = process::cpu(wrapper);
    let seconds = if full { 60 } else { 16 };
    std::thread::sleep(Duration::from_secs(seconds));
    let share = (process::cpu(wrapper) - before) / seconds as f64 * 100.0;
    let report = booted.instances()[0].report();
    println!(
        "a crash loop: {share:.3} % of a core in its first {seconds} s, {} starts (target < 1 %)",
        report.restarts + 1
    );
}
