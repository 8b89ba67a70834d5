//! What is asked of the operating system about processes of nginx: Linux's way by `/proc` and pidfds, and a portable way
//! by `ps` (macOS, or `--cfg dokuen_portable`).

/// A living process that calls itself nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// Its process group: a master that became a daemon leads one, which its workers never leave.
    pub group: i32,
    /// Whose it is, by number.
    pub account: u32,
    /// What it calls itself, with the words that a master was started with.
    pub title: String,
}

/// What nginx's processes call themselves begins with this.
const TITLE: &str = "nginx: ";

/// How a worker is told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// It hears no more connections at once, and ends when the requests with it are answered.
    Quit,
    /// It ends at once.
    Stop,
}

impl Farewell {
    /// The word by which `nginx -s` tells it to a master.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Stop => "stop",
        }
    }
}

#[cfg(all(target_os = "linux", not(dokuen_portable)))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
#[path = "portable.rs"]
mod system;

pub use system::{command_line, has_log_below, look, nginxes, tell};
