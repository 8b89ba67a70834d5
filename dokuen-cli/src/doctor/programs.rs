//! The programs that Dokuen calls, and git's release.

use std::path::Path;

use dokuen_core::Host;
use dokuen_core::cmd::Cmd;

use super::{Check, Finding, find_program, install};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "programs", look, fix: None };

/// git is told things by `GIT_CONFIG_COUNT`, which older ones do not hear.
const GIT: (u32, u32) = (2, 31);

/// Name, package, what for; and whether nothing works without.
const NEEDED: [(&str, &str, &str, bool); 5] = [
    ("git", "git", "pushes", true),
    ("nice", "coreutils", "removing old releases", true),
    ("ps", "procps", "the memory and processor time of processes", false),
    ("ssh-keygen", "openssh-client", "fingerprints of keys", false),
    ("curl", "curl", "buildpacks that fetch something", false),
];

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for (name, package, purpose, needed) in NEEDED {
        let says = format!("there is no {name}, which is for {purpose}");
        match find_program(host, name) {
            Some(path) if name == "git" => found.push(git(&path)?),
            Some(_) => {}
            None if needed => found.push(Finding::problem(says, install(package))),
            None => found.push(Finding::warning(says, install(package))),
        }
    }
    Ok(found)
}

fn git(path: &Path) -> Result<Finding, Failure> {
    let said = Cmd::new(path, Path::new("/")).arg("--version").run()?.stdout;
    let text = String::from_utf8_lossy(&said).trim().to_owned();
    let (major, minor) = GIT;
    Ok(match release(&text) {
        Some(release) if release >= GIT => Finding::ok(text),
        Some(_) => Finding::problem(format!("{text} is older than {major}.{minor}"), install("git")),
        None => Finding::unknown(format!("{text:?} names no release that is known; {major}.{minor} is needed")),
    })
}

fn release(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_git_are_read() {
        for (said, release_is) in [
            ("git version 2.39.5", Some((2, 39))),
            ("git version 2.39.3 (Apple Git-146)", Some((2, 39))),
            ("git version 2.9", Some((2, 9))),
            ("git 2.39", None),
        ] {
            assert_eq!(release(said), release_is, "{said}");
        }
    }
}
