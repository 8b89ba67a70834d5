//! What this nginx is able to do.

/// The release of an nginx, as `nginx -v` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
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
