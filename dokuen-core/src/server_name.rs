//! What may stand behind nginx's `server_name`: a host name, or all names below one.

use std::fmt;

use crate::domain::Domain;
use crate::name::BadName;

/// A host name, or `*.` and a host name of at least two labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerName {
    /// This name.
    Exact(Domain),
    /// Every name that has one label or more before this one.
    Below(Domain),
}

impl ServerName {
    /// Reads `example.org` or `*.example.org`.
    pub fn parse(input: &str) -> Result<Self, BadName> {
        let Some(base) = input.strip_prefix("*.") else { return Domain::parse(input).map(Self::Exact) };
        match Domain::parse(base) {
            Ok(base) if base.as_str().contains('.') => Ok(Self::Below(base)),
            _ => Err(BadName::new("wildcard", input, "\"*.\" and then a domain of at least two labels")),
        }
    }

    /// The domain, without the `*.` of a wildcard.
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Exact(domain) | Self::Below(domain) => domain,
        }
    }

    /// Whether it stands for more than one name.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Below(_))
    }

    /// Whether a certificate for this name (whose `*` is one label, RFC 6125) is good for all of `other`. A wildcard of
    /// nginx reaches deeper than one of a certificate: names two labels below are not covered, and nobody is told so
    /// but the client who asks for one.
    pub fn certifies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(base), Self::Exact(name)) => {
                name.as_str().split_once('.').is_some_and(|(_, rest)| rest == base.as_str())
            }
            _ => self == other,
        }
    }
}

impl From<Domain> for ServerName {
    fn from(domain: Domain) -> Self {
        Self::Exact(domain)
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(domain) => f.pad(domain.as_str()),
            Self::Below(domain) => f.pad(&format!("*.{domain}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_before_two_labels_at_least() {
        for good in ["a.example", "*.example.org", "*.a.example.org", "localhost"] {
            assert_eq!(ServerName::parse(good).unwrap().to_string(), good);
        }
        for bad in ["*", "*.", "*.org", "*.*.x.org", "a.*.org", "*a.example.org", ".example.org", "*.1.2", ""] {
            assert!(ServerName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_certificates_wildcard_is_one_label() {
        for (cert, name, good) in [
            ("a.example", "a.example", true),
            ("*.a.example", "b.a.example", true),
            ("*.a.example", "*.a.example", true),
            ("*.a.example", "a.example", false),
            ("*.a.example", "c.b.a.example", false),
            ("a.example", "*.a.example", false),
        ] {
            let (cert, name) = (ServerName::parse(cert).unwrap(), ServerName::parse(name).unwrap());
            assert_eq!(cert.certifies(&name), good, "{cert} {name}");
        }
    }
}
