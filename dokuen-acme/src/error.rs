//! What can go wrong, in the authority's own words where it said something.

use std::path::PathBuf;

use dokuen_core::cmd::CmdError;
use dokuen_core::fs::FsError;

/// A chain and a key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// There is none.
    #[error("there is no certificate in it (PEM: -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// There is none.
    #[error("there is no private key in it (PEM: -----BEGIN PRIVATE KEY-----)")]
    NoKey,
    /// There is more than one.
    #[error("there are {0} private keys in it")]
    Keys(usize),
    /// It has a passphrase.
    #[error("the private key has a passphrase, which nobody could type when nginx starts")]
    Encrypted,
    /// It is no key, or of a kind that is not known.
    #[error("the private key cannot be read")]
    BadKey,
    /// It is no certificate.
    #[error("certificate {0} cannot be read")]
    Unreadable(usize),
    /// No certificate is the key's.
    #[error("the private key belongs to none of these certificates")]
    Mismatch,
    /// A certificate that vouches for nobody in the chain.
    #[error("{0} does not belong to the chain")]
    Stray(String),
    /// Too short to be safe.
    #[error("an RSA key of {0} bits is too short: 2048 at least")]
    Short(usize),
    /// It names nobody.
    #[error("the certificate is for no host: it has no subjectAltName")]
    NoNames,
    /// Its time is over.
    #[error("the certificate was good until {0}")]
    Expired(String),
    /// Its time has not come.
    #[error("the certificate is good from {0} on")]
    Early(String),
}

/// A certificate that could not be had, or not be taken back.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority did not answer as one.
    #[error("failed to {action} at {directory}")]
    Authority {
        /// What it was asked for.
        action: &'static str,
        /// Its address.
        directory: String,
        /// Its words, or the network's.
        source: Box<instant_acme::Error>,
    },
    /// It was asked too often, or has no time: it says when to ask again.
    #[error("{directory} is not to be asked again before {moment} UTC: {said}")]
    Later {
        /// Its address.
        directory: String,
        /// Until when, in seconds since 1970.
        until: i64,
        /// The same, `YYYY-mm-dd HH:MM:SS`.
        moment: String,
        /// Its words.
        said: String,
        /// Whether this call has asked it; `false`: an earlier one has, and this one kept to its answer.
        asked: bool,
    },
    /// It looked, and did not find what it was shown.
    #[error("the authority does not believe that {name} is ours: {said}")]
    Refused {
        /// For this name.
        name: String,
        /// Its words.
        said: String,
    },
    /// It has no way to be shown that a name is ours that we know.
    #[error("the authority offers no {way} challenge for {name}")]
    NoChallenge {
        /// For this name.
        name: String,
        /// What was looked for.
        way: &'static str,
    },
    /// It gave an answer that is no file name.
    #[error("the authority gave a token that is none")]
    BadToken,
    /// The root certificate it was to be believed by.
    #[error("`{}` holds no certificate to believe the authority by", path.display())]
    Root {
        /// Its place.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key of an external account.
    #[error("the key of the external account is no URL-safe base64")]
    ExternalKey,
    /// A key could not be made.
    #[error("failed to make a key")]
    Key(#[from] rcgen::Error),
    /// What it issued cannot be used.
    #[error("the authority issued a certificate that cannot be used")]
    Issued(#[from] BadCertificate),
    /// The program that changes the DNS.
    #[error("the DNS hook failed for {name}")]
    Hook {
        /// For this record.
        name: String,
        /// How.
        source: Box<CmdError>,
    },
    /// The lock on the order could not be had.
    #[error(transparent)]
    Lock(#[from] dokuen_core::LockError),
    /// State that could not be read or written.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// State that is not what it should be.
    #[error("`{}` is damaged", path.display())]
    State {
        /// Its place.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
    /// The runtime could not be started.
    #[error("failed to start")]
    Start(#[source] std::io::Error),
}

impl AcmeError {
    /// Whether the authority knows our account no more.
    pub(crate) fn is_lost_account(&self) -> bool {
        let Self::Authority { source, .. } = self else { return false };
        let instant_acme::Error::Api(problem) = source.as_ref() else { return false };
        problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    }

    /// What was asked for, of whom, and what came of it.
    pub(crate) fn at(action: &'static str, directory: &str, source: instant_acme::Error) -> Self {
        Self::Authority { action, directory: directory.to_owned(), source: Box::new(source) }
    }
}
