//! What was told to stop is gone, with everything it has started.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::processes::is_alive;

#[test]
fn grandchildren_end_with_their_release() {
    let app = Host::new().app("hello", "grandchildren");
    app.push().ok();
    let pids =
        |app: &App| -> Vec<i32> { app.text("/grandchildren").split(' ').map(|pid| pid.parse().unwrap()).collect() };
    let first = pids(&app);
    assert!(first.len() == 2 && first.iter().all(|pid| is_alive(*pid)));
    app.greeting("next").push().ok();
    eventually("those of the old release are gone", || !first.iter().any(|pid| is_alive(*pid)));
    let second = pids(&app);
    app.dokuen("shutdown", &[]).ok();
    assert!(!second.iter().any(|pid| is_alive(*pid)));
    assert_eq!(app.host.app_processes(), []);
}

#[test]
fn what_ignores_term_is_killed_when_its_time_is_over() {
    let conf = "stop_timeout: 1\ndrain_timeout: 1\n";
    let app = Host::with(Options { conf, ..Options::default() }).app("hello", "ignores-term");
    app.push().ok();
    let pid: i32 = app.text("/pid").parse().unwrap();
    let begun = Instant::now();
    app.dokuen("shutdown", &[]).ok();
    assert!(!is_alive(pid));
    let took = begun.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(6)).contains(&took), "{took:?}");
}

#[test]
fn a_polite_process_is_not_waited_for() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let begun = Instant::now();
    app.dokuen("shutdown", &[]).ok();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(app.log("web.1").contains("server stopped"));
}

#[test]
fn the_signal_of_the_conf_is_the_one_that_is_sent() {
    let conf = "stop_timeout: 5\n";
    let host = Host::with(Options { conf, ..Options::default() });
    let path = host.dir().join("dokuen.conf");
    let text = std::fs::read_to_string(&path).unwrap().replace("stop_signal: 15", "stop_signal: INT");
    std::fs::write(path, text).unwrap();
    let app = host.app("hello", "worker-only");
    app.with("Procfile", "worker: trap 'echo interrupted; exit 0' INT; trap '' TERM; while :; do sleep 0.1; done\n");
    app.dokuen("config_set", &["DOKUEN_SCALE=worker=1"]).ok();
    app.push().ok();
    app.dokuen("shutdown", &[]).ok();
    assert!(app.log("worker.1").contains("interrupted"), "{}", app.log("worker.1"));
}

#[test]
fn a_pushed_daemon_does_not_hold_the_push_open() {
    let host = Host::new();
    let pack = host.buildpack("buildpack-daemon");
    let app = host.app("hello", "python");
    app.with(".buildpacks", format!("{}\n", pack.display()));
    let pushed = app.push().ok();
    assert!(pushed.took < Duration::from_secs(60), "{:?}", pushed.took);
    let pid = pushed.err.split("daemon pid ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    eventually("what the build left behind is ended", || !is_alive(pid));
}

#[test]
fn what_whoever_started_it_ignores_is_not_ignored_by_a_process() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let mut shell = app.host.command("sh");
    shell.args(["-c", "trap '' HUP INT QUIT USR1 XFSZ TSTP; exec \"$@\"", "sh"]).arg(app.host.program());
    let restarted = shell.args(["restart", "--application=hello"]).status().unwrap();
    assert!(restarted.success());
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.text("/pid"))).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    // Python ignores SIGPIPE and SIGXFSZ by itself. The two lowest real-time signals are the C library's own.
    let own = 1 << 12 | 1 << 24;
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff & !own, 0, "{ignored}");
}
