//! Whether somebody gives a process whose wrapper was killed a new one at once.

use std::path::Path;

use dokuen_core::{Host, Lock};

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
    let is_watched = Lock::is_held(&path)?;
    Ok(vec![if is_watched { Finding::ok("wrappers are watched over") } else { none() }])
}

/// By the unit that is installed, the machine's or the account's own.
fn by_systemd(host: &Host) -> &'static str {
    match (Path::new(SYSTEMD_UNIT).exists(), host.user_unit().exists()) {
        (true, _) => "sudo systemctl start dokuen, or ",
        (false, true) => "systemctl --user start dokuen, or ",
        (false, false) => "",
    }
}
