//! A real nginx on free loopback ports, with real sockets behind it. Each test has a directory and an nginx of its own.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

mod any_site;
mod changes;
mod faults;
mod http;
mod instance;
mod own;
mod parser;
mod requests;
mod serving;
mod stage;
