//! Real apps, really built: pushed through the whole walk with no buildpack named, their packages from where everybody's
//! come from, with the runtimes of this machine.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(dead_code, reason = "the support files are those of the walk, which needs more of them")]

#[path = "../it/harness.rs"]
mod harness;

mod pushed;

mod again;
mod compiled;
mod files;
mod kept;
mod large_trees;
mod managers;
mod node;
mod python;
mod several;
mod third_party;
mod unchanged;

use harness::{app, host, http, outcome, processes, snapshot};
