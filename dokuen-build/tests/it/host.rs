//! A machine in a temp dir: an app, buildpacks, a store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dokuen_build::{Build, BuildEnv, BuildError, BuildpackUrl, Choice, Limits, Paths, Slug, Store, Wanted, compile};
use dokuen_core::{Collected, Environment};

pub struct Host {
    temp: tempfile::TempDir,
    pub store: Store,
    pub config: Environment,
    pub env: BuildEnv,
    pub limits: Limits,
}

/// What a build came to, with the temp dir written as `ROOT`.
pub struct Outcome {
    pub result: Result<Slug, BuildError>,
    pub lines: Vec<String>,
}

impl Host {
    pub fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("dokuen build ").tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        fs::create_dir(root.join("app")).unwrap();
        let store = Store { dir: root.join("buildpacks"), clones: root.join("clones"), keep_out: None };
        let env = BuildEnv::new(std::env::var("PATH").unwrap(), &root);
        Self { temp, store, config: Environment::default(), env, limits: Limits::default() }
    }

    pub fn root(&self) -> PathBuf {
        self.temp.path().canonicalize().unwrap()
    }

    pub fn app(&self) -> PathBuf {
        self.root().join("app")
    }

    /// A file of the app.
    pub fn with(self, path: &str, text: &str) -> Self {
        let path = self.app().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.app().join(path)).unwrap()
    }

    /// A plain directory `packs/buildpack-NAME` whose `bin/compile` and `bin/release` are these scripts.
    pub fn pack(&self, name: &str, compile: &str, release: &str) -> PathBuf {
        let dir = self.root().join("packs").join(format!("buildpack-{name}"));
        script(&dir.join("bin/detect"), &format!("echo {name}"));
        script(&dir.join("bin/compile"), compile);
        script(&dir.join("bin/release"), release);
        dir
    }

    /// The same, as a git repository with one commit.
    pub fn repo(&self, name: &str, compile: &str) -> PathBuf {
        let dir = self.pack(name, compile, "echo '--- {}'");
        git(&dir, &["init", "-q", "-b", "main"]);
        commit(&dir);
        dir
    }

    pub fn build(&self, choice: Choice) -> Outcome {
        let mut out = Collected::default();
        let result = compile(&self.plan(choice), &mut out);
        Outcome { result, lines: self.redacted(out.0) }
    }

    pub fn plan(&self, choice: Choice) -> Build<'_> {
        let leak = |path: PathBuf| -> &'static Path { Box::leak(path.into_boxed_path()) };
        Build {
            dir: leak(self.app()),
            cache: leak(self.root().join("cache")),
            scratch: leak(self.root().join("tmp")),
            config: &self.config,
            choice,
            store: &self.store,
            env: self.env.clone(),
            limits: self.limits,
            cancel: None,
        }
    }

    /// Builds with the buildpack at a path.
    pub fn build_with(&self, pack: &Path) -> Outcome {
        self.build(named(&[pack.to_str().unwrap()]))
    }

    pub fn redacted(&self, lines: Vec<String>) -> Vec<String> {
        let root = self.root().display().to_string();
        lines.into_iter().map(|l| l.replace(&root, "ROOT")).collect()
    }

    /// Nothing of a build is left in the scratch space.
    pub fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.root().join("tmp")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Outcome {
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    pub fn slug(&self) -> &Slug {
        self.result.as_ref().unwrap_or_else(|e| panic!("{}\n{}", chain(e), self.text()))
    }

    /// The chain of the error, one line per cause.
    pub fn error(&self) -> String {
        chain(self.result.as_ref().unwrap_err())
    }
}

pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub fn named(urls: &[&str]) -> Choice {
    Choice::Named(urls.iter().map(|u| Wanted::parse(u, Paths::Allowed).unwrap()).collect())
}

pub fn url(text: &str) -> BuildpackUrl {
    BuildpackUrl::parse(text, Paths::Allowed).unwrap()
}

pub fn script(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").args(who).args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits all there is and gives back the id.
pub fn commit(dir: &Path) -> String {
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", "x"]);
    git(dir, &["rev-parse", "HEAD"])
}

pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !check() {
        assert!(Instant::now() < deadline, "{what} did not come true within 10 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process runs; one that is dead and not yet collected by its parent does not.
pub fn runs(pid: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
    let stat = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !stat.is_empty() && !stat.starts_with('Z')
}
