//! A mason's bench: a directory with an app and buildpacks, and mason run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

pub struct Bench {
    temp: tempfile::TempDir,
}

/// What mason said, with the bench's path written as `ROOT`.
pub struct Said {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Bench {
    /// With an app that is one file.
    pub fn new() -> Self {
        let bench = Self { temp: tempfile::Builder::new().prefix("mason bench ").tempdir().unwrap() };
        bench.with("app/hello.txt", "hello\n")
    }

    pub fn root(&self) -> PathBuf {
        self.temp.path().canonicalize().unwrap()
    }

    pub fn with(self, path: &str, text: &str) -> Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub fn exists(&self, path: &str) -> bool {
        self.root().join(path).symlink_metadata().is_ok()
    }

    /// `packs/buildpack-NAME`, a git repository; gives back its path.
    pub fn pack(&self, name: &str, compile: &str, release: &str) -> String {
        let dir = self.root().join("packs").join(format!("buildpack-{name}"));
        fs::create_dir_all(dir.join("bin")).unwrap();
        let detect = format!("test -e \"$1/hello.txt\" && echo {}", name.to_uppercase());
        for (script, body) in [("detect", detect.as_str()), ("compile", compile), ("release", release)] {
            let path = dir.join("bin").join(script);
            fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "x"]] {
            self.git(name, args);
        }
        dir.display().to_string()
    }

    pub fn git(&self, pack: &str, args: &[&str]) {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
        let mut git = Command::new("git");
        git.env_clear().env("PATH", "/usr/bin:/bin").env("GIT_CONFIG_GLOBAL", "/dev/null").args(who).args(args);
        let dir = self.root().join("packs").join(format!("buildpack-{pack}"));
        assert!(git.current_dir(dir).output().unwrap().status.success(), "{args:?}");
    }

    pub fn mason(&self, args: &[&str]) -> Said {
        self.mason_with(args, &[])
    }

    /// mason, with these words, in the bench.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut mason = Command::new(env!("CARGO_BIN_EXE_mason"));
        mason
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.root())
            .env("TMPDIR", self.tmp())
            .current_dir(self.root())
            .args(args);
        mason
    }

    pub fn eventually<T>(&self, mut so: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match so() {
                Some(thing) => return thing,
                None => assert!(Instant::now() < deadline, "it did not come about"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn mason_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let output = self.command(args).envs(env.iter().copied()).output().unwrap();
        let text = |bytes: Vec<u8>| self.redacted(&String::from_utf8(bytes).unwrap());
        Said { out: text(output.stdout), err: text(output.stderr), code: output.status.code().unwrap() }
    }

    /// Temporary directories have names nobody can know, and commits have their own.
    fn redacted(&self, text: &str) -> String {
        let text = text.replace(&self.root().display().to_string(), "ROOT");
        let mut lines = Vec::new();
        for line in text.lines() {
            let (head, tail) = line.split_once("tmp/mason-").map_or((line, ""), |(head, tail)| (head, &tail[6..]));
            let line = if tail.is_empty() { line.to_owned() } else { format!("{head}TEMP{tail}") };
            let is_commit = line.strip_prefix("  = commit: ").is_some_and(|id| id.len() == 40);
            lines.push(if is_commit { "  = commit: COMMIT".to_owned() } else { line });
        }
        lines.join("\n")
    }

    fn tmp(&self) -> PathBuf {
        let tmp = self.root().join("tmp");
        fs::create_dir_all(&tmp).unwrap();
        tmp
    }

    /// Nothing of a build is left where temporary things go, or beside the result.
    pub fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.tmp()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let hidden = fs::read_dir(self.root()).unwrap().filter_map(|e| e.unwrap().file_name().into_string().ok());
        let hidden: Vec<_> = hidden.filter(|name| name.starts_with(".new-")).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    }
}

impl Said {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self
    }

    #[track_caller]
    pub fn fails(self, with: &str) -> Self {
        assert_eq!(self.code, 1, "{}\n{}", self.out, self.err);
        assert_eq!(self.err.lines().next(), Some(with), "{}\n{}", self.out, self.err);
        self
    }
}
