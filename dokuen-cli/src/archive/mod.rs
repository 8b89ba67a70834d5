//! An app as one file: what `apps:export` writes and `apps:import` reads, a tar.
//!
//! ```text
//! dokuen-export.json     first: the format's number, and all that is small
//! config                 config vars, NAME=value entries ended by NUL
//! certificate.pem        the certificate in force and its key
//! pages/502.html         pages of the app's own
//! repository.bundle      branches and tags, as git bundles them
//! releases/v3            with --releases: the config vars of each release,
//! trees/YYYYmmddTHHMMSS/ and the built trees that are kept
//! storage/NAME/          with --storage: what the app keeps
//! end                    last: a SHA-256 of all before it
//! ```
//!
//! What is imported is other people's: every entry is checked, and one that is not known refuses the whole.

pub mod export;
pub mod import;
pub mod killed;
mod links;
mod manifest;
mod read;
mod receive;
mod repository;
mod settle;
mod snapshot;
mod sum;
mod write;

/// The format's number. A new one keeps `fixtures/exports/v1.tar` loading.
const FORMAT: u32 = 1;

const MANIFEST: &str = "dokuen-export.json";
const CONFIG: &str = "config";
const CERTIFICATE: &str = "certificate.pem";
const PAGES: &str = "pages";
const BUNDLE: &str = "repository.bundle";
const RELEASES: &str = "releases";
const TREES: &str = "trees";
const STORAGE: &str = "storage";
const END: &str = "end";

/// Where a tree has what Dokuen knows of it, and what of that goes along.
const OWN: &str = ".dokuen";
const OWN_FILES: [&str; 2] = ["build.log", "slug"];
