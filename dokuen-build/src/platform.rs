//! What is asked of the operating system about the processes of a build: Linux's way by `/proc`, and a portable way by
//! `ps` (macOS, or `--cfg dokuen_portable`), which knows no start times, and of environments what it is let see.

/// A living process. Pid and start time together name one process for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    /// In the kernel's own count; 0 where that is not known.
    pub started: u64,
}

#[cfg(all(target_os = "linux", not(dokuen_portable)))]
mod system {
    use std::io;
    use std::os::unix::process::ExitStatusExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, ExitStatus};

    use dokuen_core::{ProcStat, fs};
    use rustix::io::Errno;
    use rustix::process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, setpriority_process, waitid,
    };

    use super::Process;

    /// Whether a process of a build is found that has left its parents and its group.
    pub const FINDS_STRAYS: bool = true;

    /// Everything that runs.
    pub fn processes() -> Vec<Process> {
        let names = fs::names(Path::new("/proc")).unwrap_or_default();
        names.iter().filter_map(|name| living(name.parse().ok()?)).collect()
    }

    /// Those that were given an entry of the environment. Other users' are closed to us, and not ours to end.
    pub struct Carriers(String);

    impl Carriers {
        pub fn of(entry: &str) -> Self {
            Self(entry.to_owned())
        }

        pub fn has(&self, process: &Process) -> bool {
            let environ = fs::read(&place(process.pid, "environ")).unwrap_or_default();
            environ.split(|b| *b == 0).any(|have| have == self.0.as_bytes())
        }
    }

    /// Bytes of memory that are its own, also those that were swapped out.
    pub fn memory(process: &Process) -> u64 {
        let text = fs::read_text(&place(process.pid, "status")).unwrap_or_default();
        ["RssAnon:", "VmSwap:"].iter().filter_map(|name| kilobytes(&text, name)).sum()
    }

    /// The whole memory of the machine, in bytes.
    pub fn machine_memory() -> Option<u64> {
        let text = fs::read_text(Path::new("/proc/meminfo")).ok()?;
        kilobytes(&text, "MemTotal:")
    }

    fn kilobytes(text: &str, name: &str) -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// When a living process was started.
    pub fn started(pid: i32) -> Option<u64> {
        ProcStat::of_living(pid).map(|stat| stat.started)
    }

    /// Opened first, compared second, killed third: the signal cannot reach a successor with the same pid.
    pub fn kill(process: &Process) {
        let Some(pid) = Pid::from_raw(process.pid) else { return };
        let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if started(process.pid) == Some(process.started) {
            // It may end at any moment; then there is nothing left to kill.
            let _ = pidfd_send_signal(fd, Signal::KILL);
        }
    }

    /// How a child has ended, which stays a zombie, and with it its number.
    pub fn ended(child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let Some(pid) = Pid::from_raw(child.id() as i32) else { return Ok(None) };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(pid), look) {
            Ok(found) => Ok(found.map(|status| {
                let code = status.exit_status().map(|code| code << 8);
                ExitStatus::from_raw(code.or(status.terminating_signal()).unwrap_or_default())
            })),
            // It was reaped before: by us.
            Err(Errno::CHILD) => child.try_wait(),
            Err(e) => Err(e.into()),
        }
    }

    /// Builds give way to the apps that serve: in time, and when memory runs out.
    pub fn give_way(pid: i32) {
        // A system without one of the two loses that preference alone.
        let _ = setpriority_process(Pid::from_raw(pid), 5);
        let _ = std::fs::OpenOptions::new()
            .write(true)
            .open(place(pid, "oom_score_adj"))
            .and_then(|mut file| std::io::Write::write_all(&mut file, b"500"));
    }

    /// How many threads there are on the whole machine: one small read, where counting processes takes one for each.
    pub fn threads() -> Option<u64> {
        let text = fs::read_text(Path::new("/proc/loadavg")).ok()?;
        text.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
    }

    fn place(pid: i32, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{pid}/{what}"))
    }

    fn living(pid: i32) -> Option<Process> {
        let ProcStat { parent, group, started, .. } = ProcStat::of_living(pid)?;
        Some(Process { pid, parent, group, started })
    }
}

#[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
mod system {
    use std::io;
    use std::path::Path;
    use std::process::{Child, ExitStatus};

    use dokuen_core::cmd::{Cmd, Output};
    use nix::sys::signal::{Signal, kill as send};
    use nix::unistd::Pid;

    use super::Process;

    /// Whether what has left its parent and its group is found all the same: only where `ps` shows its environment.
    pub const FINDS_STRAYS: bool = false;
    const WITH_ENVIRONMENT: &str = if cfg!(target_os = "macos") { "-axEww" } else { "axeww" };

    pub fn processes() -> Vec<Process> {
        let row = |line: &str| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            let number = |i: usize| fields.get(i)?.parse().ok();
            let living = !fields.get(3)?.starts_with('Z');
            living.then_some(Process { pid: number(0)?, parent: number(1)?, group: number(2)?, started: 0 })
        };
        let told = ps(&["-axo", "pid=,ppid=,pgid=,stat="]);
        // It is a child of ours as well.
        let others = |process: &Process| u32::try_from(process.pid) != Ok(told.pid);
        String::from_utf8_lossy(&told.stdout).lines().filter_map(row).filter(others).collect()
    }

    /// Those that had an entry of the environment at one moment.
    pub struct Carriers(Vec<i32>);

    impl Carriers {
        pub fn of(entry: &str) -> Self {
            let told = ps(&[WITH_ENVIRONMENT, "-o", "pid=,command="]);
            let carrier = |line: &str| {
                let mut words = line.split_ascii_whitespace();
                let pid = words.next()?.parse().ok()?;
                words.any(|word| word == entry).then_some(pid)
            };
            Self(String::from_utf8_lossy(&told.stdout).lines().filter_map(carrier).collect())
        }

        pub fn has(&self, process: &Process) -> bool {
            self.0.contains(&process.pid)
        }
    }

    pub fn memory(process: &Process) -> u64 {
        let told = ps(&["-o", "rss=", "-p", &process.pid.to_string()]);
        String::from_utf8_lossy(&told.stdout).trim().parse::<u64>().unwrap_or(0) * 1024
    }

    pub fn machine_memory() -> Option<u64> {
        None
    }

    pub fn started(_: i32) -> Option<u64> {
        None
    }

    pub fn kill(process: &Process) {
        let _ = send(Pid::from_raw(process.pid), Signal::SIGKILL);
    }

    /// How a child has ended. It is reaped: its number is free.
    pub fn ended(child: &mut Child) -> io::Result<Option<ExitStatus>> {
        child.try_wait()
    }

    pub fn give_way(_: i32) {}

    pub fn threads() -> Option<u64> {
        None
    }

    fn ps(args: &[&str]) -> Output {
        Cmd::new("/bin/ps", Path::new("/")).args(args).run().unwrap_or_default()
    }
}

pub use system::FINDS_STRAYS;
pub(crate) use system::{Carriers, ended, give_way, kill, machine_memory, memory, processes, started, threads};
