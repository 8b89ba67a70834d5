//! `dokuen-wrapper DIR`: runs the instance described in DIR until it is told to stop.
//!
//! It says `ready [PORT]` or `failed: ...` on standard output, then lets go of the terminal and of git's pipes at
//! once: whoever started it may go.

#![expect(clippy::print_stdout, reason = "the one line that tells the starter how it went")]

use std::path::PathBuf;
use std::process::ExitCode;

use dokuen_proc::wrapper::{Wrapper, WrapperError};

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1).map(PathBuf::from).filter(|d| d.is_absolute()) else {
        println!("failed: usage: dokuen-wrapper /ABSOLUTE/INSTANCE/DIRECTORY");
        return ExitCode::from(2);
    };
    dokuen_proc::keep_from_children();
    dokuen_proc::forget_limits_of_the_session();
    // Fails only for a group leader, and then the caller has given us a session of our own already.
    let _ = nix::unistd::setsid();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    match Wrapper::prepare(&dir).and_then(announce).and_then(Wrapper::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("failed: {}", chain(&e));
            ExitCode::from(1)
        }
    }
}

fn announce(wrapper: Box<Wrapper>) -> Result<Box<Wrapper>, WrapperError> {
    match wrapper.port() {
        Some(port) => println!("ready {port}"),
        None => println!("ready"),
    }
    let null = dokuen_core::fs::open_null()?;
    // All three at once: git keeps a push open until every holder of its pipes is gone.
    let moved =
        nix::unistd::dup2_stdin(&null).and(nix::unistd::dup2_stdout(&null)).and(nix::unistd::dup2_stderr(&null));
    moved.map_err(|e| WrapperError::Loop(e.into()))?;
    Ok(wrapper)
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ").replace('\n', "; ")
}
