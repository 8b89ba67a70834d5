//! What every test of the walk stands on: a host of its own, an app on it, and what is seen of both.

pub mod app;
pub mod host;
pub mod http;
pub mod outcome;
pub mod processes;
pub mod snapshot;
