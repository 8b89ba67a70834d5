//! The nouns of Dokuen and where they live on disk.
//!
//! Dokuen keeps no database and runs no daemon: an app is a directory, a config var is a file, the live release is
//! what the symlink `current` points at. This crate knows those places and parses everything that enters them, so
//! that the crates above (`dokuen-build`, `dokuen-proc`, `dokuen-nginx`, `dokuen-cli`) never check a name twice.
//!
//! Three rules run through it:
//!
//! - **Parse at the border.** [`AppName`], [`EnvName`], [`Domain`] and their like have one constructor, `parse`. Who
//!   holds one holds a checked value; it may go into a path, a template or an argv as it is.
//! - **Two guarded doors.** Files are touched through [`mod@fs`] (errors name the path; write beside, fsync, rename;
//!   symlinks that pushed code could have planted are never followed) and programs are started through [`cmd`]
//!   (argv, absolute working directory, an environment that starts empty).
//! - **State is files, and each change is one rename.** [`releases`] and [`ledger`] never leave a half-written
//!   release where a reader could take it for a whole one.
//!
//! What is deliberately absent: building, processes, nginx, and everything that prints.
//!
//! ```
//! use dokuen_core::{AppName, Formation, Procfile};
//!
//! let app = AppName::parse("blog").unwrap();
//! let procfile = Procfile::parse("web: ./serve\nworker: ./work\n").unwrap();
//! let formation = Formation::default_for(&procfile).changed_by("worker=2").unwrap();
//!
//! assert_eq!(app.to_string(), "blog");
//! assert_eq!(formation.to_string(), "web=1,worker=2");
//! assert!(AppName::parse("../etc").is_err());
//! ```

mod captured;
pub mod cmd;
mod conf;
mod domain;
mod dotenv;
mod env;
mod fnv;
mod formation;
pub mod fs;
mod kept;
mod layout;
pub mod ledger;
mod lock;
mod name;
mod platform;
mod port;
mod proc_stat;
mod procfile;
mod protocol;
pub mod releases;
mod schedule;
mod server_name;
mod signal;
mod slots;
mod stamp;
mod storage;
mod transcript;

pub use conf::{Conf, ConfError, NginxKind};
pub use domain::Domain;
pub use dotenv::{DotenvError, parse_dotenv, parse_dotenv_strictly, read_dotenv, render_dotenv};
pub use env::{EnvStore, EnvValue, Environment, Layers};
pub use fnv::fnv1a;
pub use formation::{Formation, ScaleError};
pub use layout::{App, Front, Host, own_dir_in};
pub use lock::{Lock, LockError};
pub use name::{AppName, BadName, BuildpackName, EnvName, JobName, ProcessType, StorageName, UserName, legible, shown};
pub use port::{Port, PortRange, PortRangeError};
pub use proc_stat::ProcStat;
pub use procfile::{Procfile, ProcfileError};
pub use protocol::Protocol;
pub use schedule::{BadSchedule, Schedule, Zone};
pub use server_name::ServerName;
pub use signal::parse_signal;
pub use slots::slots_for;
pub use stamp::Stamp;
pub use storage::Storage;
pub use transcript::{Collected, Line, Silent, Transcript};
