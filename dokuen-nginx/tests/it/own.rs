//! Dokuen's own nginx comes up, is one, and goes.

use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dokuen_core::cmd::Cmd;
use dokuen_core::{Lock, fs};
use dokuen_nginx::route;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::http;
use crate::stage::{Stage, chain, eventually};

const GRACE: Duration = Duration::from_secs(5);

#[test]
fn it_works_below_a_directory_with_a_space_and_with_a_long_name() {
    for name in ["with space", &"long".repeat(30)] {
        let stage = Stage::at(name, "127.0.0.1");
        stage.own.start().unwrap();
        let app = (name.len() < 20).then(|| stage.serve("hello"));
        if app.is_none() {
            // Sockets of instances do not fit there; Dokuen keeps them in a short directory.
            route(&stage.nginx, &stage.site("hello")).unwrap_err();
            continue;
        }
        assert_eq!(stage.get("hello.test").status, 200);
    }
}

#[test]
fn it_is_started_once_and_stops_without_a_trace() {
    let stage = Stage::at("root", "127.0.0.1");
    assert!(!stage.own.is_running());
    stage.own.stop(GRACE).unwrap();
    stage.own.start().unwrap();
    let (master, workers) = (stage.master(), stage.workers());
    stage.own.start().unwrap();
    assert_eq!((stage.master(), stage.workers()), (master, workers.clone()));
    stage.own.stop(GRACE).unwrap();
    assert!(!stage.own.is_running());
    assert!(TcpStream::connect(("127.0.0.1", stage.port)).is_err());
    for pid in workers {
        eventually("the workers are gone", || !command_line(&pid).contains("nginx"));
    }
}

#[test]
fn it_stops_whatever_the_vhosts_are_like() {
    let stage = Stage::new();
    fs::replace(&stage.places().dir.join("zz.conf"), b"servr x;\n", fs::PUBLIC_FILE).unwrap();
    stage.own.stop(GRACE).unwrap();
    assert!(!stage.own.is_running());
}

#[test]
fn a_route_starts_it_when_it_is_gone() {
    let stage = Stage::new();
    stage.own.stop(GRACE).unwrap();
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    assert_eq!(stage.get("hello.test").status, 502);
}

/// Of an app that has not changed too; the look costs a deploy no reload and waits for no lock.
#[test]
fn a_route_that_changes_nothing_starts_it_too() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    stage.own.stop(GRACE).unwrap();
    let routed = route(&stage.nginx, &stage.site("hello")).unwrap();
    assert!(!routed.reloaded(), "nobody else answers");
    drop(routed);
    assert_eq!(stage.get("hello.test").status, 200);
    assert_eq!(stage.pending(), None);
}

#[test]
fn it_is_revived_once_and_only_when_it_is_wanted() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    assert!(stage.own.revive(|| true).unwrap().is_none(), "it runs");
    stage.own.stop(GRACE).unwrap();
    assert!(stage.own.revive(|| false).unwrap().is_none());
    assert!(!stage.own.is_running());
    let held = Lock::take(&stage.places().lock, "changing nginx").unwrap();
    assert!(stage.own.revive(|| true).unwrap().is_none(), "whoever has the lock starts it");
    drop(held);
    assert!(stage.own.revive(|| true).unwrap().is_some_and(|parked| parked.is_empty()));
    assert_eq!(stage.get("hello.test").status, 200);
    // Its directory may be gone altogether.
    stage.own.stop(GRACE).unwrap();
    fs::remove_tree(&stage.places().dir).unwrap();
    assert!(stage.own.revive(|| true).unwrap().is_some());
    assert_eq!(stage.get("hello.test").status, 404);
}

#[test]
fn a_master_whose_pid_file_was_removed_is_found() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let master = stage.master();
    for name in ["one", "two"] {
        fs::remove(&stage.places().own.join("nginx.pid")).unwrap();
        assert!(!stage.nginx.has_master());
        route(&stage.nginx, &stage.site(name)).unwrap().keep();
        assert_eq!((stage.master(), stage.get(&format!("{name}.test")).status), (master, 502));
    }
    fs::remove(&stage.places().own.join("nginx.pid")).unwrap();
    stage.own.stop(GRACE).unwrap();
    assert!(command_line(&master.to_string()).is_empty(), "it was ended");
}

