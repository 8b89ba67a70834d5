//! What is asked of the operating system about processes and sockets: Linux's way by `/proc` and pidfds, and a
//! portable way by `ps` (macOS, or `--cfg dokuen_portable`).

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::sys::signal::Signal;

/// A process that belongs to an instance; pid and start time together name one process for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its process id.
    pub pid: i32,
    /// When it was started, in the kernel's own count; 0 where that is not known.
    pub started: u64,
}

/// A living process that carries a mark, and the directory that the mark names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Its process id.
    pub pid: i32,
    /// When it was started, in the kernel's own count.
    pub started: u64,
    /// What it belongs to, by its mark; the directory need not be there any more.
    pub dir: PathBuf,
}

/// Who listens on a port.
#[cfg_attr(not(all(target_os = "linux", not(dokuen_portable))), expect(dead_code, reason = "nothing tells there"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Nobody.
    None,
    /// One of the given processes, or nobody can tell.
    Ours,
    /// Somebody else.
    Foreign,
}

#[cfg(all(target_os = "linux", not(dokuen_portable)))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
#[path = "portable.rs"]
mod system;

pub use system::{
    become_subreaper, connections, cpu_limit, descriptor_of, is_silent, listener, marked_below, members, none_below,
    resize_pipe, signal, start_time, take_usual_priority, watch,
};
