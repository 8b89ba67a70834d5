//! The front door, from the outside: names, certificates, an authority, settings, through a real nginx on loopback ports.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(dead_code, reason = "the support files are those of the walk, which needs more of them")]

#[path = "../it/harness.rs"]
mod harness;
#[path = "../sweep/points.rs"]
mod points;

mod authority;
mod between;
mod curl;
mod pem;
mod tools;

mod acme;
mod authority_wants;
mod boot_in_trouble;
mod browser;
mod domains;
mod every_setting;
mod grpc;
mod https;
mod killed;
mod machines;
mod nginx_dies;
mod nginx_orphans;
mod older;
mod pages;
mod settings;
mod slow;
mod sparing;
mod streams;
mod timing;
mod tls;

use harness::{app, host, http, outcome, processes, snapshot};

/// All state is as it was, but for what lies here.
#[track_caller]
fn unchanged_but(before: &snapshot::Snapshot, host: &host::Host, allowed: &[&str]) {
    host.snapshot();
    let changes = before.changes_in(host.dir());
    let others: Vec<_> = changes.iter().filter(|line| !allowed.iter().any(|path| line.contains(path))).collect();
    assert!(others.is_empty(), "{others:#?}");
}
