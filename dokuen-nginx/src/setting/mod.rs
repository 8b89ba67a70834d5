//! Settings of nginx by name, with checked values: what may be said about one app, or about all.
//!
//! A value is text that passed the check of its setting; nothing else is ever rendered. Two sheets are laid over each
//! other, that of all apps below that of one, and each value remembers where it came from.

mod lines;
mod table;
mod value;

use std::collections::BTreeMap;

pub use table::{SETTINGS, Setting};

/// A name or a value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// There is no such setting.
    #[error("there is no setting {}", dokuen_core::shown(name))]
    Name {
        /// What was typed.
        name: String,
    },
    /// The value cannot be right.
    #[error("{name}: {} is not {wanted}", dokuen_core::shown(value))]
    Value {
        /// The setting.
        name: String,
        /// What was typed.
        value: String,
        /// What is.
        wanted: String,
    },
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// The sheet of all apps.
    All,
    /// The app's own sheet.
    App,
}

/// Values by setting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    values: BTreeMap<String, (String, Origin)>,
}

impl Settings {
    /// Sets a value after its check; `header.X-Frame-Options` is a setting of its own beside other headers.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), BadSetting> {
        let (setting, rest) = table::find(name).ok_or_else(|| BadSetting::Name { name: name.to_owned() })?;
        if !setting.takes(rest) {
            return Err(BadSetting::Name { name: name.to_owned() });
        }
        let checked = setting.check(value).ok_or_else(|| BadSetting::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            wanted: setting.wanted(),
        })?;
        self.unset(name);
        self.values.insert(name.to_owned(), (checked, Origin::App));
        Ok(())
    }

    /// With this value, as [`Settings::set`].
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, BadSetting> {
        self.set(name, value)?;
        Ok(self)
    }

    /// Takes a value back; `false` when there was none.
    pub fn unset(&mut self, name: &str) -> bool {
        self.values.extract_if(.., |other, _| is_same(other, name)).count() > 0
    }

    /// These, and where they say nothing what `all` says.
    pub fn over(mut self, all: &Self) -> Self {
        for (name, (value, _)) in &all.values {
            if !self.values.keys().any(|own| is_same(own, name)) {
                self.values.insert(name.clone(), (value.clone(), Origin::All));
            }
        }
        self
    }

    /// What was set here, by name.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, (value, _))| (name.as_str(), value.as_str()))
    }

    /// Everything that is in force, defaults too: name, value, and who said so.
    pub fn in_force(&self) -> Vec<(String, String, Origin)> {
        let mut all: BTreeMap<String, (String, Origin)> = self.values.clone();
        for setting in SETTINGS.iter().filter(|setting| !setting.is_family()) {
            let default = || (setting.default.to_owned(), Origin::Default);
            all.entry(setting.name.to_owned()).or_insert_with(default);
        }
        all.into_iter().map(|(name, (value, origin))| (name, value, origin)).collect()
    }

    /// The value in force. The name is one of the table's: a misspelt one has the empty value, and a test for each.
    pub(crate) fn get(&self, name: &str) -> &str {
        let default = || table::find(name).map_or("", |(setting, _)| setting.default);
        self.values.get(name).map_or_else(default, |(value, _)| value.as_str())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == "on"
    }

    /// The members of a family: `header.` gives each header's name and value.
    pub fn family<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(name, (value, _))| Some((name.strip_prefix(family)?, value.as_str())))
    }
}

