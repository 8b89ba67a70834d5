//! The ways in, over real OpenSSH: an sshd on a loopback port for each test, with the real `authorized_keys`.
//!
//! The account is whoever runs the tests; its home directory in `dokuen.conf` is one in the host's own, so that no file
//! of a person is touched. Programs that were started here are ended here, by their pid.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(dead_code, reason = "the support files are those of the walk, which needs more of them")]

#[path = "../it/harness.rs"]
mod harness;
#[path = "../front_door/pem.rs"]
mod pem;
#[path = "../daily/schema.rs"]
mod schema;

mod door;

mod bad_inputs;
mod bytes;
mod client;
mod every;
mod gatekeeper;
mod gitolite;
mod hostile;
mod keys;
mod moving;
mod pushes;
mod roles;
mod trees;
mod walk;

use harness::{app, host, http, outcome, processes, snapshot};
