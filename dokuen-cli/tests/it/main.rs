//! The walk, end to end: the real `dokuen setup`, a real `git push` through the real hook, real nginx, real processes.
//!
//! Each test has a host of its own in a temporary directory, with its own nginx and its own ports, so all of them run
//! in parallel. A host ends every process that is its own and removes its directory when it is dropped, also when the
//! test panics.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[path = "harness.rs"]
mod harness;
mod load;

mod app_json;
mod arrows;
mod bad_inputs;
mod buildpacks;
mod commands;
mod config;
mod cron;
mod dead_wrapper;
mod failing;
mod hooks;
mod inside;
mod killed;
mod loss;
mod processes_end;
mod push;
mod readme;
mod refused;
mod setup;
mod storage;
mod survival;
mod together;
mod versions;
mod watch;

use harness::{app, host, http, outcome, processes, snapshot};
