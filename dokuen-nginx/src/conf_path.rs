//! Paths that may stand between quotes in an nginx configuration.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

/// An absolute path that means itself to nginx when it is written between double quotes.
///
/// Spaces are fine there. What ends a string, names a variable or is a pattern of `include` is refused, since a path
/// is configuration code just as a domain is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfPath(String);

/// A path that cannot be written into an nginx configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot stand in an nginx configuration: {why}", path.display())]
pub struct BadPath {
    path: PathBuf,
    why: String,
}

impl ConfPath {
    /// Checks `path`; it need not exist.
    pub fn new(path: &Path) -> Result<Self, BadPath> {
        let refuse = |why: String| Err(BadPath { path: path.to_owned(), why });
        let Some(text) = path.to_str() else { return refuse("it is not UTF-8".to_owned()) };
        if !path.is_absolute() {
            return refuse("it is not absolute".to_owned());
        }
        match text.chars().find(|c| c.is_control() || FORBIDDEN.contains(*c)) {
            Some(c) => refuse(format!("it holds {c:?}")),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// A place below this path, `None` where that cannot stand in a configuration or is elsewhere (`/etc`, `../x`).
    pub fn join(&self, name: &str) -> Option<Self> {
        let below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        Self::new(&self.as_path().join(name)).ok().filter(|_| below)
    }

    /// The path as the system knows it.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for ConfPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const FORBIDDEN: &str = "\"'\\$`{};*?[]#";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_mean_themselves_pass() {
        for good in ["/", "/run/dokuen/hello/live", "/a b/c", "/\u{fc}/x@y+z,~=%:"] {
            assert_eq!(ConfPath::new(Path::new(good)).unwrap().to_string(), good);
        }
        for bad in [
            "", "a", "/a\"b", "/a'b", "/a\\b", "/$host", "/a;b", "/{", "/}", "/*", "/?", "/[a]", "/#", "/a\nb", "/a\0b",
        ] {
            assert!(ConfPath::new(Path::new(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_joined_stays_below() {
        let path = ConfPath::new(Path::new("/srv")).unwrap();
        assert_eq!(path.join("a/b c").unwrap().to_string(), "/srv/a/b c");
        for bad in ["/etc", "../etc", "a/../../etc", "a;b", "$a"] {
            assert_eq!(path.join(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_refusal_says_what_is_wrong() {
        let said = ConfPath::new(Path::new("/a;b")).unwrap_err().to_string();
        assert_eq!(said, "`/a;b` cannot stand in an nginx configuration: it holds ';'");
    }
}
