//! `mason`, as somebody types it: what it prints, what it leaves, how it exits. Each row of the old mason's transcript.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod bench;

mod builds;
mod packed;
mod store;
mod versions;
mod wrong;
