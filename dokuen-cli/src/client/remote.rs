//! Where a git remote leads: a host over ssh, or a dokuen directory on this machine.

use std::path::{Path, PathBuf};

use dokuen_core::{AppName, shown};

use crate::exit::{Exit, Failure};

/// A remote that is an app's repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// `user@host:APP.git` or `ssh://user@host:port/APP.git`.
    Ssh {
        /// `user@host`, or a host as `~/.ssh/config` knows it.
        destination: String,
        /// When the URL has one.
        port: Option<u16>,
        /// The app.
        app: AppName,
    },
    /// `DIR/repos/APP.git` on this machine.
    Local {
        /// `DIR/bin/dokuen`.
        dokuen: PathBuf,
        /// The app.
        app: AppName,
    },
}

impl Remote {
    /// Reads a URL as git does.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let path = url.strip_prefix("file://").unwrap_or(url);
        if path.starts_with('/') {
            return local(Path::new(path), url);
        }
        let parsed = match url.strip_prefix("ssh://") {
            Some(rest) => in_url(rest),
            None if url.contains("://") => None,
            None => scp_like(url),
        };
        let (destination, port, path) = parsed.ok_or_else(|| refused(url))?;
        // ssh would take a leading "-" for an option.
        if destination.starts_with('-') || destination.chars().any(|c| c.is_control() || c == ' ') {
            return Err(refused(url));
        }
        Ok(Self::Ssh { destination, port, app: app(&path, url)? })
    }
}

fn refused(url: &str) -> Failure {
    let text = format!("the git remote {} is no app of a dokuen host", shown(url));
    Failure::new(Exit::Usage, text).hint("git remote set-url NAME user@host:APP.git")
}

fn local(path: &Path, url: &str) -> Result<Remote, Failure> {
    let dir = path.parent().filter(|dir| dir.ends_with("repos")).and_then(Path::parent);
    let dokuen = dir.map(|dir| dir.join("bin").join("dokuen")).filter(|dokuen| dokuen.is_file());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Remote::Local { dokuen: dokuen.ok_or_else(|| refused(url))?, app: app(&name, url)? })
}

fn app(path: &str, url: &str) -> Result<AppName, Failure> {
    let name = path.trim_start_matches('/').trim_start_matches("~/");
    AppName::parse(name.strip_suffix(".git").unwrap_or(name)).map_err(|_| refused(url))
}

/// `user@host:port/path`, behind `ssh://`.
fn in_url(rest: &str) -> Option<(String, Option<u16>, String)> {
    let (authority, path) = rest.split_once('/')?;
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().ok()?;
    let host = Some(host).filter(|host| !host.is_empty() && !host.starts_with('-'))?;
    Some((user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}")), port, path.to_owned()))
}

/// `user@host:path`; a host may stand in brackets.
fn scp_like(url: &str) -> Option<(String, Option<u16>, String)> {
    let end = url.find(']').map_or(0, |at| at + 1);
    let at = end + url[end..].find(':')?;
    let destination = url[..at].replace(['[', ']'], "");
    let host = destination.rsplit('@').next().unwrap_or_default();
    (!host.is_empty() && !host.starts_with('-')).then(|| (destination.clone(), None, url[at + 1..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_git_knows() {
        for (url, destination, port) in [
            ("git@example.com:blog.git", "git@example.com", None),
            ("git@example.com:/blog.git", "git@example.com", None),
            ("host:blog", "host", None),
            ("git@[::1]:blog.git", "git@::1", None),
            ("ssh://git@example.com/blog.git", "git@example.com", None),
            ("ssh://git@example.com:2222/~/blog.git", "git@example.com", Some(2222)),
            ("ssh://git@[::1]:2222/blog.git", "git@::1", Some(2222)),
        ] {
            let app = AppName::parse("blog").unwrap();
            assert_eq!(
                Remote::parse(url).unwrap(),
                Remote::Ssh { destination: destination.into(), port, app },
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_app_or_could_be_an_option_is_refused() {
        for bad in [
            "https://github.com/a/b.git",
            "git@github.com:a/b.git",
            "-oProxyCommand=x:blog.git",
            "ssh://-oProxyCommand=x/blog.git",
            "git@-x:blog.git",
            "blog.git",
            "/nowhere/repos/blog.git",
            "ssh://h:99999/blog.git",
            "",
        ] {
            assert!(Remote::parse(bad).is_err(), "{bad}");
        }
    }
}
