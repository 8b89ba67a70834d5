//! A client that people trust: curl, with every name leading to this machine.

use std::path::Path;

use crate::host::Host;
use crate::outcome::{Outcome, run};

/// What curl says: the status, the head, the body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// `curl URL`, whose port is nginx's; a header is `NAME: VALUE`.
pub fn curl(host: &Host, url: &str, more: &[&str]) -> Answer {
    let outcome = try_curl(host, url, more).ok();
    let text = outcome.out();
    let mut rest = text.as_str();
    let mut head = "";
    // An interim answer, 100, comes first.
    while rest.starts_with("HTTP/") {
        (head, rest) = rest.split_once("\r\n\r\n").unwrap();
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase() + "\r\n", body: rest.to_owned() }
}

pub fn try_curl(host: &Host, url: &str, more: &[&str]) -> Outcome {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (name, path) = rest.split_once('/').unwrap();
    let at = if scheme == "https" { host.https() } else { host.listen() };
    let mut command = host.command("curl");
    command.args(["-sS", "-i", "--max-time", "30", "--connect-to", &format!("::{at}")]);
    run(command.args(more).arg(format!("{scheme}://{name}:{}/{path}", at.port())), b"", None)
}

/// As [`curl`], over https, believing only this certificate.
pub fn secure(host: &Host, root: &Path, url: &str, more: &[&str]) -> Answer {
    let root = root.display().to_string();
    curl(host, url, &[&["--cacert", &root][..], more].concat())
}
