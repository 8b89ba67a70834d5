//! What a buildpack's `export` file sets for the buildpacks after it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Variables on top of the written list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exported(BTreeMap<OsString, OsString>);

impl Exported {
    /// Buildpacks that write the file with bash's own `export` leave `declare -x` in it, which no other shell knows.
    pub fn shell() -> &'static str {
        if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" }
    }

    /// For the shell, with the file behind: it reads it, and what it then would hand to a program is printed.
    pub const ARGS: [&str; 3] = ["-c", r#". "$1" >/dev/null && exec /usr/bin/env -0"#, "sh"];

    pub fn pairs(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// With the entries of `env -0`, except those that say where the shell was and those that stand for the build.
    pub fn with_printed(mut self, bytes: &[u8]) -> Self {
        for entry in bytes.split(|b| *b == 0) {
            let Some(at) = entry.iter().position(|b| *b == b'=') else { continue };
            let (name, value) = (OsStr::from_bytes(&entry[..at]), OsStr::from_bytes(&entry[at + 1..]));
            if !["PWD", "OLDPWD", "SHLVL", "_", "HOME", "TMPDIR"].iter().any(|own| name == OsStr::new(own)) {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_anything_and_the_shells_own_are_left_out() {
        let read = Exported::default().with_printed(b"A=1\0B=x=\ny\0PWD=/x\0_=/usr/bin/env\0HOME=/h\0nonsense\0");
        let pairs: Vec<_> = read.pairs().map(|(n, v)| (n.to_str().unwrap(), v.to_str().unwrap())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x=\ny")]);
    }
}
