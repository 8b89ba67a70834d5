//! What runs: ports, processes that behave badly, logs, time.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::load::Load;
use crate::outcome::run;
use crate::processes;

#[test]
fn p02_ports_that_others_hold_are_passed_over() {
    let host = Host::with(Options { ports: 6, ..Options::default() });
    let min = host.min_port();
    let _loopback = TcpListener::bind((Ipv4Addr::LOCALHOST, min)).unwrap();
    let _any = TcpListener::bind((Ipv4Addr::UNSPECIFIED, min + 1)).unwrap();
    let v6: Vec<_> =
        (min..=host.max_port()).filter_map(|port| TcpListener::bind((Ipv6Addr::LOCALHOST, port)).ok()).collect();
    let app = host.app("hello", "types");
    for number in 0..3 {
        app.greeting(&number.to_string()).push().ok().serving(&number.to_string());
    }
    assert!(host.reserved().iter().all(|port| *port > min + 1));
    drop(v6);
}

/// A process that cannot be ended, as one that waits for a disk for ever: its wrapper was killed, and no signal reaches it.
#[test]
fn what_hangs_in_the_kernel_keeps_no_command_from_the_app() {
    let app = Host::new().app("hello", "ignores-term");
    app.dokuen("config_set", &["DOKUEN_STOP_TIMEOUT=5"]).ok();
    app.greeting("one").push().ok();
    let wrapper = app.host.processes().into_iter().find(|p| p.words.contains("/bin/dokuen-wrapper ")).unwrap();
    let child: i32 = app.pids().first().unwrap().parse().unwrap();
    app.greeting("two").push().ok();
    kill(Pid::from_raw(wrapper.pid), Signal::SIGKILL).unwrap();
    for _ in 0..2 {
        let mut deaf = app.host.command("strace");
        deaf.args(["-f", "-qq", "-b", "execve", "-o", "/dev/null", "-e", "inject=pidfd_send_signal,kill:retval=0"]);
        run(deaf.arg(app.host.program()).args(["restart", "-a", "hello"]), b"", None).ok();
        app.serves("two");
        assert!(processes::is_alive(child));
    }
    app.host.dokuen(&["doctor"]).stdout_has(&format!("not even by KILL: process {child} hangs in the kernel"));
    app.dokuen("restart", &[]).ok().serving("two");
    assert!(!processes::is_alive(child));
}

/// Answers everything with 200 on the port that it is given, alone or where others listen as well.
const THIEF: &str = "import socket, sys\n\
    door = socket.create_server(('127.0.0.1', int(sys.argv[1])), reuse_port=sys.argv[2] == 'shared')\n\
    while True:\n    conn, _ = door.accept()\n    conn.recv(4096)\n\
    \x20   conn.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')\n    conn.close()\n";

/// Takes the port that is reserved next, as nobody of the app.
fn steal(app: &App, how: &str) -> std::process::Child {
    let before = app.host.reserved();
    let mut port = None;
    eventually("a port is reserved", || {
        port = app.host.reserved().into_iter().find(|port| !before.contains(port));
        port.is_some()
    });
    let mut thief = std::process::Command::new("python3");
    thief.args(["-S", "-E", "-c", THIEF, &port.unwrap().to_string(), how]).spawn().unwrap()
}

/// A foreign process listens where the app should, and answers as the app should: it is seen not to be the app, and nothing
/// goes live.
#[test]
fn p03_and_p04_somebody_else_listens_on_the_port() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    app.dokuen("config_set", &["DOKUEN_BOOT_TIMEOUT=4"]).ok();
    for how in ["alone", "shared"] {
        app.with("Procfile", format!("web: exec sleep 60{}\n", how.len()));
        let (mut thief, pushed) = std::thread::scope(|scope| {
            let thief = scope.spawn(|| steal(&app, how));
            let pushed = app.push();
            (thief.join().unwrap(), pushed)
        });
        assert!(thief.try_wait().unwrap().is_none(), "the thief has ended by itself");
        thief.kill().unwrap();
        thief.wait().unwrap();
        pushed.fails().stderr_has("another process of this machine listens there").still_serving("live");
    }
    app.with("Procfile", "web: exec /usr/bin/python3 -S -E server.py\n").greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1"]);
}

#[test]
fn p05_junk_among_the_ports() {
    let host = Host::with(Options { ports: 4, ..Options::default() });
    let ports = host.dir().join("ports");
    for name in [host.min_port().to_string(), "5000.72".into(), "x".into(), "-1".into(), "99999".into()] {
        fs::write(ports.join(name), "stale").unwrap();
    }
    fs::create_dir(ports.join((host.min_port() + 1).to_string())).unwrap();
    let app = host.app("hello", "types");
    for number in 0..3 {
        let pushed = app.greeting(&number.to_string()).push();
        assert!(!pushed.err.contains("panicked"), "{pushed}");
        assert_eq!(pushed.code, 0, "{pushed}");
        app.serves(&number.to_string());
    }
}

