//! Host names that may stand in an nginx `server_name`.

use std::fmt;

use crate::name::BadName;

/// A host name in lower case, as DNS allows it: labels of letters, digits and inner hyphens, 253 bytes in all.
///
/// Nothing that means something to nginx (wildcards, regular expressions, `_`, a leading dot) is a domain here:
/// a `server_name` is nginx code, and only this type reaches the template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// Checks and lower-cases `input`. A name of digits only is refused: it would be an address.
    pub fn parse(input: &str) -> Result<Self, BadName> {
        let name = input.to_ascii_lowercase();
        let labels_ok = name.split('.').all(is_label);
        let last_is_name = name.rsplit('.').next().is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()));
        if labels_ok && last_is_name && name.len() <= 253 {
            return Ok(Self(name));
        }
        Err(BadName::new("domain", input, ALLOWED))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `app.base`: the name every app has without asking.
    pub fn of_app(app: &crate::AppName, base: &Domain) -> Result<Self, BadName> {
        Self::parse(&format!("{app}.{base}"))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const ALLOWED: &str =
    "labels of a-z, 0-9 and inner \"-\", at most 63 characters each and 253 in all; other scripts as xn--...";

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_host_names_pass() {
        for good in ["localhost", "a.example", "WWW.Example.org", "xn--nxasmq6b.example", "1.a"] {
            assert!(Domain::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "", ".", "a.", ".a", "*", "*.a", "_", "~^.*$", "a;b", "a b", "a\r", "$host", "1234", "1.2.3.4", "-a.b",
            "a:80", "http://a", "\u{fc}.a", &long,
        ] {
            assert!(Domain::parse(bad).is_err(), "{bad:?}");
        }
    }
}
