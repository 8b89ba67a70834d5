//! Certificates: had from an authority by ACME (RFC 8555), and looked at before they count.
//!
//! This crate is the only one of Dokuen's that speaks TLS and has an async runtime, so it is a program of its own,
//! `dokuen-acme`, which runs for seconds, a few times a year. What it is to do comes as JSON on its standard input
//! (there are keys in it), what it found out goes as JSON to its standard output.
//!
//! [`check`] looks at a chain and a key: do they belong together, who vouches for whom, for which names and how long?
//! [`order`] has a certificate made. It may be killed at any instant: the account's key, the certificate's key and the
//! address of the order are on disk before they count, and the next call with the same wish takes up the same order,
//! whatever state the authority has it in. [`revoke`] takes a certificate back, and [`renewal`] asks when the authority wants
//! one renewed. An authority that says when to ask again is not asked before, by whichever call.
//!
//! What is deliberately absent: nginx, apps, and who decides that a certificate is renewed.
//!
//! ```
//! use dokuen_acme::{BadCertificate, check};
//!
//! let refused = check("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", 0).unwrap_err();
//! assert!(matches!(refused, BadCertificate::NoKey));
//! ```

mod account;
mod answer;
mod chain;
mod check;
mod error;
mod later;
mod line;
mod order;
mod pem;
mod renewal;
mod replaces;
mod wish;

pub use check::{About, Checked, check};
pub use error::{AcmeError, BadCertificate};
pub use order::{order, revoke};
pub use renewal::{Suggested, renewal};
pub use wish::{Challenge, ExternalAccount, Issued, Wish};
