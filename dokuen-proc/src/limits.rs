//! Limits that whoever runs a command has set for their own session: no process of an app is to have them for months, or to
//! be killed by them. What systemd or a login gives is left as it is, and so is what the account may at most.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use crate::platform;

/// Open files as every login has them. No more than that: a program that uses `select` cannot take higher numbers.
const FILES: u64 = 1024;
/// Open files that a process may give itself, where somebody has left fewer than [`FILES`]: as systemd has it.
const MOST_FILES: u64 = 524_288;

/// What is left to each process up to the most it may have.
const RAISED: [Resource; 5] =
    [Resource::RLIMIT_CPU, Resource::RLIMIT_FSIZE, Resource::RLIMIT_DATA, Resource::RLIMIT_AS, Resource::RLIMIT_NPROC];

/// For the beginning of a program whose children live for long. What is not allowed stays as it is.
pub fn forget_limits_of_the_session() {
    RAISED.into_iter().for_each(raise);
    // Seconds since the start of each process: for one that serves for months none is right. Only root may lift it.
    let _ = setrlimit(Resource::RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY);
    raise_files();
    platform::take_usual_priority();
}

fn raise(resource: Resource) {
    if let Ok((soft, hard)) = getrlimit(resource)
        && soft != hard
    {
        let _ = setrlimit(resource, hard, hard);
    }
}

fn raise_files() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if hard < FILES && setrlimit(Resource::RLIMIT_NOFILE, FILES, MOST_FILES).is_ok() {
        return;
    }
    if soft < FILES.min(hard) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, FILES.min(hard), hard);
    }
}
