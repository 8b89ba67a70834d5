//! What an app hears of being looked at while it starts.

use std::time::Duration;

use dokuen_proc::{ReadyError, boot};
use nix::sys::signal::Signal;

use crate::place::{Place, eventually, is_alive, signal};

/// Takes its time before it listens, and says of each connection how much was asked through it.
#[cfg(all(target_os = "linux", not(dokuen_portable)))]
const APP: &str = r#"
import os, socket, time
time.sleep(0.2)
door = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    conn, _ = door.accept()
    print("asked", conn.recv(4096).partition(b"\r\n")[0].decode(), flush=True)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    conn.close()
"#;

#[cfg(all(target_os = "linux", not(dokuen_portable)))]
#[test]
fn a_new_app_hears_one_request_and_no_connection_that_says_nothing() {
    let place = Place::new("");
    let plan = place.plan("web", "python3 app.py", 1);
    std::fs::write(plan.tree.join("app.py"), APP).unwrap();
    let ready = boot(&plan).unwrap().wait_until_ready().unwrap();
    let web = ready.instances()[0].clone();
    drop(ready);
    web.wait_gone(Duration::from_secs(20)).unwrap();
    let log = place.log("web.1");
    let heard: Vec<_> = log.lines().filter_map(|line| line.split_once("asked")).map(|(_, asked)| asked).collect();
    assert_eq!(heard, [" GET / HTTP/1.1"], "{log}");
}

#[test]
fn an_instance_whose_wrapper_was_killed_is_not_ready_though_its_child_runs() {
    let place = Place::new("");
    let mut plan = place.plan("worker", "sleep 100", 1);
    plan.checks.alive = Duration::ZERO;
    let booted = boot(&plan).unwrap();
    let instance = booted.instances()[0].clone();
    eventually("it runs", || instance.report().child.is_some());
    let (wrapper, child) = (instance.report().wrapper.unwrap(), instance.report().child.unwrap());
    signal(wrapper, Signal::SIGKILL);
    eventually("the wrapper is gone", || !is_alive(wrapper));
    let error = booted.wait_until_ready().unwrap_err();
    assert!(matches!(error, ReadyError::Lost { .. }), "{error}");
    assert!(!is_alive(child), "what was not kept is ended");
}
