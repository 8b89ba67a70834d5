//! `dokuen-acme` at work: certificates checked, ordered and taken back by a program of its own, with JSON between.

use std::time::Duration;

use dokuen_core::cmd::{Cmd, CmdError};
use dokuen_core::{Host, shown};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::certs::{About, Checked};
use crate::exit::{Exit, Failure};

/// How an app's certificate is had and kept up by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auto {
    /// The authority: the address of its directory.
    pub directory: String,
    /// A root certificate the authority itself is believed by, in place of the machine's.
    pub root: Option<String>,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// The name of the key of an external account.
    pub eab_kid: Option<String>,
    /// That key.
    pub eab_key: Option<String>,
    /// The program that makes and removes records in the DNS; without one, nginx answers the authority.
    pub hook: Option<String>,
    /// These names and no others; without any, those of the app.
    #[serde(default)]
    pub names: Vec<String>,
    /// What went wrong the last time, and when.
    pub failed: Option<(String, String)>,
}

/// Let's Encrypt, and the same for trials.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Its certificates convince nobody, and its limits are wide.
pub const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// How long the authority may take to look at the names.
const PATIENCE: u64 = 180;

/// Looks at a chain and a key.
pub fn check(host: &Host, pem: &[u8]) -> Result<Checked, Failure> {
    parse(&run(host, "check", pem.to_vec(), Duration::from_secs(20))?)
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum Refused {
    /// An earlier call was told not to ask before a certain time, so this one has not asked.
    NotYet(Failure),
    /// It was asked for, and the authority is not to be asked again before this time, in seconds since 1970.
    PutOff(Failure, i64),
    /// It was asked for.
    Failed(Failure),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotYet(failure) | Refused::PutOff(failure, _) | Refused::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// When an authority wants a certificate renewed: at any moment between two, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Suggested {
    begins: i64,
    ends: i64,
    /// A page that says why.
    pub why: Option<String>,
}

impl Suggested {
    /// Whether this certificate's moment has come. Each has one of its own between the two, so that not all come at once
    /// (RFC 9773, 4.2); what is taken back has them in the past.
    pub fn is_now(&self, about: &About, now: i64) -> bool {
        let any = u64::from_str_radix(about.fingerprint.get(..8).unwrap_or_default(), 16).unwrap_or_default() as i64;
        let room = self.ends.saturating_sub(self.begins).max(1);
        now >= self.begins.saturating_add(any % room)
    }
}

/// Asks the authority when it wants a certificate renewed. `None`: it has no opinion.
pub fn renewal(host: &Host, auto: &Auto, chain: &str) -> Result<Option<Suggested>, Failure> {
    parse(&run(host, "renewal", bytes(&issued(host, auto, chain)), Duration::from_secs(30))?)
}

/// What a certificate is made for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// All that it is to be good for.
    pub names: &'a [String],
    /// The one it takes the place of, as PEM, where the same authority has made that.
    pub replaces: Option<String>,
}

/// Has a certificate made, or takes up an order that was killed.
pub fn order(host: &Host, front: &dokuen_core::Front, auto: &Auto, wanted: &Wanted<'_>) -> Result<Checked, Refused> {
    let challenge = match &auto.hook {
        Some(hook) => json!({"dns": hook}),
        None => json!({"http": host.challenges_dir()}),
    };
    let external = auto.eab_kid.as_ref().map(|id| json!({"id": id, "key": auto.eab_key}));
    let wish = json!({
        "directory": auto.directory,
        "root": auto.root,
        "accounts": host.acme_accounts_dir(),
        "email": auto.email,
        "external": external,
        "order": front.order_dir(),
        "names": wanted.names,
        "replaces": wanted.replaces,
        "challenge": challenge,
        "patience": PATIENCE,
    });
    Ok(parse(&run(host, "order", bytes(&wish), Duration::from_secs(3 * PATIENCE))?)?)
}

/// Takes a certificate back.
pub fn revoke(host: &Host, auto: &Auto, chain: &str) -> Result<(), Failure> {
    Ok(run(host, "revoke", bytes(&issued(host, auto, chain)), Duration::from_secs(60)).map(drop)?)
}

fn issued(host: &Host, auto: &Auto, chain: &str) -> Value {
    json!({
        "directory": auto.directory,
        "root": auto.root,
        "accounts": host.acme_accounts_dir(),
        "chain": chain,
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn parse<T: DeserializeOwned>(said: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(said)
        .map_err(|e| Failure::new(Exit::Failed, format!("dokuen-acme did not say what it was asked for: {e}")))
}

/// `dokuen-acme` has kept to an earlier answer of the authority, or has had such an answer (`EX_TEMPFAIL`).
const LATER: i32 = 75;

/// Its own words are the failure; one cause a line.
fn run(host: &Host, what: &str, input: Vec<u8>, limit: Duration) -> Result<Vec<u8>, Refused> {
    let program = Cmd::new(host.acme_program(), &host.conf.dokuen_dir).arg(what).stdin(input).limit(limit);
    match program.env("PATH", host.conf.search_path()).run() {
        Ok(output) => Ok(output.stdout),
        Err(CmdError::Failed { output, code, .. }) if !output.stderr.is_empty() => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let lines: Vec<&str> = said.lines().take(12).collect();
            let failure = Failure::new(Exit::Failed, lines.join("\n"));
            let later: Option<Later> = serde_json::from_slice(&output.stdout).ok().filter(|_| code == Some(LATER));
            Err(match later {
                None => Refused::Failed(failure),
                Some(Later { asked: true, until }) => Refused::PutOff(failure, until),
                Some(Later { asked: false, .. }) => Refused::NotYet(failure),
            })
        }
        Err(CmdError::Start { source, .. }) => {
            let text = format!("dokuen-acme is not installed beside dokuen: {source}");
            let failure = Failure::new(Exit::HostNotReady, text);
            Err(failure.hint(format!("dokuen setup {}", shown(&host.conf.dokuen_dir.to_string_lossy()))).into())
        }
        Err(other) => Err(Failure::from(other).into()),
    }
}

#[derive(Debug, Deserialize)]
struct Later {
    asked: bool,
    until: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_have_moments_of_their_own_in_what_the_authority_suggests() {
        let about = |fingerprint: &str| About {
            names: Vec::new(),
            issuer: String::new(),
            not_before: String::new(),
            not_after: String::new(),
            begins: 0,
            expires: 1000,
            fingerprint: fingerprint.to_owned(),
        };
        let window = |begins, ends| Suggested { begins, ends, why: None };
        let (first, later) = (about("0000000000"), about("0000003200"));
        for (window, about, from) in [
            (window(100, 200), &first, 100),
            (window(100, 200), &later, 150),
            (window(100, 100), &later, 100),
            (window(200, 100), &later, 200),
            (window(-60, 0), &later, -10),
        ] {
            assert!(!window.is_now(about, from - 1) && window.is_now(about, from), "{window:?}");
        }
        assert!(window(i64::MIN, i64::MAX).is_now(&about(""), 0) && !window(i64::MAX, i64::MIN).is_now(&later, 0));
    }
}