#[test]
fn p09_each_way_to_end_at_once_is_told_in_words() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    fs::write(app.checkout.join("not-executable"), "#!/bin/sh\n").unwrap();
    for (line, said) in [
        ("exit 0", "exited with 0"),
        ("exit 1", "exited with 1"),
        ("kill -SEGV $$", "signal 11"),
        ("exec ./missing", "exited with 127"),
        ("exec ./not-executable", "exited with 126"),
    ] {
        app.with("Procfile", format!("web: {line}\n")).push().fails().stderr_has(said);
        app.serves("live");
    }
    app.comes_to_run(&["web.1"]);
}

/// It is counted, slowed down, and does not stop the others.
#[test]
fn p10_and_p11_a_process_that_crashes_again_and_again() {
    let app = Host::new().app("hello", "types");
    app.with("Procfile", "web: exec /usr/bin/python3 -S -E server.py\nworker: sleep 0.4; exit 1\n");
    app.dokuen("config_set", &["DOKUEN_SCALE=web=1,worker=1", "DOKUEN_MIN_ALIVE=0"]).ok();
    app.push().ok();
    let load = Load::on(&app);
    eventually("the restarts are counted", || {
        let ps = app.dokuen("ps", &[]).ok().out();
        ps.lines().any(|l| {
            l.contains("worker.1")
                && l.split_ascii_whitespace().any(|word| word.parse().is_ok_and(|n: u32| (2..100).contains(&n)))
        })
    });
    load.none_failed();
    app.with("Procfile", "web: exec /usr/bin/python3 -S -E server.py\n").push().ok();
    app.comes_to_run(&["web.1"]);
}

#[test]
fn p13_a_request_under_way_outlives_the_redeploy() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let slow = std::thread::spawn({
        let app = app.clone();
        move || app.get(&format!("/sleep/{}", crate::size(2500, 9000)))
    });
    std::thread::sleep(Duration::from_millis(200));
    app.greeting("next").push().ok().serving("next");
    assert_eq!(slow.join().unwrap().status, 200);
}

#[test]
fn p15_and_p19_a_crowd_of_children_and_zombies_ends_with_the_app() {
    let app = Host::new().app("hello", "types");
    let crowd = "import os, sys, time\nexec(open('server.py').read().split(\"if __name__\")[0])\n\
        for n in range(200):\n    pid = os.fork()\n    if pid == 0:\n        if n % 2: os._exit(0)\n        time.sleep(600)\n        os._exit(0)\n\
        serve(int(os.environ['PORT']))\n";
    app.with("crowd.py", crowd).with("Procfile", "web: exec /usr/bin/python3 -S -E crowd.py\n").push().ok();
    assert!(app.host.app_processes().len() > 50);
    app.with("Procfile", "web: exec /usr/bin/python3 -S -E server.py\n").greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1"]);
    eventually("the crowd has gone", || app.host.app_processes().len() <= 2);
}

#[test]
fn p20_a_stopped_process_is_ended_all_the_same() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let pid: i32 = app.text("/pid").parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    app.greeting("after").push().ok().serving("after");
    eventually("it is gone", || !processes::is_alive(pid));
    app.comes_to_run(&["web.1"]);
}

/// A flood is bounded on the disk, and the app serves on.
#[test]
fn l01_a_flood_of_log_is_bounded() {
    let host = Host::with(Options {
        conf: "stop_timeout: 3\ndrain_timeout: 10\nboot_timeout: 20\nlog_bytes: 100000\n",
        ..Options::default()
    });
    let app = host.app("hello", "types");
    app.with("Procfile", "web: exec /usr/bin/python3 -S -E server.py\nworker: head -c 60000000 /dev/zero | tr '\\0' x | fold -w 80; sleep 600\n");
    app.push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    let logs = app.dir().join("logs");
    eventually("it was rotated", || fs::read_dir(&logs).unwrap().count() > 3);
    let load = Load::on(&app);
    load.after_more(100);
    let size: u64 = fs::read_dir(&logs).unwrap().filter_map(|e| Some(e.ok()?.metadata().ok()?.len())).sum();
    assert!(size < 3_000_000, "{size} bytes of log");
    load.none_failed();
}

