//! The environment that git and a buildpack's scripts are given: a written list, starting from nothing.

use std::path::{Path, PathBuf};

use dokuen_core::Environment;
use dokuen_core::cmd::Cmd;

use crate::error::GitError;

/// What a build may know of its surroundings. Config vars are not among it: they arrive as files in `ENV_DIR`.
#[derive(Debug, Clone)]
pub struct BuildEnv {
    /// `PATH`: where programs are searched.
    pub path: String,
    /// `HOME` of git (ssh keeps its keys there). The scripts' `HOME` is the build directory.
    pub git_home: PathBuf,
    /// `LANG`.
    pub lang: String,
    /// `STACK`, as buildpacks ask for it.
    pub stack: String,
    /// `SOURCE_VERSION`: the commit that is built.
    pub source_version: Option<String>,
    /// `REQUEST_ID`: a name for this build.
    pub request_id: Option<String>,
    /// More variables for scripts and git alike, a proxy's for one. `GIT_*` and `SSH_*` never pass.
    pub extra: Environment,
}

impl BuildEnv {
    /// With nothing but the two that have no default.
    pub fn new(path: impl Into<String>, git_home: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            git_home: git_home.into(),
            lang: "C.UTF-8".to_owned(),
            stack: "heroku-24".to_owned(),
            source_version: None,
            request_id: None,
            extra: Environment::default(),
        }
    }

    /// A script in the build directory.
    pub(crate) fn script(&self, program: &Path, build: &Path, temp: &Path) -> Cmd {
        let base = self.with_extra(Cmd::new(program, build));
        let cmd = base.env("PATH", &self.path).env("HOME", build).env("LANG", &self.lang);
        let cmd = cmd.env("STACK", &self.stack).env("TMPDIR", temp);
        let named = [("SOURCE_VERSION", &self.source_version), ("REQUEST_ID", &self.request_id)];
        named.into_iter().fold(cmd, |cmd, (name, value)| value.iter().fold(cmd, |cmd, v| cmd.env(name, v)))
    }

    /// git, with nothing of the caller's and little of the machine's. A `GIT_DIR` or a quarantine variable that came
    /// from a hook would make it work on the pushed repository instead.
    pub(crate) fn git(&self, dir: &Path) -> Cmd {
        self.with_extra(Cmd::new("git", dir))
            .env("PATH", &self.path)
            .env("HOME", &self.git_home)
            .env("LANG", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            // An app that can write into the account's home must not configure the git that fetches for others.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    }

    fn with_extra(&self, cmd: Cmd) -> Cmd {
        let foreign = |name: &str| name.starts_with("GIT_") || name.starts_with("SSH_");
        cmd.envs(self.extra.pairs().filter(|(name, _)| !name.to_str().is_none_or(foreign)))
    }
}

impl GitError {
    pub(crate) fn new(verb: &'static str, url: impl ToString, how: impl Into<String>) -> Self {
        Self { verb, url: url.to_string(), how: how.into() }
    }
}
