//! What this nginx is able to do.

/// What an nginx is: its release, and what it was built with, as `nginx -V` says it. The default is one of which nothing
/// is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Build {
    /// Its release; `None` for forks.
    pub version: Option<Version>,
    /// Whether it was built with HTTP/3, and is new enough for that to be trusted.
    pub http3: bool,
}

impl Build {
    /// From all that `nginx -V` says.
    pub fn parse(said: &str) -> Self {
        let version = Version::parse(said);
        let built = said.split_whitespace().any(|word| word == "--with-http_v3_module");
        Self { version, http3: built && version.is_some_and(|version| version >= Version(1, 25, 0)) }
    }

    pub(crate) fn knows(self, what: fn(Version) -> bool) -> bool {
        self.version.is_some_and(what)
    }
}

impl From<Version> for Build {
    /// That release, with nothing that is optional.
    fn from(version: Version) -> Self {
        Self { version: Some(version), http3: false }
    }
}

/// The release of an nginx, as `nginx -v` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The oldest that takes what Dokuen writes: the first whose upstreams have a `keepalive_timeout`.
    pub const OLDEST: Self = Self(1, 15, 3);

    /// From `nginx version: nginx/1.22.1`. A fork that numbers its releases its own way has no version here.
    pub fn parse(said: &str) -> Option<Self> {
        let word = said.split_whitespace().find_map(|word| word.strip_prefix("nginx/"))?;
        let mut numbers = word.split('.').map(|part| part.parse().ok());
        let version = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// Whether HTTP/2 is switched on by a directive of its own; before, by a word behind `listen`, which now warns.
    pub fn has_http2_directive(self) -> bool {
        self >= Self(1, 25, 1)
    }

    /// Whether it can refuse a handshake for a name that nobody has.
    pub fn can_reject_handshakes(self) -> bool {
        self >= Self(1, 19, 4)
    }

    /// Whether a connection that is kept to an upstream can be given up after so long, however busy it is.
    pub fn has_keepalive_time(self) -> bool {
        self >= Self(1, 19, 10)
    }

    /// Whether an idle connection can be given a moment to be used once more before a reload closes it; without that,
    /// one or two requests fail in each reload.
    pub fn has_keepalive_min_timeout(self) -> bool {
        self >= Self(1, 27, 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http3_is_what_was_built_in_and_not_too_old() {
        for (said, http3) in [
            ("nginx version: nginx/1.28.3\nconfigure arguments: --with-http_ssl_module --with-http_v3_module", true),
            ("nginx version: nginx/1.28.3\nconfigure arguments: --with-http_ssl_module", false),
            ("nginx version: nginx/1.23.3 (nginx-quic)\nconfigure arguments: --with-http_v3_module", false),
            ("nginx version: openresty/1.27.1.1\nconfigure arguments: --with-http_v3_module", false),
        ] {
            assert_eq!(Build::parse(said).http3, http3, "{said}");
        }
    }

    #[test]
    fn only_an_nginx_that_knows_it_is_given_keepalive_min_timeout() {
        for (said, knows) in [
            ("nginx version: nginx/1.22.1\n", Some(false)),
            ("nginx version: nginx/1.27.3", Some(false)),
            ("nginx version: nginx/1.27.4", Some(true)),
            ("nginx version: nginx/1.28.3 (Ubuntu)", Some(true)),
            ("nginx version: nginx/2.0.0", Some(true)),
            ("nginx version: openresty/1.27.4.1", None),
            ("Tengine version: Tengine/3.1.0", None),
            ("nginx version: nginx/1.28", None),
            ("nginx version: nginx/1.28.x", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(said).map(Version::has_keepalive_min_timeout), knows, "{said}");
        }
    }
}
