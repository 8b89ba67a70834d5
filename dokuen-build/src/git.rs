//! The few calls of git that fetching a buildpack takes. A login never stands in an argv, which everybody can read:
//! it travels in git's environment and is handed out by a credential helper, to the site it belongs to only.

use std::path::Path;
use std::time::Duration;

use dokuen_core::cmd::{self, Cmd};

use crate::child::{self, How, Watch, Wiring};
use crate::env::BuildEnv;
use crate::error::GitError;
use crate::place::{Login, Place};
use crate::sink::{Head, Tail};
use crate::url::BuildpackUrl;

/// git for one buildpack.
pub(crate) struct Git<'a> {
    pub env: &'a BuildEnv,
    pub url: &'a BuildpackUrl,
    pub watch: Watch<'a>,
}

/// What a remote has under a name.
pub(crate) enum Remote {
    Commit(String),
    NoSuchRef,
    Unreachable(GitError),
}

/// Nothing about a buildpack takes longer over any line that is worth having.
const MOST_TIME: Duration = Duration::from_secs(300);
/// The list of matching refs of one name is a few lines.
const MOST_OUTPUT: usize = 1024 * 1024;

impl Git<'_> {
    /// The commit of the wanted branch or tag; a branch goes before a tag, as in `git clone --branch`.
    pub fn ask(&self, dir: &Path) -> Remote {
        let wanted = match self.url.reference() {
            None => vec!["HEAD".to_owned()],
            Some(r) => vec![format!("refs/heads/{r}"), format!("refs/tags/{r}^{{}}"), format!("refs/tags/{r}")],
        };
        let cmd = self.cmd(dir).args(["ls-remote", "--quiet", "--end-of-options", self.url.address()]).args(&wanted);
        let text = match self.run("ls-remote", cmd) {
            Ok(text) => text,
            Err(e) => return Remote::Unreachable(e),
        };
        let refs: Vec<_> = text.lines().filter_map(|l| l.split_once('\t')).collect();
        let find = |name: &String| refs.iter().find(|(commit, have)| have == name && is_commit(commit));
        wanted.iter().find_map(find).map_or(Remote::NoSuchRef, |(commit, _)| Remote::Commit((*commit).to_owned()))
    }

    /// Makes the bare repository when there is none; a half-made one is completed.
    pub fn init(&self, repo: &Path) -> Result<(), GitError> {
        let cmd = self.cmd(repo).args(["init", "--quiet", "--bare", "--template="]).arg(repo);
        self.run("init", cmd).map(|_| ())
    }

    /// Brings one commit and nothing older, or, from a remote that cannot do that, everything.
    pub fn fetch(&self, repo: &Path, commit: &str) -> Result<(), GitError> {
        let shallow = self.in_repo(repo).args(["fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options"]);
        match self.run("fetch", shallow.arg(self.url.address()).arg(commit)) {
            Ok(_) => Ok(()),
            Err(_) => self.fetch_all(repo),
        }
    }

    /// Brings every branch and tag with all history: an abbreviated commit can be found in no other way.
    pub fn fetch_all(&self, repo: &Path) -> Result<(), GitError> {
        let shallow = repo.join("shallow").exists();
        let cmd = self.in_repo(repo).args(["fetch", "--quiet", "--force", "--no-tags"]);
        let cmd = if shallow { cmd.arg("--unshallow") } else { cmd };
        let cmd =
            cmd.args(["--end-of-options", self.url.address(), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
        self.run("fetch", cmd).map(|_| ())
    }

    /// The commit that a full or abbreviated id names in the repository.
    pub fn resolve(&self, repo: &Path, id: &str) -> Result<String, GitError> {
        let cmd = self.in_repo(repo).args(["rev-parse", "--verify", "--quiet", "--end-of-options"]);
        let text = self.run("rev-parse", cmd.arg(format!("{id}^{{commit}}")))?;
        Ok(text.trim().to_owned())
    }

    /// Writes the files of a commit into `tree`. No hook runs, since the repository has none, and no submodule is
    /// entered: their URLs are the buildpack author's, not ours to trust.
    pub fn check_out(&self, repo: &Path, commit: &str, tree: &Path, index: &Path) -> Result<(), GitError> {
        let cmd = self.in_repo(repo).env("GIT_INDEX_FILE", index).env("GIT_WORK_TREE", tree);
        self.run("checkout", cmd.args(["checkout", "--quiet", "--force", commit, "--", "."])).map(|_| ())
    }

    fn in_repo(&self, repo: &Path) -> Cmd {
        self.cmd(repo).env("GIT_DIR", repo)
    }

    fn cmd(&self, dir: &Path) -> Cmd {
        let mut config: Vec<_> = CONFIG.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut cmd = self.env.git(dir).env("GIT_ALLOW_PROTOCOL", self.protocol());
        if let Place::Remote { login: Some(login), .. } = self.url.place() {
            config.push((format!("credential.{}.helper", login.site), HELPER.to_owned()));
            cmd = cmd.env(USER, &login.user).env(PASSWORD, &login.password);
        }
        // Before there is a repository in `dir`, none above it is asked either.
        cmd = cmd.env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap_or(dir));
        cmd = cmd.env("GIT_CONFIG_COUNT", config.len().to_string());
        config.into_iter().enumerate().fold(cmd, |cmd, (n, (key, value))| {
            cmd.env(format!("GIT_CONFIG_KEY_{n}"), key).env(format!("GIT_CONFIG_VALUE_{n}"), value)
        })
    }

    fn protocol(&self) -> &'static str {
        match self.url.place() {
            Place::Remote { protocol, .. } => protocol,
            Place::Local(_) => "file",
        }
    }

    fn run(&self, verb: &'static str, cmd: Cmd) -> Result<String, GitError> {
        let failed = |how: String| GitError::new(verb, self.url, self.without_login(how));
        let (mut out, mut err) = (Head::of(MOST_OUTPUT), Tail::default());
        let watch = self.watch.within(MOST_TIME);
        let ended =
            child::run(&cmd, &watch, Wiring::Apart(&mut out, &mut err)).map_err(|e| failed(format!("failed: {e}")))?;
        match ended.how {
            How::Exited(status) if status.success() => Ok(String::from_utf8_lossy(&out.bytes).into_owned()),
            How::Exited(status) => Err(failed(format!("{}{}", cmd::how(status), err.text_of_git()))),
            How::TimedOut => Err(failed("did not end in time".to_owned())),
            How::Cancelled => Err(failed("was interrupted".to_owned())),
            How::Enough | How::TooMuch(_) => Err(failed("wrote too much".to_owned())),
        }
    }

    /// git has no reason to print it; a server that repeats what it was sent could.
    fn without_login(&self, text: String) -> String {
        let Place::Remote { login: Some(Login { user, password, .. }), .. } = self.url.place() else { return text };
        let secret = if password.is_empty() { user } else { password };
        if secret.is_empty() { text } else { text.replace(secret.as_str(), "***") }
    }
}

const CONFIG: [(&str, &str); 6] = [
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.hooksPath", "/dev/null"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    // An empty helper forgets those of the machine: nobody's stored passwords go to a URL a pusher typed.
    ("credential.helper", ""),
];
const USER: &str = "DOKUEN_LOGIN_USER";
const PASSWORD: &str = "DOKUEN_LOGIN_PASSWORD";
/// Run by git as `sh -c`, with the verb behind it: in its argv stand the names, and `printf` is the shell's own.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$DOKUEN_LOGIN_USER" "$DOKUEN_LOGIN_PASSWORD"; }; f"#;

/// A full object id, of sha1 or sha256.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
