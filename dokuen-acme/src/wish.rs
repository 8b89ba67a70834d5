//! What is asked for, as it comes on standard input.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A certificate that somebody wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wish {
    /// The authority: the address of its directory.
    pub directory: String,
    /// A root certificate the authority itself is believed by, in place of the machine's.
    pub root: Option<PathBuf>,
    /// Where accounts are kept.
    pub accounts: PathBuf,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// An account elsewhere that the authority knows this customer by.
    pub external: Option<ExternalAccount>,
    /// Where the state of the order is kept.
    pub order: PathBuf,
    /// What the certificate is to be good for.
    pub names: Vec<String>,
    /// The certificate that this one takes the place of, as PEM; none for a first one.
    #[serde(default)]
    pub replaces: Option<String>,
    /// How the authority is shown that the names are ours.
    pub challenge: Challenge,
    /// How many seconds the authority may take to look.
    pub patience: u64,
}

/// External account binding (RFC 8555, 7.3.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExternalAccount {
    /// The name of the key there.
    pub id: String,
    /// The key, in URL-safe base64 as authorities give it out.
    pub key: String,
}

/// How the authority is shown that the names are ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Challenge {
    /// By a file that the web server for these names answers with.
    Http(PathBuf),
    /// By a record in the DNS, which this program makes and removes: `HOOK add|remove NAME VALUE`.
    Dns(PathBuf),
}

/// A certificate that an authority has issued, to be taken back or asked about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Issued {
    /// The authority: the address of its directory.
    pub directory: String,
    /// A root certificate the authority itself is believed by, in place of the machine's.
    pub root: Option<PathBuf>,
    /// Where accounts are kept.
    pub accounts: PathBuf,
    /// The certificate, as PEM.
    pub chain: String,
}
