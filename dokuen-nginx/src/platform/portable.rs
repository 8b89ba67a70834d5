//! The portable way: by `ps`, which shows no open files.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Farewell, Process, TITLE};
use crate::program::command;

/// The words of a process.
pub fn command_line(pid: i32) -> Option<String> {
    ps(&["-ww", "-o", "command=", "-p", &pid.to_string()])
}

/// Every process of nginx on this machine.
pub fn nginxes() -> Vec<Process> {
    rows(&["-A"])
}

/// The process with this number, if nginx's.
pub fn look(pid: i32) -> Option<Process> {
    rows(&["-p", &pid.to_string()]).pop()
}

/// Nothing shows it.
pub fn has_log_below(_: i32, _: &Path) -> Option<bool> {
    None
}

/// It may end in between, and then there is nobody to tell; that another one has its number by then is left to luck.
pub fn tell(process: &Process, farewell: Farewell, is_still: impl FnOnce() -> bool) {
    if is_still() {
        let _ = kill(Pid::from_raw(process.pid), signal(farewell));
    }
}

fn signal(farewell: Farewell) -> Signal {
    match farewell {
        Farewell::Quit => Signal::SIGQUIT,
        Farewell::Stop => Signal::SIGTERM,
    }
}

fn rows(which: &[&str]) -> Vec<Process> {
    let told = ps(&[&["-ww", "-o", "pid=,ppid=,pgid=,uid=,command="], which].concat());
    told.unwrap_or_default().lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Process> {
    let (numbers, title) = line.split_at(line.find(TITLE)?);
    let numbers: Vec<&str> = numbers.split_ascii_whitespace().collect();
    let [pid, parent, group, account] = numbers[..] else { return None };
    Some(Process {
        pid: pid.parse().ok()?,
        parent: parent.parse().ok()?,
        group: group.parse().ok()?,
        account: account.parse().ok()?,
        title: title.trim_end().to_owned(),
    })
}

fn ps(args: &[&str]) -> Option<String> {
    let output = command(Path::new("ps"), Path::new("/")).args(args).run().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_numbers_and_what_nginx_calls_itself() {
        let worker = row("  31 1 30     0 nginx: worker process  ").unwrap();
        assert_eq!((worker.pid, worker.parent, worker.group, worker.account), (31, 1, 30, 0));
        assert_eq!(worker.title, "nginx: worker process");
        for other in ["31 1 30 0 grep nginx: worker", "31 1 30 0 nginx", "x 1 30 0 nginx: worker process", ""] {
            assert_eq!(row(other), None, "{other}");
        }
    }
}
