//! Instances with real wrappers, real shells and real signals, each test in a directory of its own.

#![expect(clippy::disallowed_methods, reason = "tests plant files and signal processes past the doors")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod cgroups;
mod place;
mod web;

mod adoption;
mod direct;
mod disk;
mod drains;
mod ending;
mod logs;
mod looks;
mod protocol;
mod restarts;
