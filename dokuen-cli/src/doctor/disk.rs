//! Room for the next release: bytes and inodes, where state lies and where sockets do, and whether a write gets there at all.

use std::path::{Path, PathBuf};

use dokuen_core::Host;
use nix::sys::statvfs::{FsFlags, statvfs};

use super::{Check, Finding};
use crate::exit::{Exit, Failure};

pub const CHECK: Check = Check { about: "disk", look, fix: None };

const MIB: u64 = 1024 * 1024;
/// Below the first a deploy is about to fail, below the second soon.
const LITTLE: [u64; 2] = [200 * MIB, 1024 * MIB];
/// In a hundred.
const FEW_INODES: [u64; 2] = [1, 5];

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let own = [host.conf.dokuen_dir.clone(), host.conf.run_dir.clone()];
    let mut found: Vec<Finding> = own.iter().filter_map(|dir| read_only(dir)).collect();
    let dirs = own.into_iter().chain([PathBuf::from("/tmp")]).collect::<Vec<_>>();
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        found.extend(space(dir, dir == &host.conf.dokuen_dir)?);
    }
    Ok(found)
}

fn space(dir: &Path, is_ours: bool) -> Result<Vec<Finding>, Failure> {
    let stat = statvfs(dir).map_err(|e| Failure::new(Exit::Failed, format!("`{}`: {e}", dir.display())))?;
    let (size, unit) = (wide(stat.blocks()), wide(stat.fragment_size()));
    let free = wide(stat.blocks_available()) * unit;
    let (inodes, left) = (wide(stat.files()), wide(stat.files_available()));
    let place = dir.display();
    // The run directory is often a small file system in memory, and needs next to nothing.
    let room = if is_ours { grade(free, LITTLE) } else { grade(free, [MIB, 16 * MIB]) };
    let mend = if is_ours {
        "dokuen releases:prune --application=APP, and dokuen builds:purge-cache --application=APP".to_owned()
    } else {
        format!("du -xh '{place}' | sort -h | tail")
    };
    let mut found = Vec::new();
    let says = format!("{} of {} MiB are free in {place}", free / MIB, size * unit / MIB);
    match room {
        Grade::Good if is_ours => found.push(Finding::ok(says)),
        Grade::Good => {}
        Grade::Low => found.push(Finding::warning(says, mend.clone())),
        Grade::Out => found.push(Finding::problem(says, mend.clone())),
    }
    let says = format!("{left} of {inodes} inodes are free in {place}");
    match grade(left * 100 / inodes.max(1), FEW_INODES) {
        // Some file systems make them as they are needed and count none.
        _ if inodes == 0 => {}
        Grade::Good => {}
        Grade::Low => found.push(Finding::warning(says, mend)),
        Grade::Out => found.push(Finding::problem(says, mend)),
    }
    Ok(found)
}

/// What runs goes on without a write, so nothing else shows it before the next change fails.
fn read_only(dir: &Path) -> Option<Finding> {
    let place = dir.display();
    let says = format!("{place} is read-only: no app can be deployed or restarted (`dmesg` may say why)");
    let mend = format!("sudo mount -o remount,rw \"$(findmnt -nro TARGET --target '{place}')\"");
    let is_so = statvfs(dir).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_RDONLY));
    is_so.then(|| Finding::problem(says, mend))
}

/// Counts of file systems have 32 bits on macOS and 64 on Linux.
fn wide(count: impl Into<u64>) -> u64 {
    count.into()
}

#[derive(Debug, PartialEq, Eq)]
enum Grade {
    Good,
    Low,
    Out,
}

fn grade(left: u64, [out, low]: [u64; 2]) -> Grade {
    match left {
        _ if left < out => Grade::Out,
        _ if left < low => Grade::Low,
        _ => Grade::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_said_before_it_is_nothing() {
        assert_eq!(
            [0, 199, 200, 1023, 1024].map(|mib| grade(mib * MIB, LITTLE)),
            [Grade::Out, Grade::Out, Grade::Low, Grade::Low, Grade::Good]
        );
    }
}
