//! What people type every day, and what they see: each command's words, exit status, output and JSON.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(dead_code, reason = "the support files are those of the walk, which needs more of them")]

#[path = "../../../dokuen-proc/tests/it/cgroups.rs"]
mod cgroups;
#[path = "../it/harness.rs"]
mod harness;
#[path = "../front_door/pem.rs"]
mod pem;

mod apps;
mod bad_inputs;
mod called_off;
mod cgroup_unit;
mod config;
mod config_size;
mod doctor;
mod doctor_ground;
mod forged;
mod formation;
mod help;
mod heroku;
mod home;
mod json;
mod limits;
mod logs;
mod moving;
mod oneoffs;
mod oneoffs_cgroup;
mod other_owners;
mod removed_dirs;
mod schema;
mod shut_down;
mod terminal;
mod unread;

use harness::{app, host, http, outcome, processes, snapshot};
