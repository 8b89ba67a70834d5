//! Two million lines of 100 bytes: what the logger costs, and whether every line is there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
        let (mut ours, mut cat, mut stamped, mut s6) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            cat.push(filter(LINES, size, cat_to));
            stamped.push(filter(LINES * (PER_LINE + STAMP.len()) as u64 / PER_LINE as u64, size, cat_to));
            ours.push(wrapper(size));
            s6.push(filter(LINES, size, |dir| {
                let mut command = Command::new("s6-log");
                command.args(["-b", "n20", "s200000000", "T"]).arg(dir.join("log"));
                command
            }));
        }
        let (ours, cat, stamped, s6) = (median(ours), median(cat), median(stamped), median(s6));
        row(&format!("CPU for 2,000,000 lines, {what}, wrapper | cat"), ours, cat, "s", "<= 1.25x");
        row("  the same | cat of as many bytes as the log has", ours, stamped, "s", "");
        row(&format!("CPU for 2,000,000 lines, {what}, wrapper | s6-log"), ours, s6, "s", "<= 0.20x");
    }
}

fn cat_to(dir: &Path) -> Command {
    let mut command = Command::new("cat");
    command.stdout(fs::File::create(dir.join("log")).unwrap());
    command
}

/// The CPU seconds of a logger that reads its standard input, so many lines, to its end.
fn filter(lines: u64, size: usize, logger: impl Fn(&Path) -> Command) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
    };
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["helper", "write", &lines.to_string(), &size.to_string()])
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

/// Ten million lines, with `full` a hundred million (14 GB of disk): each is there once, whole, stamped and in order.
pub fn many(full: bool) {
    let lines: u64 = if full { 100_000_000 } else { 10_000_000 };
    let place = Place::new("log_bytes: 10000000000\napp_log_bytes: 1000000000000");
    let exe = std::env::current_exe().unwrap();
    let begun = Instant::now();
    let last = place.file("last");
    let worker =
        place.runs("worker", &format!("{} helper stream {lines} {}; sleep 100000", exe.display(), last.display()));
    let log = place.app.logs_dir().join("dokuen.a.worker.1");
    let parts: Vec<_> =
        (0..=4).rev().map(|n| if n == 0 { log.clone() } else { log.with_extension(format!("1.{n}")) }).collect();
    let whole = || parts.iter().filter_map(|part| part.metadata().ok()).map(|meta| meta.len()).sum::<u64>();
    while !last.exists() || whole() < lines * (PER_LINE + STAMP.len()) as u64 {
        assert!(begun.elapsed() < Duration::from_secs(3600), "{} bytes", whole());
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = begun.elapsed().as_secs_f64();
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(60)).unwrap();
    let there: Vec<_> = parts.into_iter().filter(|part| part.exists()).collect();
    check_all(&there, lines);
    println!("{lines} lines in {took:.0} s, {} files: 0 lost, 0 split, 0 unstamped, in order", there.len());
}

/// Every line once, whole, stamped and in order.
pub fn check(log: &Path, lines: u64) {
    check_all(&[log.to_owned()], lines);
}

/// The same for a log in several files, the oldest first.
fn check_all(logs: &[PathBuf], lines: u64) {
    let mut number = 0;
    let mut unfinished = false;
    let open = |log: &PathBuf| -> Box<dyn Read> { Box::new(fs::File::open(log).unwrap()) };
    let all = logs.iter().map(open).reduce(|one, next| Box::new(one.chain(next))).unwrap();
    let mut file = BufReader::with_capacity(1 << 20, all);
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
