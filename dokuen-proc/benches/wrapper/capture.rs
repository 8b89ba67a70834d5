//! Two million lines of 100 bytes: what the logger costs, and whether every line is there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dokuen_proc::boot;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::place::{Place, eventually};
use crate::{helper, median, process, row};

const LINES: u64 = 2_000_000;
const BIG: usize = 65_536;
const PER_LINE: usize = 100;

pub fn run(full: bool) {
    let rounds = if full { 7 } else { 3 };
    for (size, what) in [(BIG, "64 kB writes"), (PER_LINE, "a write per line")] {
        let (mut ours, mut cat, mut s6) = (vec![], vec![], vec![]);
        for _ in 0..rounds {
            cat.push(filter(size, |dir| {
                let mut command = Command::new("cat");
                command.stdout(fs::File::create(dir.join("log")).unwrap());
                command
            }));
            ours.push(wrapper(size));
            s6.push(filter(size, |dir| {
                let mut command = Command::new("s6-log");
                command.args(["-b", "n20", "s200000000", "T"]).arg(dir.join("log"));
                command
            }));
        }
        let (ours, cat, s6) = (median(ours), median(cat), median(s6));
        row(&format!("CPU for 2,000,000 lines, {what}, wrapper | cat"), ours, cat, "s", "<= 1.25x");
        row(&format!("CPU for 2,000,000 lines, {what}, wrapper | s6-log"), ours, s6, "s", "<= 0.20x");
    }
}

/// The CPU seconds of a logger that reads its standard input to its end.
fn filter(size: usize, logger: impl Fn(&Path) -> Command) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
    };
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["helper", "write", &LINES.to_string(), &size.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut logger = logger(dir.path()).stdin(writer.stdout.take().unwrap()).spawn().unwrap();
    writer.wait().unwrap();
    let before = spent();
    logger.wait().unwrap();
    spent() - before
}

/// The CPU seconds of a whole wrapper, whose log is then checked line by line.
fn wrapper(size: usize) -> f64 {
    let place = Place::new("log_bytes: 10000000000");
    let go = place.file("go");
    let exe = std::env::current_exe().unwrap();
    let command = format!("exec {} helper write {LINES} {size} {}", exe.display(), go.display());
    let mut plan = place.plan("worker", &command, 1);
    plan.checks.alive = Duration::from_millis(300);
    let booted = boot(&plan).unwrap();
    eventually("it reports", || booted.instances()[0].report().wrapper.is_some());
    let pid = booted.instances()[0].report().wrapper.unwrap();
    let before = process::cpu(pid);
    fs::write(&go, "").unwrap();
    let log = place.app.logs_dir().join("dokuen.a.worker.1");
    eventually("all is logged", || {
        std::thread::sleep(Duration::from_millis(20));
        log.metadata().is_ok_and(|meta| meta.len() >= LINES * 132)
    });
    let spent = process::cpu(pid) - before;
    check(&log, LINES);
    spent
}

/// Every line once, whole, stamped and in order.
pub fn check(log: &Path, lines: u64) {
    let mut number = 0;
    let mut unfinished = false;
    let mut file = BufReader::with_capacity(1 << 20, fs::File::open(log).unwrap());
    let (mut line, mut whole) = (Vec::new(), Vec::new());
    while file.read_until(b'\n', &mut line).unwrap() > 0 {
        let text = line.get(STAMP.len()..).unwrap_or_default();
        let stamped =
            STAMP.bytes().zip(&line).all(|(want, have)| want == b'0' && have.is_ascii_digit() || want == *have);
        assert!(stamped, "unstamped: {}", line.escape_ascii());
        if !text.starts_with(b"dokuen: ") {
            assert!(!unfinished, "line {} was split", number - 1);
            whole.clear();
            helper::line(number, &mut whole);
            // Only the very last may be one that its writer did not live to finish.
            unfinished = text != whole;
            let begun = text.strip_suffix(b"\n").unwrap_or(text);
            assert!(!unfinished || whole.starts_with(begun), "line {number} is `{}`", text.escape_ascii());
            number += 1;
        }
        line.clear();
    }
    assert!(number >= lines, "{number} lines of {lines}");
}

/// What stands before every line, digits as zeros.
const STAMP: &str = "[0000-00-00 00:00:00][worker.0] ";
