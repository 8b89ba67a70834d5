//! `boot --watch`: a wrapper killed -9 is replaced, and its child is never touched.

use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Host, eventually};

struct Watcher(Child);

impl Watcher {
    fn of(host: &Host) -> Self {
        let mut command = host.command(host.program());
        let child = command.args(["boot", "--watch"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self(child.unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_wrapper_is_replaced_and_the_child_serves_on() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    let _watcher = Watcher::of(&host);
    let pid = app.text("/pid");
    for _ in 0..3 {
        let wrapper = wrapper_pid(&host, "web.1");
        kill(Pid::from_raw(wrapper), Signal::SIGKILL).unwrap();
        eventually("another wrapper has taken over", || ![0, wrapper].contains(&wrapper_pid(&host, "web.1")));
        eventually("it answers again", || app.get("/pid").status == 200);
        assert_eq!(app.text("/pid"), pid, "the child was started again");
    }
    app.comes_to_run(&["web.1"]);
}

fn wrapper_pid(host: &Host, name: &str) -> i32 {
    let wrappers =
        host.app_processes().into_iter().filter(|p| p.words.contains("dokuen-wrapper") && p.words.contains(name));
    wrappers.map(|p| p.pid).next().unwrap_or(0)
}
