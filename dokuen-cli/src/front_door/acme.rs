//! `dokuen-acme` at work: certificates checked, ordered and taken back by a program of its own, with JSON between.

use std::time::Duration;

use dokuen_core::cmd::{Cmd, CmdError};
use dokuen_core::{Host, shown};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::certs::Checked;
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
    let said = run(host, "check", pem.to_vec(), Duration::from_secs(20))?;
    parse(&said)
}

/// Has a certificate for these names made, or takes up an order that was killed.
pub fn order(host: &Host, front: &dokuen_core::Front, auto: &Auto, names: &[String]) -> Result<Checked, Failure> {
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
        "names": names,
        "challenge": challenge,
        "patience": PATIENCE,
    });
    parse(&run(host, "order", bytes(&wish), Duration::from_secs(3 * PATIENCE))?)
}

/// Takes a certificate back.
pub fn revoke(host: &Host, auto: &Auto, chain: &str) -> Result<(), Failure> {
    let wanted = json!({
        "directory": auto.directory,
        "root": auto.root,
        "accounts": host.acme_accounts_dir(),
        "chain": chain,
    });
    run(host, "revoke", bytes(&wanted), Duration::from_secs(60)).map(drop)
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn parse(said: &[u8]) -> Result<Checked, Failure> {
    serde_json::from_slice(said)
        .map_err(|e| Failure::new(Exit::Failed, format!("dokuen-acme gave no certificate: {e}")))
}

/// Its own words are the failure; one cause a line.
fn run(host: &Host, what: &str, input: Vec<u8>, limit: Duration) -> Result<Vec<u8>, Failure> {
    let program = Cmd::new(host.acme_program(), &host.conf.dokuen_dir).arg(what).stdin(input).limit(limit);
    match program.env("PATH", host.conf.search_path()).run() {
        Ok(output) => Ok(output.stdout),
        Err(CmdError::Failed { output, .. }) if !output.stderr.is_empty() => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let lines: Vec<&str> = said.lines().take(12).collect();
            Err(Failure::new(Exit::Failed, lines.join("\n")))
        }
        Err(CmdError::Start { source, .. }) => {
            let text = format!("dokuen-acme is not installed beside dokuen: {source}");
            Err(Failure::new(Exit::HostNotReady, text)
                .hint(format!("dokuen setup {}", shown(&host.conf.dokuen_dir.to_string_lossy()))))
        }
        Err(other) => Err(other.into()),
    }
}
