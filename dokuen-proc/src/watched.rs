//! A program run for somebody who may go away. With a terminal the kernel ends it then; without one sshd only closes
//! the pipes, and `sleep 1000` would never notice.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::cgroup::Group;

/// Between TERM and KILL, once nobody is there any more.
const GRACE: Duration = Duration::from_secs(3);

/// Runs it to its end, or until its reader has gone or this process is told to end; then its whole group ends, and all
/// that is in its cgroup.
pub fn run_watched(mut command: Command, cgroup: Option<Group>) -> io::Result<u8> {
    let (mut told, telling) = UnixStream::pair()?;
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        signal_hook::low_level::pipe::register(signal as i32, telling.try_clone()?)?;
    }
    if let Some(cgroup) = &cgroup {
        cgroup.join(&mut command);
    }
    let mut child = command.process_group(0).spawn()?;
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let (ended, done) = std::sync::mpsc::channel::<()>();
    let left = Arc::new(AtomicBool::new(false));
    let leaves = left.clone();
    std::thread::spawn(move || {
        wait_until_left(&mut told);
        leaves.store(true, Ordering::Relaxed);
        // The group lives as long as the child was not waited for: the pid cannot be another's yet.
        let _ = killpg(group, Signal::SIGTERM);
        if done.recv_timeout(GRACE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = killpg(group, Signal::SIGKILL);
        }
    });
    let status = child.wait()?;
    drop(ended);
    match cgroup {
        Some(cgroup) if left.load(Ordering::Relaxed) => cgroup.end(),
        // What it was to leave running goes on.
        other => other.map_or((), Group::remove),
    }
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(u8::try_from(code).unwrap_or(1))
}

/// Returns when the other end of standard output is closed, or a signal has come.
fn wait_until_left(told: &mut UnixStream) {
    let stdout = io::stdout();
    loop {
        let (reader, signals) =
            (PollFd::new(stdout.as_fd(), PollFlags::empty()), PollFd::new(told.as_fd(), PollFlags::POLLIN));
        match poll(&mut [reader, signals], PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => {}
            _ => return,
        }
    }
}