#[test]
fn workers_whose_master_was_killed_make_room_and_strangers_are_left_alone() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let mut stranger = Cmd::new("/bin/cat", &stage.places().own).to_std();
    let mut stranger = stranger.arg0("nginx: worker process").stdin(Stdio::piped()).spawn().unwrap();
    for end in [|stage: &Stage| stage.own.start(), |stage: &Stage| stage.own.stop(GRACE)] {
        let (master, workers) = (stage.master(), stage.workers());
        kill(Pid::from_raw(master as i32), Signal::SIGKILL).unwrap();
        eventually("it is gone", || command_line(&master.to_string()).is_empty());
        assert!(!stage.nginx.has_master());
        assert_eq!(stage.get("hello.test").status, 200, "they serve still");
        end(&stage).unwrap();
        for worker in workers {
            eventually("they have gone", || command_line(&worker).is_empty());
        }
    }
    assert!(stranger.try_wait().unwrap().is_none());
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
}

#[test]
fn logs_are_bounded_and_nothing_is_lost_from_them() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let log = stage.places().own.join("access.log");
    let part = |number: u8| fs::read_if_there(&log.with_extension(format!("log.{number}"))).unwrap();
    let has = |path: &str| format!(" hello.test 127.0.0.1 - - \"GET {path} HTTP/1.1\" 200 ");
    let says =
        |bytes: Option<Vec<u8>>, what: &str| String::from_utf8(bytes.unwrap_or_default()).unwrap().contains(what);
    let mut requests = (1..).map(|number| format!("/{number}"));
    let mut request = || {
        let path = requests.next().unwrap();
        // Workers hear a moment later than we are told that logs are to be opened anew: asked until it is in the new one.
        eventually("the request is in the log", || {
            assert_eq!(http::get(stage.port, "hello.test", &path, &[]).status, 200);
            says(fs::read_if_there(&log).unwrap(), &has(&path))
        });
        path
    };
    let first = request();
    stage.own.tend_logs(1_000_000).unwrap();
    assert!(part(1).is_none(), "it is small yet");
    stage.own.tend_logs(1).unwrap();
    assert!(says(part(1), &has(&first)));
    for _ in 2..=6 {
        request();
        stage.own.tend_logs(1).unwrap();
    }
    assert!(says(part(1), &has("/6")) && says(part(4), &has("/3")) && part(5).is_none());
    // Killed behind the rename: nginx writes into what was set aside, until the next one looks.
    request();
    fs::rename(&log, &log.with_extension("log.1")).unwrap();
    fs::replace(&log.with_file_name(".reopen"), b"", fs::PRIVATE_FILE).unwrap();
    stage.own.tend_logs(1_000_000).unwrap();
    request();
    assert!(!log.with_file_name(".reopen").exists());
    let (master, workers) = (stage.master(), stage.workers());
    stage.own.tend_logs(1).unwrap();
    assert_eq!((stage.master(), stage.workers()), (master, workers), "nothing is started anew for it");
}

#[test]
fn a_pid_that_another_process_has_is_neither_alive_nor_stopped() {
    let stage = Stage::at("root", "127.0.0.1");
    let mut innocent = Cmd::new("/bin/cat", Path::new("/")).to_std().stdin(Stdio::piped()).spawn().unwrap();
    fs::make_dirs(&stage.places().own, fs::PRIVATE_DIR).unwrap();
    let pid_file = stage.places().own.join("nginx.pid");
    fs::replace(&pid_file, format!("{}\n", innocent.id()).as_bytes(), fs::PUBLIC_FILE).unwrap();
    assert!(!stage.own.is_running());
    stage.own.stop(GRACE).unwrap();
    assert!(innocent.try_wait().unwrap().is_none());
    stage.own.start().unwrap();
    assert!(stage.own.is_running());
    drop(innocent.stdin.take());
    assert!(innocent.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_told_in_nginxs_words() {
    let stage = Stage::at("root", "127.0.0.1");
    let _taken = std::net::TcpListener::bind(("127.0.0.1", stage.port)).unwrap();
    let error = chain(&stage.own.start().unwrap_err());
    assert!(error.starts_with("failed to start nginx\nbind() to 127.0.0.1:"), "{error}");
    assert!(!stage.own.is_running());
}

fn command_line(pid: &str) -> String {
    let ps =
        Cmd::new("ps", Path::new("/")).env("PATH", "/usr/bin:/bin").args(["-o", "stat=,command=", "-p", pid]).run();
    let text = ps.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    if text.starts_with('Z') { String::new() } else { text }
}
