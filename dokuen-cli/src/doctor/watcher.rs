//! Whether somebody gives a process whose wrapper was killed a new one at once.

use std::path::Path;

use dokuen_core::{Host, Lock, LockError};

use super::{Check, Finding};
use crate::exit::Failure;
use crate::setup::SYSTEMD_UNIT;

pub const CHECK: Check = Check { about: "watcher", look, fix: None };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let path = host.watch_lock();
    let none = || {
        let says = "nobody watches over wrappers: one that is killed is replaced by the next command on its app";
        Finding::warning(says, format!("{}keep this running: dokuen boot --watch", by_systemd(host)))
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

/// By the unit that is installed, the machine's or the account's own.
fn by_systemd(host: &Host) -> &'static str {
    match (Path::new(SYSTEMD_UNIT).exists(), host.user_unit().exists()) {
        (true, _) => "sudo systemctl start dokuen, or ",
        (false, true) => "systemctl --user start dokuen, or ",
        (false, false) => "",
    }
}
