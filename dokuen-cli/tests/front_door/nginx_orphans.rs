//! Dokuen's own nginx has lost its master, or the file that says who that is: it is found again by what it is.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::processes::{Process, is_alive};

fn own(host: &Host) -> PathBuf {
    host.dir().join("nginx/own")
}

fn pid_file(host: &Host) -> PathBuf {
    own(host).join("nginx.pid")
}

/// The master as `ps` shows it, without which no test goes on.
fn master(host: &Host) -> i32 {
    let masters: Vec<_> = host.processes().into_iter().filter(|p| p.words.starts_with("nginx: master")).collect();
    assert_eq!(masters.len(), 1, "{masters:?}");
    masters[0].pid
}

/// Those that hear new connections.
fn workers(host: &Host) -> Vec<Process> {
    host.processes().into_iter().filter(|p| p.words.trim_end() == "nginx: worker process").collect()
}

fn kill_master(host: &Host) {
    let master = master(host);
    kill(Pid::from_raw(master), Signal::SIGKILL).unwrap();
    eventually("the master has gone", || !is_alive(master));
    assert!(!workers(host).is_empty());
}

fn doctor_finds(host: &Host) {
    let says = "but it has no master that could be told of a change";
    host.dokuen(&["doctor"]).exits(9).stdout_has(says).stdout_has("/bin/dokuen' boot");
}

fn is_whole(host: &Host) {
    let pid: i32 = fs::read_to_string(pid_file(host)).unwrap().trim().parse().unwrap();
    assert_eq!(pid, master(host));
    host.dokuen(&["doctor"]).stdout_has("for every app as Dokuen has written");
}

/// A request of which half is there.
struct Begun(TcpStream);

impl Begun {
    fn at(app: &App) -> Self {
        let mut stream = TcpStream::connect(app.host.listen()).unwrap();
        let head = format!(
            "POST /echo HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 8\r\n\r\nhalf",
            app.domain()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // nginx has it as soon as it has answered another one on a connection that came later.
        for _ in 0..20 {
            app.get("/");
        }
        Self(stream)
    }

    fn finish(mut self) -> String {
        self.0.write_all(b"half").unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn workers_without_a_master_finish_and_another_nginx_takes_over() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    let other = host.app("other", "types");
    let change: [(&str, &dyn Fn()); 6] = [
        ("boot", &|| drop(host.dokuen(&["boot"]).ok())),
        ("domains:add", &|| drop(app.dokuen("domains:add", &["hello.example"]).ok())),
        ("a first push", &|| drop(other.push().ok().serving("Hello from types, version 1"))),
        ("a push", &|| drop(app.greeting("two").push().ok().serving("two"))),
        ("nginx:rebuild", &|| drop(host.dokuen(&["nginx:rebuild"]).ok())),
        ("doctor", &|| drop(host.dokuen(&["doctor", "--fix"]))),
    ];
    for (what, change) in change {
        kill_master(&host);
        doctor_finds(&host);
        let (old, begun) = (workers(&host), Begun::at(&app));
        change();
        assert!(workers(&host).iter().all(|worker| !old.contains(worker)), "{what}");
        app.get("/");
        let answer = begun.finish();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("halfhalf"), "{what}: {answer}");
        eventually("the old ones have finished", || !old.iter().any(|worker| is_alive(worker.pid)));
        is_whole(&host);
    }
    assert_eq!(app.get_as("hello.example", "/").status, 200);
}

#[test]
fn a_master_without_its_pid_file_is_found() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    let before = master(&host);
    let lose: [&dyn Fn(); 3] =
        [&|| fs::remove_file(pid_file(&host)).unwrap(), &|| fs::write(pid_file(&host), "\0\0\0").unwrap(), &|| {
            fs::remove_dir_all(own(&host)).unwrap()
        }];
    for (number, lose) in lose.iter().enumerate() {
        let change: [&dyn Fn(); 5] = [
            &|| drop(app.dokuen("domains:add", &[&format!("hello{number}.example")]).ok()),
            &|| drop(host.dokuen(&["boot"]).ok()),
            &|| drop(host.dokuen(&["nginx:rebuild"]).ok()),
            &|| drop(app.dokuen("restart", &[]).ok()),
            &|| drop(host.dokuen(&["doctor", "--fix"])),
        ];
        for change in change {
            lose();
            doctor_finds(&host);
            change();
            assert_eq!(master(&host), before, "nothing had to be started");
            is_whole(&host);
            app.serves("Hello from types, version 1");
        }
        assert_eq!(app.get_as(&format!("hello{number}.example"), "/").status, 200);
    }
    // Requests are logged again where people look for them.
    app.get("/logged-again");
    let log = own(&host).join("access.log");
    eventually("it is in the log", || fs::read_to_string(&log).is_ok_and(|text| text.contains("/logged-again")));
}

#[test]
fn neither_master_nor_pid_file_is_left() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    kill_master(&host);
    fs::remove_dir_all(own(&host)).unwrap();
    host.dokuen(&["boot"]).ok();
    is_whole(&host);
    app.serves("Hello from types, version 1");
}

#[test]
fn shutdown_ends_what_is_left_of_it() {
    let host = Host::new();
    let lose: [&dyn Fn(); 3] = [&|| kill_master(&host), &|| fs::remove_file(pid_file(&host)).unwrap(), &|| {
        fs::remove_dir_all(own(&host)).unwrap()
    }];
    for lose in lose {
        host.dokuen(&["boot"]).ok();
        lose();
        host.dokuen(&["shutdown"]).ok();
        assert_eq!(host.processes(), []);
        assert!(TcpStream::connect(host.listen()).is_err());
    }
}

/// They serve still, so nobody is worse off than before.
#[test]
fn an_nginx_that_would_not_start_ends_no_worker_that_serves() {
    let host = Host::with(Options { spoilable_nginx: true, ..Options::default() });
    let app = host.app("hello", "types");
    app.push().ok();
    kill_master(&host);
    let old = workers(&host);
    host.nginx_refuses(true);
    app.dokuen("restart", &[]).exits(8).stderr_has("unknown directive");
    assert_eq!(workers(&host), old);
    app.serves("Hello from types, version 1");
    host.nginx_refuses(false);
    app.dokuen("restart", &[]).ok();
    is_whole(&host);
}

/// Another host of the same machine has the same trouble, and somebody else calls a process what nginx calls its own.
#[test]
fn nobody_elses_processes_are_told_anything() {
    let (host, other) = (Host::new(), Host::new());
    let app = other.app("hello", "types");
    app.push().ok();
    kill_master(&other);
    kill_master(&host);
    let workers_of_other = workers(&other);
    let mut stranger = Command::new("sleep");
    let mut stranger = stranger.arg("600").arg0("nginx: worker process").current_dir(own(&host)).spawn().unwrap();
    host.dokuen(&["boot"]).ok();
    is_whole(&host);
    host.dokuen(&["shutdown"]).ok();
    assert_eq!(workers(&other), workers_of_other);
    app.serves("Hello from types, version 1");
    assert!(stranger.try_wait().unwrap().is_none(), "an innocent process was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
