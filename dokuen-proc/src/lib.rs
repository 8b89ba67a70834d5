//! The processes of a Procfile: started, proven ready, switched to, drained.
//!
//! Each instance (`web.1`) has one small **wrapper** process of its own, the program `dokuen-wrapper`. There is no
//! central daemon: what runs is what the instance directories and their locks say.
//!
//! - An instance is a directory: `spec` (what to run), `env` (with which environment), `lock` (held by the wrapper for
//!   its life: *alive means it holds its lock*), `control` (a FIFO that takes single letters), `log` (a FIFO that the
//!   child writes into and that outlives a killed wrapper), `spool` (what was taken from there and is not logged yet),
//!   `state` (a report for people).
//! - The wrapper of a `web` instance owns its [`front`]: a unix socket at which nginx finds the instance. Traffic moves
//!   from one release to the next by one rename of the app's `live` route, a directory of symlinks to such sockets.
//! - Steps consume what they used: [`boot`] gives [`Booted`], whose readiness check gives [`Ready`], whose switch gives
//!   [`Switched`]. A value dropped before it was kept undoes its own step.
//!
//! What is deliberately absent: builds, nginx, names of commands, and everything that prints.
//!
//! ```
//! use dokuen_proc::InstanceId;
//!
//! let id = InstanceId::parse("g7.web.1").unwrap();
//! assert_eq!((id.generation, id.name().as_str()), (7, "web.1"));
//! assert!(InstanceId::parse("g7.../etc.1").is_none());
//! ```
//!
//! A deploy, from a plan to the old instances' leave; what fails in between stops what was started:
//!
//! ```
//! use dokuen_proc::{Plan, boot};
//!
//! fn go_live(plan: &Plan) -> Result<(), Box<dyn std::error::Error>> {
//!     let ready = boot(plan)?.wait_until_ready()?;
//!     let switched = ready.switch()?;
//!     switched.keep();
//!     let old = dokuen_proc::instances(&plan.app)?.into_iter().filter(|i| i.id.generation != plan.generation);
//!     dokuen_proc::retire(&old.collect::<Vec<_>>())?;
//!     Ok(())
//! }
//! ```

mod attended;
mod boot;
mod cgroup;
mod check;
mod child;
mod ending;
mod environment;
pub mod front;
mod inherited;
mod instance;
mod limits;
mod log;
mod machine;
mod memory;
mod platform;
mod port;
mod probe;
mod ready;
mod report;
mod route;
mod shared;
mod shell;
mod signals;
#[cfg(all(target_os = "linux", not(dokuen_portable)))]
mod sock_diag;
mod spec;
mod spool;
mod stopping;
mod sys;
mod terms;
mod told;
mod watched;
pub mod wrapper;

pub use attended::{Attended, Ended, attend, end_attended, end_process, make_attended, marked_below};
pub use boot::{BootError, Booted, Plan, boot, revive};
pub use cgroup::{
    Bounds, Cgroups, Group, bound_again, cgroups, enter as enter_cgroups, hold as hold_cgroups,
    of_one_off as cgroup_of_one_off,
};
pub use check::{Command as CheckCommand, Request as CheckRequest, Statuses};
pub use environment::{About, MARK, environment_of};
pub use inherited::keep_from_children;
pub use instance::{Instance, InstanceError, generations, instances, next_generation, retire, sweep};
pub use limits::forget_limits_of_the_session;
pub use log::LogRoom;
pub use platform::{Marked, cpu_limit, start_time};
pub use port::sweep_ports;
pub use ready::{Checks, Ready, ReadyError, wait_until_they_answer};
pub use report::Report;
pub use route::{RouteError, Switched, clear_route, has_door, leads_to, switch_to};
pub use shell::{argv_in_shell, line_in_shell};
pub use spec::{Entry, FrontPaths, InstanceId, PROTOCOL, Spec, SpecError};
pub use stopping::wait_until_gone;
pub use terms::{Listen, Terms, TermsError};
pub use told::told_to_stop;
pub use watched::run_watched;
