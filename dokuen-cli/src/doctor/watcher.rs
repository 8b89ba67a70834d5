//! Whether somebody gives a process whose wrapper was killed a new one at once.

use dokuen_core::{Host, Lock, LockError};

use super::{Check, Finding};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "watcher", look, fix: None };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let path = host.watch_lock();
    let none = || {
        let says = "nobody watches over wrappers: one that is killed is replaced by the next command on its app";
        Finding::warning(says, "sudo systemctl start dokuen, or keep this running: dokuen boot --watch")
    };
    if !path.exists() {
        return Ok(vec![none()]);
    }
    Ok(vec![match Lock::try_take(&path, "watching", "looking whether somebody watches") {
        Err(LockError::Busy { .. }) => Finding::ok("wrappers are watched over"),
        Ok(_) => none(),
        Err(other) => return Err(other.into()),
    }])
}