#[test]
fn l03_and_l04_a_log_that_the_app_spoils() {
    let app = Host::new().app("hello", "types");
    let canary = app.host.temp().join("canary");
    fs::write(&canary, "untouched").unwrap();
    app.push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    let log = app.dir().join("logs/dokuen.hello.worker.1");
    eventually("it logs", || log.exists());
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&canary, &log).unwrap();
    app.greeting("with a link").push().ok().serving("with a link");
    app.comes_to_run(&["web.1", "worker.1"]);
    assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    app.greeting("with a directory").push().ok().serving("with a directory");
    fs::remove_dir(&log).unwrap();
    app.with(
        "Procfile",
        "web: exec /usr/bin/python3 -S -E server.py\nworker: head -c 2000 /dev/urandom; exec sleep 600\n",
    );
    app.push().ok();
    eventually("it logs again", || log.is_file());
    app.dokuen("logs", &["-n", "5"]).ok();
}

#[test]
fn l05_readers_of_logs_that_leave_or_never_read() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let follow = || {
        let mut logs = app.host.command(app.host.program());
        logs.args(["logs", "--application=hello", "-t"]).stdout(std::process::Stdio::piped());
        logs.spawn().unwrap()
    };
    let (mut gone, mut deaf) = (follow(), follow());
    kill(Pid::from_raw(deaf.id() as i32), Signal::SIGSTOP).unwrap();
    drop(gone.stdout.take());
    app.greeting("after").push().ok().serving("after");
    eventually("who has no reader ends", || gone.try_wait().unwrap().is_some());
    deaf.kill().unwrap();
    deaf.wait().unwrap();
    app.comes_to_run(&["web.1"]);
}

/// Names are by the second, and these pushes are quicker than that.
#[test]
fn t01_and_t02_releases_of_one_second_and_of_a_clock_that_steps_back() {
    let app = Host::new().app("hello", "types");
    for number in 0..4 {
        app.greeting(&number.to_string()).push().ok().serving(&number.to_string());
    }
    let future = "20991231T235959";
    let newest = app.release("current");
    fs::rename(&newest, newest.with_file_name(future)).unwrap();
    fs::remove_file(app.dir().join("current")).unwrap();
    std::os::unix::fs::symlink(format!("releases/{future}"), app.dir().join("current")).unwrap();
    for number in 4..6 {
        app.greeting(&number.to_string()).push().ok().serving(&number.to_string());
        let name = app.release("current").file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.as_str() > future, "{name}");
    }
    app.dokuen("rollback", &[]).ok().serving("4");
    app.comes_to_run(&["web.1"]);
}

#[test]
fn t03_zones_of_time_do_not_matter() {
    let app = Host::new().app("hello", "types");
    for zone in ["Asia/Kathmandu", "America/St_Johns", "Nowhere/At_All", ":"] {
        let mut push = app.host.command("git");
        app.greeting(zone);
        push.current_dir(&app.checkout).env("TZ", zone).args(["push", "dokuen", "master"]);
        run(&mut push, b"", Some(app.clone())).ok().serving(zone);
    }
    let at = app.dokuen("releases", &[]).ok().out();
    let utc = run(app.host.command("date").args(["-u", "+%Y-%m-%d %H"]), b"", None).ok().out();
    assert!(at.contains(utc.trim()), "{at} is not in UTC, {utc}");
}

/// Nothing that was swept in or out is signalled: the report in the release is only a report.
#[test]
fn r03_and_r04_pids_in_files_are_never_believed() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let mut innocent = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let pid = innocent.id();
    let report = app.release("current").join(".dokuen/dokuen.hello.web.1.pid");
    let state = app.dir().join("instances/g1.web.1/state");
    for victim in [pid.to_string(), "-1".into(), "0".into(), "1".into(), std::process::id().to_string()] {
        fs::write(&report, format!("---\npid: {victim}\nport: {victim}\n")).unwrap();
        let text = fs::read_to_string(&state).unwrap();
        let text: String = text
            .lines()
            .map(|l| {
                if l.starts_with("wrapper=") || l.starts_with("child=") {
                    format!("{}={victim}\n", l.split_once('=').unwrap().0)
                } else {
                    format!("{l}\n")
                }
            })
            .collect();
        fs::write(&state, text).unwrap();
        app.dokuen("config_delete", &["NOT_SET"]).ok();
    }
    app.greeting("after").push().ok().serving("after");
    app.dokuen("shutdown", &[]).ok();
    assert!(innocent.try_wait().unwrap().is_none(), "an innocent process was ended");
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}

/// `App` as it is used here has its own processes only.
#[test]
fn p12_and_p14_a_deaf_app_and_its_daemons_end_in_time() {
    let app = Host::new().app("hello", "grandchildren");
    app.push().ok();
    let begun = std::time::Instant::now();
    app.become_fixture("ignores-term").push().ok();
    app.become_fixture("types").greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1"]);
    assert!(begun.elapsed() < Duration::from_secs(60));
    let only_one = |app: &App| app.host.reserved().len() == 1;
    eventually("its port is free again", || only_one(&app));
}
