//! Hosts whose account has a home directory of its own, for commands that write sshd's file of keys.

use std::fs;
use std::io::Write;

use crate::host::{Host, Options};

/// As [`Host::new`].
pub fn host() -> Host {
    with(Options::default())
}

/// As [`Host::with`].
pub fn with(options: Options) -> Host {
    let host = Host::with(options);
    let home = host.temp().join("home");
    fs::create_dir(&home).unwrap();
    let conf = fs::OpenOptions::new().append(true).open(host.dir().join("dokuen.conf"));
    writeln!(conf.unwrap(), "app_user_home: {}", home.display()).unwrap();
    host
}
