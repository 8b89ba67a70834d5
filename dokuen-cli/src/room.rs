//! Room for a build, looked for before anything of it is written: a disk that fills up half-way says it in the words of
//! whichever tool was writing.

use dokuen_core::{App, Host};
use nix::sys::statvfs::statvfs;

use crate::exit::{Exit, Failure};

const MIB: u64 = 1024 * 1024;
/// Less is nobody's release.
const LEAST_BYTES: u64 = 64 * MIB;
/// A small app with its packages has some thousands of files.
const LEAST_INODES: u64 = 1000;

/// Says which of the two is short, and what makes room.
pub fn check(host: &Host, app: &App) -> Result<(), Failure> {
    let free = free(host)?;
    let Some(short) = short(free.bytes, free.inodes) else { return Ok(()) };
    let text = format!("{short} in `{}`; nothing was built", host.conf.dokuen_dir.display());
    let name = &app.name;
    let hint = format!("dokuen releases:prune --application={name}, or dokuen builds:purge-cache --application={name}");
    Err(Failure::new(Exit::Failed, text).hint(hint))
}

/// What is free where apps are.
pub struct Free {
    pub bytes: u64,
    /// Some file systems make inodes as they are needed, and count none.
    pub inodes: Option<u64>,
}

/// Asks the file system of the dokuen directory.
pub fn free(host: &Host) -> Result<Free, Failure> {
    let dir = &host.conf.dokuen_dir;
    let failed = |e| Failure::new(Exit::Failed, format!("failed to ask how full `{}` is: {e}", dir.display()));
    let stat = statvfs(dir).map_err(failed)?;
    let bytes = wide(stat.blocks_available()).saturating_mul(wide(stat.fragment_size()));
    let inodes = (wide(stat.files()) > 0).then(|| wide(stat.files_available()));
    Ok(Free { bytes, inodes })
}

/// What a build wants, in words.
pub fn least() -> String {
    format!("{} MiB or {LEAST_INODES} inodes", LEAST_BYTES / MIB)
}

fn short(free: u64, inodes: Option<u64>) -> Option<String> {
    if free < LEAST_BYTES {
        return Some(format!("only {} MiB are free, and a build wants {}", free / MIB, LEAST_BYTES / MIB));
    }
    let few = inodes.filter(|left| *left < LEAST_INODES)?;
    Some(format!("only {few} more files can be made (inodes), and a build wants {LEAST_INODES}"))
}

/// Counts of file systems have 32 bits on macOS and 64 on Linux.
fn wide(count: impl Into<u64>) -> u64 {
    count.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_which_is_short() {
        assert_eq!(short(LEAST_BYTES, Some(LEAST_INODES)), None);
        assert_eq!(short(LEAST_BYTES, None), None);
        assert_eq!(short(5 * MIB, Some(0)).unwrap(), "only 5 MiB are free, and a build wants 64");
        assert_eq!(
            short(LEAST_BYTES, Some(3)).unwrap(),
            "only 3 more files can be made (inodes), and a build wants 1000"
        );
    }
}
