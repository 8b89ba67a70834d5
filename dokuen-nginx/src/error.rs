//! What can go wrong, in nginx's own words where it said something.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::LockError;
use dokuen_core::cmd::CmdError;
use dokuen_core::fs::FsError;

use crate::conf_path::BadPath;

/// A change of nginx that did not happen. What was in force before still is.
#[derive(Debug, thiserror::Error)]
pub enum NginxError {
    /// There is no nginx in any of the usual places.
    #[error("nginx is not installed: not found in {searched}")]
    NotInstalled {
        /// Where it was looked for.
        searched: String,
    },
    /// A path that cannot be written into a configuration.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// The account nginx was to run as.
    #[error("there is no account `{name}` that nginx could run as")]
    Account {
        /// Its name.
        name: String,
    },
    /// A template that could not be filled.
    #[error("failed to render the nginx {name}")]
    Render {
        /// Which one.
        name: &'static str,
        /// The template engine's words.
        source: Box<handlebars::RenderError>,
    },
    /// An admin's template that could not be filled.
    #[error("failed to render the nginx template of this app")]
    Template {
        /// The template engine's words.
        source: Box<handlebars::RenderError>,
    },
    /// An admin's template by which no change could be proven.
    #[error("the nginx template of this app must hold {{{{> own}}}} in each server")]
    NoProof,
    /// A name that another app has.
    #[error("{name} belongs to another app: it stands in {}", shown(file))]
    Taken {
        /// The name.
        name: String,
        /// Where it stands.
        file: PathBuf,
    },
    /// nginx does not accept a file.
    #[error("nginx rejected {}", shown(file))]
    Refused {
        /// The file, where it stands or would have stood.
        file: PathBuf,
        /// nginx's `[emerg]` line.
        source: Complaint,
    },
    /// nginx could not be told to reload.
    #[error("failed to reload nginx")]
    Reload {
        /// nginx's or sudo's words.
        source: Complaint,
    },
    /// nginx was told to reload and went on as before: `nginx -s reload` succeeds even then.
    #[error("nginx did not answer for {domain} as {} says within {} s", shown(file), after.as_secs())]
    NotProven {
        /// The file whose text is not in force.
        file: PathBuf,
        /// The name that was asked for.
        domain: String,
        /// How long it was waited for.
        after: Duration,
        /// What nginx logged meanwhile, where its log can be read.
        source: Option<Complaint>,
    },
    /// nginx runs, and would not start again.
    #[error("nginx does not accept the configuration of this machine")]
    Unfit {
        /// nginx's words.
        source: Complaint,
    },
    /// nginx would start again without our files.
    #[error("nginx does not include {}", shown(file))]
    NotIncluded {
        /// The first of them.
        file: PathBuf,
    },
    /// Dokuen's own nginx did not come up.
    #[error("failed to start nginx")]
    NotStarted {
        /// The end of its standard error.
        source: Complaint,
    },
    /// Dokuen's own nginx did not go.
    #[error("nginx did not stop within {} s", after.as_secs())]
    NotStopped {
        /// How long it was waited for.
        after: Duration,
    },
    /// nginx could not be run.
    #[error(transparent)]
    Run(Box<CmdError>),
    /// A file of nginx could not be read or written.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The lock on nginx's files could not be had.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl From<CmdError> for NginxError {
    fn from(error: CmdError) -> Self {
        Self::Run(Box::new(error))
    }
}

/// nginx's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Complaint {
    /// `unknown directive "servr" in line 3`
    pub text: String,
    /// The file it is about, where nginx named one.
    pub file: Option<PathBuf>,
}

impl Complaint {
    /// The first `[emerg]` in what nginx wrote; it stops there.
    pub fn emerg(said: &str) -> Option<Self> {
        let line = said.lines().find_map(|line| line.split_once("[emerg] "))?.1;
        // In its log and once its log is open, nginx puts `pid#thread: ` before the text.
        let line = match line.split_once(": ") {
            Some((who, text)) if who.bytes().all(|b| b.is_ascii_digit() || b == b'#') => text,
            _ => line,
        };
        Some(located(line).unwrap_or_else(|| Self { text: line.to_owned(), file: None }))
    }

    /// The `[emerg]` line, or else the end of what was written.
    pub fn any(said: &str) -> Self {
        let last = || said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        Self::emerg(said).unwrap_or_else(|| Self { text: last(), file: None })
    }
}

/// `TEXT in FILE:LINE`, as nginx ends what it says about a file.
fn located(line: &str) -> Option<Complaint> {
    let (rest, number) = line.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    let (text, file) = rest.rsplit_once(" in /")?;
    Some(Complaint { text: format!("{text} in line {number}"), file: Some(Path::new("/").join(file)) })
}

/// The file as people know it: the last directory and the name.
fn shown(file: &Path) -> String {
    let mut parts: Vec<_> = file.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
    parts.reverse();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginxs_words_are_found_and_shortened() {
        for (said, text, file) in [
            (
                "nginx: [emerg] unknown directive \"servr\" in /d/nginx/a.conf:3\nnginx: test failed",
                "unknown directive \"servr\" in line 3",
                "/d/nginx/a.conf",
            ),
            (
                "2026/01/01 12:00:00 [emerg] 7#7: \"x\" is duplicate in /a b/c.conf:12",
                "\"x\" is duplicate in line 12",
                "/a b/c.conf",
            ),
            (
                "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
                "bind() to 0.0.0.0:80 failed (98: Address already in use)",
                "",
            ),
        ] {
            let complaint = Complaint::emerg(said).unwrap();
            assert_eq!(complaint.text, text);
            assert_eq!(complaint.file.unwrap_or_default(), Path::new(file));
        }
        assert_eq!(Complaint::emerg("nginx: [warn] conflicting server name"), None);
        assert_eq!(Complaint::any("sudo: a password is required\n\n").text, "sudo: a password is required");
    }

    #[test]
    fn a_refusal_names_the_file_and_then_the_line() {
        let source = Complaint::emerg("nginx: [emerg] unknown directive \"servr\" in /t/hello.example.conf:3").unwrap();
        let refused = NginxError::Refused { file: "/srv/dokuen/nginx/hello.example.conf".into(), source };
        assert_eq!(refused.to_string(), "nginx rejected nginx/hello.example.conf");
        assert_eq!(std::error::Error::source(&refused).unwrap().to_string(), "unknown directive \"servr\" in line 3");
    }
}
