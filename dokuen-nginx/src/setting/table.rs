//! The table of settings: name, kind of value, default, and a line for people.

use super::value::{self, Kind};

/// A setting that an app, or all of them, can be given.
#[derive(Debug)]
pub struct Setting {
    /// As it is typed; one that ends in a dot is a family, and what follows the dot is a name of its own.
    pub name: &'static str,
    /// What is in force when nobody says anything; empty: nothing.
    pub default: &'static str,
    /// What it is for, in a line.
    pub about: &'static str,
    kind: Kind,
}

impl Setting {
    /// Whether its name goes on after the dot.
    pub fn is_family(&self) -> bool {
        self.name.ends_with('.')
    }

    /// What a value has to be, in words.
    pub fn wanted(&self) -> String {
        self.kind.wanted()
    }

    pub(super) fn check(&self, value: &str) -> Option<String> {
        self.kind.check(value)
    }

    /// Whether this may follow the dot of a family.
    pub(super) fn takes(&self, rest: &str) -> bool {
        match self.name {
            "header." => value::is_header(rest) && !value::is_among(rest, KEPT_FOR_ANSWERS),
            "request-header." => value::is_header(rest) && !value::is_among(rest, KEPT_FOR_REQUESTS),
            "static." => value::is_prefix(rest),
            "basic-auth." => value::is_user(rest),
            _ => rest.is_empty(),
        }
    }
}

/// The setting of this name, and what follows the dot of a family.
pub(super) fn find(name: &str) -> Option<(&'static Setting, &str)> {
    let fits =
        |setting: &&Setting| if setting.is_family() { name.starts_with(setting.name) } else { name == setting.name };
    let setting = SETTINGS.iter().find(fits)?;
    Some((setting, &name[setting.name.len()..]))
}

/// Framing belongs to nginx: a second opinion on it is how requests are smuggled.
const KEPT_FOR_ANSWERS: &[&str] =
    &["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "date", "server", "trailer", "te"];
const KEPT_FOR_REQUESTS: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "forwarded",
    "proxy",
    "x-real-ip",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
];

const fn row(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting { name, kind, default, about }
}

/// Every setting there is.
pub static SETTINGS: &[Setting] = &[
    row("client-max-body-size", Kind::Size, "100m", "the largest request; 0: any"),
    row("client-body-timeout", Kind::Time, "60s", "how long a client may pause within a request"),
    row("send-timeout", Kind::Time, "60s", "how long a client may pause within an answer"),
    row("keepalive-timeout", Kind::Time, "75s", "how long an idle client's connection is kept"),
    row("proxy-read-timeout", Kind::Time, "60s", "how long the app may pause within an answer"),
    row("proxy-send-timeout", Kind::Time, "60s", "how long the app may pause in reading a request"),
    row("proxy-buffering", Kind::Switch, "on", "collect an answer before a slow client has read it; off for streams"),
    row("proxy-request-buffering", Kind::Switch, "on", "collect a request before the app is bothered with it"),
    row("proxy-buffer-size", Kind::Buffer, "16k", "a buffer of an answer; its head must fit into one"),
    row("proxy-buffers", Kind::Count(3, 256), "8", "how many buffers an answer may take"),
    row("websocket", Kind::Switch, "on", "pass WebSocket upgrades on"),
    row("gzip", Kind::Switch, "off", "compress answers"),
    row("gzip-types", Kind::Types, GZIP_TYPES, "which types are compressed besides text/html"),
    row("gzip-min-length", Kind::Count(0, 1_000_000_000), "1024", "answers below so many bytes are left as they are"),
    row("allow", Kind::Addresses, "", "addresses that may come in, all others may not"),
    row("deny", Kind::Addresses, "", "addresses that may not come in"),
    row("rate-limit", Kind::Rate, "", "requests that one address may make"),
    row("connection-limit", Kind::Count(1, 65_535), "", "connections that one address may have"),
    row("basic-auth.", Kind::Hash, "", "a person who may come in, with a password"),
    row("header.", Kind::Text, "", "a header that every answer has; empty: one that no answer has"),
    row("request-header.", Kind::Text, "", "a header that the app sees on every request; empty: on none"),
    row("static.", Kind::Tree, "", "a directory of the release whose files nginx answers with itself"),
    row("static-expires", Kind::Seconds, "", "how long clients may keep those files"),
    row("cache", Kind::Seconds, "", "how long nginx keeps answers to requests without cookie or authorization"),
    row(
        "access-log",
        Kind::OneOf(&["on", "off", "combined", "json"]),
        "on",
        "on: with all others'; combined, json: a file of its own",
    ),
    row("hsts", Kind::Hsts, "off", "how long browsers shall insist on https"),
    row("tls", Kind::OneOf(&["intermediate", "modern"]), "intermediate", "modern: TLS 1.3 alone"),
    row("http3", Kind::Switch, "off", "HTTP/3 too, where this nginx has it"),
    row("ocsp-stapling", Kind::Switch, "off", "for authorities that still have OCSP"),
];

const GZIP_TYPES: &str = "text/css text/plain text/xml text/javascript application/javascript application/json \
                          application/xml image/svg+xml";
