//! What people type every day, and what they see: each command's words, exit status, output and JSON.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(dead_code, reason = "the support files are those of the walk, which needs more of them")]

#[path = "../it/app.rs"]
mod app;
#[path = "../it/host.rs"]
mod host;
#[path = "../it/http.rs"]
mod http;
#[path = "../it/outcome.rs"]
mod outcome;
#[path = "../front_door/pem.rs"]
mod pem;
#[path = "../it/processes.rs"]
mod processes;
#[path = "../it/snapshot.rs"]
mod snapshot;

mod apps;
mod bad_inputs;
mod config;
mod doctor;
mod doctor_ground;
mod forged;
mod help;
mod heroku;
mod home;
mod json;
mod logs;
mod moving;
mod oneoffs;
mod schema;
mod terminal;
