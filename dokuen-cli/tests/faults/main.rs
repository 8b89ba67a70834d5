//! The catalogue of faults, each by its id: `docs/faults.md` lists all of them, with the test of each or the reason why
//! there is none. Those that need minutes run in full by `.ci/faults`, and with a smaller number in CI.

#![expect(clippy::disallowed_methods, reason = "tests plant files and run programs past the doors, as a user would")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(clippy::print_stdout, reason = "figures are what some of them are run for")]
#![expect(dead_code, reason = "the support files are those of the walk and the sweep, which need more of them")]

#[path = "../it/harness.rs"]
mod harness;
#[path = "../sweep/invariants.rs"]
mod invariants;
#[path = "../it/load.rs"]
mod load;
#[path = "../sweep/points.rs"]
mod points;
#[path = "../sweep/scenarios.rs"]
mod scenarios;
#[path = "../sweep/trial.rs"]
mod trial;
#[path = "../sweep/world.rs"]
mod world;

mod boots;
mod disk;
mod list;
mod people;
mod pushes;
mod read_only;
mod running;
mod soak;
mod steps;
mod upkeep;

use harness::{app, host, http, outcome, processes, snapshot};

/// Another app on the same host, which runs.
pub fn host_app(host: &host::Host, name: &str) -> app::App {
    let app = host.app(name, "python");
    app.push().ok();
    app
}

/// So many in CI, or the whole number by `.ci/faults`.
pub fn size(small: usize, whole: usize) -> usize {
    if std::env::var_os("DOKUEN_FAULTS").is_some() { whole } else { small }
}
