//! Webhooks: where to, of which events, and the secret that signs. One file each, 0600, of the host or of an app.

use std::path::PathBuf;

use dokuen_core::{App, Host, fs, shown};
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// A webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where the event is posted; it may hold a secret.
    pub url: String,
    /// Kinds of events; all of them when there are none.
    pub events: Vec<String>,
    /// What the body is signed with.
    pub secret: String,
}

/// Kinds of events that a webhook may be narrowed to.
const KINDS: [&str; 14] = [
    "deploy", "crash", "config", "scale", "restart", "rollback", "create", "apps", "shutdown", "boot", "certs",
    "domains", "storage", "cron",
];

/// A longer URL is refused.
const LONGEST: usize = 2000;
/// Every event is told to each of them.
const MOST: usize = 20;

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({}, {:?})", self.shown(), self.events)
    }
}

impl Webhook {
    /// A new one with a secret of its own.
    pub fn new(url: &str, events: Vec<String>) -> Result<Self, Failure> {
        Ok(Self { url: checked(url)?, events, secret: fresh_secret()? })
    }

    /// Whether one that comes from elsewhere is as it could have been made here.
    pub fn check(&self) -> Result<(), Failure> {
        checked(&self.url)?;
        let secret = self.secret.len() <= LONGEST && self.secret.bytes().all(|b| b.is_ascii_graphic());
        if !secret {
            return Err(Failure::usage("a webhook's secret is text of one line"));
        }
        match checked_kinds(&self.events)? == self.events {
            true => Ok(()),
            false => Err(Failure::usage("a webhook's kinds of events are in order, each once")),
        }
    }

    /// Whether it is to hear of such an event.
    pub fn is_for(&self, kind: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|event| event == kind)
    }

    /// As much of its URL as everybody may read: paths and queries of webhooks are secrets.
    pub fn shown(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let more = if rest.len() > authority.len() { "/..." } else { "" };
        format!("{scheme}://{host}{more}")
    }
}

/// The message holds nothing of the URL: it may be a secret.
fn checked(url: &str) -> Result<String, Failure> {
    let url = url.trim();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = url.len() <= LONGEST && url.bytes().all(|b| b.is_ascii_graphic());
    let has_host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
    if plain && has_host {
        return Ok(url.to_owned());
    }
    let text = format!("a webhook's URL begins with https:// or http:// and a host, in ASCII, at most {LONGEST} bytes");
    Err(Failure::usage(text))
}

/// Kinds as they are typed, with commas or one by one.
pub fn checked_kinds(words: &[String]) -> Result<Vec<String>, Failure> {
    let mut kinds: Vec<String> = Vec::new();
    for word in words.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty()) {
        if !KINDS.contains(&word) {
            return Err(Failure::usage(format!("{} is no kind of event: {}", shown(word), KINDS.join(", "))));
        }
        kinds.push(word.to_owned());
    }
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

fn fresh_secret() -> Result<String, Failure> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Failure::new(Exit::Failed, "the system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Those of the host, or of one app.
#[derive(Debug)]
pub struct Webhooks {
    dir: PathBuf,
    whose: String,
}

impl Webhooks {
    /// Of every event of the host.
    pub fn of_host(host: &Host) -> Self {
        Self { dir: host.webhooks_dir(), whose: String::new() }
    }

    /// Of the events of an app; they go with it.
    pub fn of_app(app: &App) -> Self {
        Self { dir: app.webhooks_dir(), whose: format!("{} ", app.name) }
    }

    /// What the log calls one.
    pub fn label(&self, id: &str) -> String {
        format!("{}webhook {id}", self.whose)
    }

    /// By number.
    pub fn all(&self) -> Result<Vec<(String, Webhook)>, Failure> {
        let mut ids: Vec<u32> = fs::names(&self.dir)?.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        let read = |id: u32| {
            let path = self.dir.join(id.to_string());
            let Some(bytes) = fs::read_if_there(&path)? else { return Ok(None) };
            let parsed = fs::at("read", &path, serde_json::from_slice(&bytes).map_err(std::io::Error::other))?;
            Ok(Some((id.to_string(), parsed)))
        };
        ids.into_iter().filter_map(|id| read(id).transpose()).collect()
    }

    /// Keeps one more and says its number.
    pub fn add(&self, webhook: &Webhook) -> Result<String, Failure> {
        let all = self.all()?;
        if all.len() >= MOST {
            return Err(Failure::usage(format!("there are {MOST} webhooks already; remove one first")));
        }
        let id = all.last().and_then(|(id, _)| id.parse::<u32>().ok()).unwrap_or(0) + 1;
        fs::make_dirs(&self.dir, fs::PRIVATE_DIR)?;
        let bytes = serde_json::to_vec(webhook).expect("text has a JSON form");
        fs::replace(&self.dir.join(id.to_string()), &bytes, fs::PRIVATE_FILE)?;
        Ok(id.to_string())
    }

    /// Forgets one.
    pub fn remove(&self, id: &str) -> Result<(), Failure> {
        if !self.all()?.iter().any(|(known, _)| known == id) {
            return Err(
                Failure::new(Exit::NotFound, format!("there is no webhook {}", shown(id))).hint("dokuen webhooks")
            );
        }
        Ok(fs::remove(&self.dir.join(id))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_http_and_what_is_shown_of_them_is_no_secret() {
        for (url, shows) in [
            ("https://hooks.test/T0/secret", "https://hooks.test/..."),
            ("http://user:pass@127.0.0.1:80?token=x", "http://127.0.0.1:80/..."),
            ("https://x.test", "https://x.test"),
        ] {
            let webhook = Webhook::new(url, vec![]).unwrap();
            assert_eq!(webhook.shown(), shows);
            assert!(!format!("{webhook:?}").contains(&webhook.secret));
        }
        let long = format!("https://x/{}", "a".repeat(2000));
        for bad in [
            "",
            "x",
            "ftp://x",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://a b",
            "https://a\nb",
            "-K/x",
            &long,
        ] {
            let error = Webhook::new(bad, vec![]).unwrap_err().to_string();
            assert!(error.starts_with("a webhook's URL begins with"), "{error}");
        }
    }

    #[test]
    fn kinds_are_known_words() {
        let words = ["deploy,crash".to_owned(), "deploy".to_owned()];
        assert_eq!(checked_kinds(&words).unwrap(), ["crash", "deploy"]);
        assert!(checked_kinds(&["deplyo".to_owned()]).is_err());
        assert!(checked_kinds(&[]).unwrap().is_empty());
    }
}
