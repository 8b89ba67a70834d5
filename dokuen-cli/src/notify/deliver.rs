//! One POST to one webhook, by the machine's curl: TLS and its roots are the machine's to keep up to date, and no HTTP
//! client is linked for it. URL, body and signature go in by standard input: nothing of them stands in an argv.

use std::path::Path;
use std::time::Duration;

use dokuen_core::Host;
use dokuen_core::cmd::{Cmd, CmdError};
use ring::hmac;

use super::{Told, Webhook};

/// All tries together.
const LIMIT: Duration = Duration::from_secs(180);

/// Fixed words: no conf of the account's, no redirects, nothing but HTTP.
const ARGS: [&str; 14] = [
    "--disable",
    "--globoff",
    "--silent",
    "--show-error",
    "--proto",
    "=http,https",
    "--connect-timeout",
    "5",
    "--max-time",
    "15",
    "--output",
    "/dev/null",
    "--config",
    "-",
];
/// A few tries with growing pauses.
const PATIENTLY: [&str; 6] = ["--fail", "--retry", "4", "--retry-all-errors", "--retry-max-time", "90"];

/// Posts the event and says in words how that went.
pub fn deliver(host: &Host, webhook: &Webhook, told: &Told) -> String {
    match curl(host, webhook, told).args(PATIENTLY).run() {
        Ok(_) => format!("{} was told", told.kind),
        // The argv of it says nothing, and its last words are enough.
        Err(CmdError::Failed { tail, .. }) => format!("{} could not be told{tail}", told.kind),
        Err(other) => format!("{} could not be told: {other}", told.kind),
    }
}

/// Posts the event once: the status of the answer, or why there was none.
pub fn once(host: &Host, webhook: &Webhook, told: &Told) -> Result<u16, String> {
    match curl(host, webhook, told).args(["--write-out", "%{http_code}"]).run() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            said.trim().parse().map_err(|_| "it gave no HTTP status".to_owned())
        }
        Err(CmdError::Failed { tail, .. }) => Err(tail.trim_start_matches([':', ' ']).to_owned()),
        Err(other) => Err(other.to_string()),
    }
}

fn curl(host: &Host, webhook: &Webhook, told: &Told) -> Cmd {
    let curl = Cmd::new("curl", Path::new("/")).args(ARGS).env("PATH", host.conf.search_path());
    curl.stdin(config(webhook, told)).limit(LIMIT)
}

fn config(webhook: &Webhook, told: &Told) -> String {
    let signature = signature(&webhook.secret, told.body.as_bytes());
    format!(
        "url = {}\nrequest = POST\nheader = \"Content-Type: application/json\"\nheader = \"User-Agent: dokuen\"\n\
         header = {}\nheader = {}\ndata-raw = {}\n",
        quoted(&webhook.url),
        quoted(&format!("X-Dokuen-Event: {}", told.kind)),
        quoted(&format!("X-Dokuen-Signature: sha256={signature}")),
        quoted(&told.body),
    )
}

/// As curl's own files of options have it. JSON and a checked URL hold no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// HMAC-SHA256 of the body, in hexadecimal.
fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Its second case.
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), wanted);
    }

    #[test]
    fn what_is_told_cannot_become_an_option() {
        let webhook = Webhook { url: "https://x.test/a\"b".to_owned(), events: vec![], secret: "s".to_owned() };
        let body = r#"{"what":"a\"\nb"}"#.to_owned();
        let told = Told { kind: "deploy".to_owned(), app: None, body };
        let config = config(&webhook, &told);
        assert!(config.starts_with("url = \"https://x.test/a\\\"b\"\n"), "{config}");
        assert!(config.ends_with("data-raw = \"{\\\"what\\\":\\\"a\\\\\\\"\\\\nb\\\"}\"\n"), "{config}");
        assert_eq!(config.lines().count(), 7, "{config}");
    }
}
