//! The front with real sockets: nginx's side and the app's side are played by threads.

#![expect(clippy::unwrap_used, reason = "also the helpers of a test fail by it")]

mod app;
mod driver;
mod nginx;

mod hold;
mod limits;
mod pass;
mod retire;
mod stream;
mod tunnel;