/// Whether both name one setting: a header is the same in capitals and in small letters.
fn is_same(one: &str, other: &str) -> bool {
    let headers = |name: &str| name.starts_with("header.") || name.starts_with("request-header.");
    one == other || headers(one) && one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_setting_however_it_is_written() {
        let all = Settings::default().with("header.X-Frame-Options", "DENY").unwrap();
        let app = Settings::default().with("header.x-frame-options", "SAMEORIGIN").unwrap().over(&all);
        assert_eq!(app.given().collect::<Vec<_>>(), [("header.x-frame-options", "SAMEORIGIN")]);
        let mut again = app.with("header.X-FRAME-OPTIONS", "DENY").unwrap();
        assert_eq!(again.given().collect::<Vec<_>>(), [("header.X-FRAME-OPTIONS", "DENY")]);
        assert!(again.unset("header.X-Frame-Options") && !again.unset("header.X-Frame-Options"));
        // Paths and people are not.
        let two = Settings::default().with("static./a", "x").unwrap().with("static./A", "y").unwrap();
        assert_eq!(two.given().count(), 2);
    }

    #[test]
    fn a_refusal_says_what_would_be_taken() {
        for (name, value, said) in [
            ("proxy-buffers", "2", "proxy-buffers: \"2\" is not a whole number from 3 to 256"),
            ("tls", "old", "tls: \"old\" is not intermediate or modern"),
            ("access-log", "/etc", "access-log: \"/etc\" is not on, off, combined or json"),
        ] {
            assert_eq!(Settings::default().set(name, value).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn an_apps_own_word_counts_more_than_that_for_all_and_both_more_than_the_default() {
        let all = Settings::default().with("client-max-body-size", "1g").unwrap().with("gzip", "on").unwrap();
        let app = Settings::default().with("client-max-body-size", "5M").unwrap().over(&all);
        assert_eq!((app.get("client-max-body-size"), app.get("gzip"), app.get("websocket")), ("5m", "on", "on"));
        let rows = app.in_force();
        let origin = |name: &str| rows.iter().find(|row| row.0 == name).unwrap().2;
        assert_eq!(
            (origin("client-max-body-size"), origin("gzip"), origin("websocket")),
            (Origin::App, Origin::All, Origin::Default)
        );
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for setting in SETTINGS.iter().filter(|setting| !setting.is_family() && !setting.default.is_empty()) {
            assert_eq!(setting.check(setting.default).as_deref(), Some(setting.default), "{}", setting.name);
        }
    }

    #[test]
    fn values_that_are_configuration_code_are_refused() {
        for (name, value) in [
            ("client-max-body-size", "1m; } server {"),
            ("client-max-body-size", ""),
            ("client-max-body-size", "-1"),
            ("client-max-body-size", "99999999999g"),
            ("client-max-body-size", "1\u{663}m"),
            ("proxy-read-timeout", "0s"),
            ("proxy-read-timeout", "1y"),
            // nginx takes no milliseconds for these: the random sites found it.
            ("cache", "1ms"),
            ("static-expires", "500ms"),
            ("proxy-read-timeout", "400d"),
            ("proxy-buffers", "2"),
            ("proxy-buffer-size", "2m"),
            ("websocket", "maybe"),
            ("header.X-A", "a\r\nSet-Cookie: x"),
            ("header.X-A", "$request_uri"),
            ("header.X-A", "\u{fc}"),
            ("header.Content-Length", "1"),
            ("header.X A", "1"),
            ("header.", "1"),
            ("request-header.Host", "x"),
            ("request-header.X-Forwarded-For", "x"),
            ("allow", "10.0.0.0/33"),
            ("allow", "all"),
            ("deny", "::/129"),
            ("rate-limit", "10"),
            ("rate-limit", "0r/s"),
            ("rate-limit", "10r/s burst=x"),
            ("hsts", "forever"),
            ("hsts", "1h preload"),
            ("static./", "public"),
            ("static./a/../b", "public"),
            ("static./.well-known/x", "public"),
            ("static./assets", "../../etc"),
            ("static./assets", "/etc"),
            ("static./assets", "a b"),
            ("basic-auth.alice", "plain"),
            ("basic-auth.a:b", "$6$abcdefgh$abcdefghijklmnop"),
            ("gzip-types", "text/css; }"),
            ("access-log", "/etc/passwd"),
            ("nothing", "1"),
        ] {
            assert!(Settings::default().set(name, value).is_err(), "{name}={value}");
        }
    }
}
