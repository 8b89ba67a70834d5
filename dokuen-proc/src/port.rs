//! Reserved ports: a file per port, locked by the wrapper that has it.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::fs::{self, FsError};
use dokuen_core::{Port, PortRange};

/// A port that is this process's until it is dropped.
#[derive(Debug)]
pub struct Reserved {
    /// The number.
    pub port: Port,
    path: PathBuf,
    _lock: File,
}

/// Takes a free port: nobody holds its file's lock, and nothing on the machine is bound to it.
/// `None` when all are taken.
pub fn reserve(dir: &Path, range: PortRange, offset: usize) -> Result<Option<Reserved>, FsError> {
    let mut trouble = None;
    for port in range.from_offset(offset) {
        match claim(dir, port) {
            Ok(claimed) => {
                if let Some(reserved) = claimed.filter(|_| bindable(port)) {
                    return Ok(Some(reserved));
                }
            }
            // Something else lies under its name: the next one may do, and a full disk has trouble with all of them.
            Err(e) => trouble = trouble.or(Some(e)),
        }
    }
    trouble.map_or(Ok(None), Err)
}

/// Removes what wrappers have left that were killed: files that nobody holds a lock of.
pub fn sweep_ports(dir: &Path) -> Result<(), FsError> {
    for name in fs::names(dir)? {
        if let Some(port) = name.parse().ok().and_then(Port::new)
            && dir.join(&name).symlink_metadata().is_ok_and(|meta| meta.is_file())
        {
            // Claimed and given back at once. Another claim of this moment takes the next port.
            drop(claim(dir, port)?);
        }
    }
    Ok(())
}

/// Takes this very port, also when something listens on it: the child that is being adopted does.
pub fn claim(dir: &Path, port: Port) -> Result<Option<Reserved>, FsError> {
    let path = dir.join(port.to_string());
    let file = fs::open_lock(&path)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    // The last owner may have removed the name between our open and our lock: then this lock guards nothing.
    let same = file.metadata().ok().map(|m| m.ino()) == path.symlink_metadata().ok().map(|m| m.ino());
    Ok(same.then(|| Reserved { port, path, _lock: file }))
}

/// The same, of a port that is known to be in use: whoever sweeps the ports, or tries which one is free, has the lock of
/// each for a moment. `None` where somebody keeps it.
pub fn claim_again(dir: &Path, port: Port) -> Result<Option<Reserved>, FsError> {
    const LOOKS: u32 = 60;
    for _ in 0..LOOKS {
        if let Some(reserved) = claim(dir, port)? {
            return Ok(Some(reserved));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}

fn bindable(port: Port) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port.get())).is_ok()
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // The lock goes with the file handle in any case; a name that stays is taken back by the next claim.
        let _ = fs::remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let foreign = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = foreign.local_addr().unwrap().port();
        let range = PortRange::new(i64::from(taken), i64::from(taken)).unwrap();
        assert!(reserve(dir.path(), range, 0).unwrap().is_none(), "a foreign listener has it");
        drop(foreign);
        let held = reserve(dir.path(), range, 0).unwrap().unwrap();
        assert!(reserve(dir.path(), range, 0).unwrap().is_none());
        drop(held);
        assert!(reserve(dir.path(), range, 0).unwrap().is_some());
        assert_eq!(fs::names(dir.path()).unwrap(), Vec::<String>::new());
        let held = reserve(dir.path(), range, 0).unwrap().unwrap();
        for left in ["1025", "x"] {
            fs::replace(&dir.path().join(left), b"", fs::PRIVATE_FILE).unwrap();
        }
        fs::make_dir(&dir.path().join("1026"), fs::PRIVATE_DIR).unwrap();
        sweep_ports(dir.path()).unwrap();
        assert_eq!(fs::names(dir.path()).unwrap().len(), 3, "who holds one keeps it, and junk is not ours");
        drop(held);
    }
}
