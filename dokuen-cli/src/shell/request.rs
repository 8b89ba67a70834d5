//! What a session asks for: nothing, one of git's services, or a command of Dokuen. There is no fourth thing.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use dokuen_core::{AppName, shown};

use super::words;
use crate::args;
use crate::exit::{Exit, Failure};
use crate::pushed_tree;

/// A parsed request.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// `ssh git@host`.
    Nothing,
    /// git on the other side.
    Git {
        /// What it wants to do.
        service: Service,
        /// With whose repository.
        app: AppName,
    },
    /// argv of `dokuen`, the program's own name first.
    Dokuen(Vec<OsString>),
}

/// git's services; their names are all that reaches git from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `git push`.
    ReceivePack,
    /// `git fetch`, `git clone`.
    UploadPack,
    /// `git archive --remote`.
    UploadArchive,
}

impl Service {
    /// As git calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReceivePack => "receive-pack",
            Self::UploadPack => "upload-pack",
            Self::UploadArchive => "upload-archive",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::ReceivePack, Self::UploadPack, Self::UploadArchive].into_iter().find(|s| s.name() == word)
    }
}

impl Request {
    /// Reads the one string that sshd passes on.
    pub fn parse(line: &[u8]) -> Result<Self, Failure> {
        let mut words = words::split(line).map_err(|e| Failure::new(Exit::Usage, e).hint(e.instead()))?;
        let text: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
        match text[..] {
            [] => Ok(Self::Nothing),
            ["git", service, repo] if Service::named(service).is_some() => git(service, repo),
            [service, repo] if service.strip_prefix("git-").is_some_and(|s| Service::named(s).is_some()) => {
                git(&service[4..], repo)
            }
            ["dokuen", "--encoded", ..] => Ok(Self::Dokuen(decoded(words)?)),
            ["dokuen", ..] => Ok(Self::Dokuen(words)),
            [first, ..] if args::is_command(first) => {
                words.insert(0, "dokuen".into());
                Ok(Self::Dokuen(words))
            }
            ["git-lfs-authenticate" | "git-lfs-transfer", ..] => Err(lfs()),
            [first, ..] => Err(refused(first)),
        }
    }
}

fn refused(first: &str) -> Failure {
    let text =
        format!("{} is not served here: only dokuen's commands and git push, fetch and archive are", shown(first));
    Failure::new(Exit::Denied, text).hint("ssh HOST dokuen help")
}

/// The hook that git-lfs puts into a checkout asks for it before each push, so that the push itself never comes.
fn lfs() -> Failure {
    let text = "Git LFS has no server here: an app is built from the files that are in the push";
    Failure::new(Exit::Denied, text).hint(pushed_tree::WITHOUT_LFS)
}

/// `'APP.git'` as scp-like addresses have it, `'/APP.git'` and `'/~/APP.git'` as URLs do; `.git` may be missing.
fn git(service: &str, repo: &str) -> Result<Request, Failure> {
    let service = Service::named(service).ok_or_else(|| refused(service))?;
    let name = ["/~/", "~/", "/"].iter().find_map(|start| repo.strip_prefix(start)).unwrap_or(repo);
    let app = AppName::parse(name.strip_suffix(".git").unwrap_or(name))?;
    Ok(Request::Git { service, app })
}

/// `dokuen --encoded WORD...`: bytes that cannot stand on a command line come as `%0A`. Only what a checkout's `dokuen`
/// sends looks like this; nothing of it is ever read by a shell.
fn decoded(words: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let bad = || Failure::usage("--encoded words hold only %XX and characters that need no encoding");
    let decode = |word: OsString| crate::client::decode(word.as_bytes()).map(OsString::from_vec).ok_or_else(bad);
    let mut out = vec![OsString::from("dokuen")];
    for word in words.into_iter().skip(2) {
        out.push(decode(word)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(service: Service) -> Request {
        Request::Git { service, app: AppName::parse("x").unwrap() }
    }

    #[test]
    fn the_forms_git_uses() {
        for line in [
            "git-receive-pack 'x.git'",
            "git-receive-pack '/x.git'",
            "git receive-pack '~/x.git'",
            "git-receive-pack x",
        ] {
            assert_eq!(Request::parse(line.as_bytes()).unwrap(), app(Service::ReceivePack), "{line}");
        }
        assert_eq!(Request::parse(b"git-upload-pack '/~/x.git'").unwrap(), app(Service::UploadPack));
    }

    #[test]
    fn commands_with_and_without_the_first_word() {
        for line in ["dokuen config -a x", "config -a x"] {
            let words = ["dokuen", "config", "-a", "x"].map(OsString::from).to_vec();
            assert_eq!(Request::parse(line.as_bytes()).unwrap(), Request::Dokuen(words));
        }
        let words = ["dokuen", "run", "a\nb", "%"].map(OsString::from).to_vec();
        assert_eq!(Request::parse(b"dokuen --encoded run a%0Ab %25").unwrap(), Request::Dokuen(words));
        assert_eq!(Request::parse(b"").unwrap(), Request::Nothing);
    }

    #[test]
    fn there_is_no_fourth_thing() {
        for (line, exit) in [
            ("id", Exit::Denied),
            ("dokuen;id", Exit::Denied),
            ("sh -c 'dokuen config'", Exit::Denied),
            ("/usr/local/bin/dokuen config", Exit::Denied),
            ("git-shell -c id", Exit::Denied),
            ("git-lfs-authenticate x upload", Exit::Denied),
            ("git-receive-pack 'x'; id", Exit::Denied),
            ("git-receive-pack ''", Exit::Usage),
            ("git-receive-pack '../repos/other.git'", Exit::Usage),
            ("git-receive-pack '~root/x.git'", Exit::Usage),
            ("git-upload-pack --upload-pack=id", Exit::Usage),
            ("dokuen config 'x", Exit::Usage),
        ] {
            assert_eq!(Request::parse(line.as_bytes()).unwrap_err().exit, exit, "{line}");
        }
    }
}
