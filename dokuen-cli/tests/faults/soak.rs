//! Somewhere on the host something is killed, again and again, while three apps are deployed one after the other.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::processes;

/// `DOKUEN_SOAK=1000` kills, by `.ci/soak`. After each round the machine must be as it was: every app serves a release that was
/// pushed, with one process and one port; nothing else of the host runs, and nothing has grown.
#[test]
fn soak_random_kills_during_deploys_of_three_apps() {
    let wanted = std::env::var("DOKUEN_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let host = Host::new();
    let apps = ["a", "b", "c"].map(|name| host.app(name, "types"));
    for app in &apps {
        // Twice: a route table is kept until the next but one.
        app.greeting("0").push().ok();
        app.greeting("still 0").push().ok();
    }
    eventually("the first ones have left", || host.app_processes().len() == 6 && host.reserved().len() == 3);
    let (kills, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let pushes = Mutex::new(BTreeSet::new());
    let mut round = 0;
    let before = (Looks::at(&host, &apps), grows(&host));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = 0x9e37_79b9_7f4a_7c15_u64;
            while !over.load(Ordering::Relaxed) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                thread::sleep(Duration::from_millis(40 + state % 200));
                kills.fetch_add(kill_one(&host, &pushes.lock().unwrap(), state), Ordering::Relaxed);
            }
        });
        while kills.load(Ordering::Relaxed) < wanted {
            round += 1;
            for app in &apps {
                app.greeting(&round.to_string());
                let mut push = host.command("git");
                push.current_dir(&app.checkout).args(["push", "-q", "dokuen", "master"]);
                let mut push = push.stderr(std::process::Stdio::null()).spawn().unwrap();
                pushes.lock().unwrap().insert(push.id());
                push.wait().unwrap();
                pushes.lock().unwrap().clear();
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    eventually("the last push has ended", || host.dokuen(&["boot"]).code == 0);
    for app in &apps {
        let served = app.text("/");
        let number: usize = served.trim().trim_start_matches("still ").parse().unwrap();
        assert!(number <= round, "{served} was never pushed");
        app.greeting("after").push().ok().serving("after");
        app.comes_to_run(&["web.1"]);
    }
    let mut after = Looks::at(&host, &apps);
    for _ in 0..600 {
        if after == before.0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        after = Looks::at(&host, &apps);
    }
    assert_eq!(after, before.0, "left: after {round} rounds, right: before them");
    let (memory, inodes) = grows(&host);
    assert!(memory <= before.1.0 * 3 / 2, "a wrapper has {memory} kB, and had {} kB", before.1.0);
    assert!(inodes <= before.1.1 + 8, "{inodes} inodes, and {} before", before.1.1);
    println!(
        "soak: {} kills in {round} rounds of three deploys, 0 violations; {after:?}, {memory} kB a wrapper ({} before), \
         {inodes} inodes ({} before)",
        kills.load(Ordering::Relaxed),
        before.1.0,
        before.1.1
    );
}

/// Any process of the host, its wrappers, its nginx, its apps, or what a push has started.
fn kill_one(host: &Host, pushes: &BTreeSet<u32>, random: u64) -> usize {
    let mut all: Vec<i32> =
        host.processes().into_iter().filter(|p| !p.words.starts_with("nginx: master")).map(|p| p.pid).collect();
    all.extend(pushes.iter().flat_map(|pid| below(*pid as i32)));
    if all.is_empty() {
        return 0;
    }
    let victim = all[(random >> 16) as usize % all.len()];
    usize::from(kill(Pid::from_raw(victim), Signal::SIGKILL).is_ok())
}

/// A process and all that came of it.
fn below(pid: i32) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_ascii_whitespace().filter_map(|word| word.parse().ok());
    std::iter::once(pid).chain(children.flat_map(below)).collect()
}

/// What must be at the end as it was at the beginning, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Looks {
    wrappers: usize,
    /// Open files of each wrapper and of each nginx process, the most of any.
    wrapper_files: usize,
    nginx_files: usize,
    ports: usize,
    instances: usize,
    scratch: usize,
    /// In the directory of runs: sockets, route tables.
    run: usize,
}

impl Looks {
    fn at(host: &Host, apps: &[App; 3]) -> Self {
        let all = processes::of_host(host.dir());
        let files = |title: &str| {
            all.iter()
                .filter(|p| p.words.contains(title))
                .map(|p| names(format!("/proc/{}/fd", p.pid)))
                .max()
                .unwrap_or(0)
        };
        Self {
            wrappers: all.iter().filter(|p| p.words.contains(WRAPPER)).count(),
            wrapper_files: files(WRAPPER),
            nginx_files: files("nginx: master"),
            ports: host.reserved().len(),
            instances: apps.iter().map(|app| names(app.dir().join("instances"))).sum(),
            scratch: names(host.dir().join("tmp")),
            run: everything(&host.dir().join("run")),
        }
    }
}

const WRAPPER: &str = "/bin/dokuen-wrapper ";

fn names(dir: impl AsRef<Path>) -> usize {
    std::fs::read_dir(dir).into_iter().flatten().count()
}

/// Files, directories and links below: what takes an inode each.
fn everything(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries.map(|e| 1 + if e.file_type().is_ok_and(|t| t.is_dir()) { everything(&e.path()) } else { 0 }).sum()
}

/// What may only vary a little: memory of wrappers in kB (not shared with others), and inodes of the host besides
/// repositories and what is kept of releases, which have a bound of their own.
fn grows(host: &Host) -> (usize, usize) {
    let private = |pid: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let of = |name: &str| {
            text.lines().find_map(|l| l.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse().ok())
        };
        of("Private_Dirty:").unwrap_or(0usize)
    };
    let wrappers = processes::of_host(host.dir()).into_iter().filter(|p| p.words.contains(WRAPPER));
    let kept = ["repos", "apps"].map(|name| everything(&host.dir().join(name))).iter().sum::<usize>();
    (wrappers.map(|p| private(p.pid)).max().unwrap_or(0), everything(host.dir()) - kept)
}
