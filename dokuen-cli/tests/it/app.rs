//! An app with a checkout, as its developer has it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::host::{Host, copy_tree, fixtures};
use crate::http::{Client, Response};
use crate::outcome::{Outcome, run};

#[derive(Debug, Clone)]
pub struct App {
    pub host: Host,
    pub name: String,
    pub checkout: PathBuf,
}

impl App {
    /// A checkout of a fixture with one commit and the remote; the app need not exist.
    pub fn copied(host: &Host, name: &str, fixture: &str) -> Self {
        let checkout = host.temp().join("src").join(name);
        let app = Self { host: host.clone(), name: name.to_owned(), checkout };
        app.copy(fixture);
        app.git(&["init", "-q", "-b", "master"]).ok();
        let remote = app.repo().display().to_string();
        app.git(&["remote", "add", "dokuen", &remote]).ok();
        app.commit("first");
        app
    }

    fn copy(&self, fixture: &str) {
        let from = fixtures().join("apps").join(fixture);
        copy_tree(&from, &self.checkout);
        let shared = fs::read_to_string(from.join(".shared")).unwrap_or_default();
        for file in shared.lines() {
            fs::copy(fixtures().join("apps/_shared").join(file), self.checkout.join(file)).unwrap();
        }
        let _ = fs::remove_file(self.checkout.join(".shared"));
    }

    /// Its program is built here and pushed as it is, with a buildpack that does nothing: no push waits for a C compiler.
    pub fn built_once(self) -> Self {
        let built = std::process::Command::new("make").current_dir(&self.checkout).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        for file in ["Makefile", ".gitignore"] {
            fs::remove_file(self.checkout.join(file)).unwrap();
        }
        self.commit("built");
        let null = self.host.buildpack("buildpack-null");
        self.dokuen("config_set", &[&format!("BUILDPACK_URL={}", null.display())]).ok();
        self
    }

    /// From the next commit on it is another fixture.
    pub fn become_fixture(&self, fixture: &str) -> &Self {
        self.git(&["rm", "-rfq", "."]).ok();
        self.copy(fixture);
        self.commit(fixture)
    }

    pub fn git(&self, args: &[&str]) -> Outcome {
        self.git_given(args, b"")
    }

    pub fn git_given(&self, args: &[&str], input: &[u8]) -> Outcome {
        run(self.host.command("git").current_dir(&self.checkout).args(args), input, Some(self.clone()))
    }

    /// What git prints, without the end of the line.
    pub fn git_says(&self, args: &[&str]) -> String {
        self.git(args).ok().out().trim().to_owned()
    }

    pub fn commit(&self, message: &str) -> &Self {
        self.git(&["add", "-A", "--force"]).ok();
        self.git(&["commit", "-q", "--allow-empty", "-m", message]).ok();
        self
    }

    /// Writes a file and commits it.
    pub fn with(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.checkout.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self.commit("change")
    }

    /// From the next push on it greets so.
    pub fn greeting(&self, text: &str) -> &Self {
        self.with("greeting.txt", format!("{text}\n"))
    }

    /// `git push dokuen master`.
    pub fn push(&self) -> Outcome {
        self.git(&["push", "dokuen", "master"])
    }

    pub fn push_to(&self, refspec: &str) -> Outcome {
        self.git(&["push", "dokuen", refspec])
    }

    /// `dokuen COMMAND --application=APP ARGS...`.
    pub fn dokuen(&self, command: &str, args: &[&str]) -> Outcome {
        self.dokuen_given(command, args, b"")
    }

    pub fn dokuen_given(&self, command: &str, args: &[&str], input: &[u8]) -> Outcome {
        let mut all = self.host.command(self.host.program());
        all.arg(command).arg(format!("--application={}", self.name)).args(args);
        run(&mut all, input, Some(self.clone()))
    }

    pub fn domain(&self) -> String {
        format!("{}.{}", self.name, self.host.base())
    }

    /// One request on a connection of its own, through nginx.
    pub fn get(&self, path: &str) -> Response {
        self.get_as(&self.domain(), path)
    }

    pub fn get_as(&self, domain: &str, path: &str) -> Response {
        let asked = Client::connect(self.host.listen(), domain)
            .and_then(|mut client| client.get(path, "Connection: close\r\n"));
        asked.unwrap_or_else(|e| panic!("GET {path} of {domain}: {e}"))
    }

    /// The body of a 200.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        let answer = self.get(path);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "GET {path} of {}: {body}", self.name);
        body
    }

    #[track_caller]
    pub fn serves(&self, greeting: &str) -> &Self {
        assert_eq!(self.text("/").trim_end(), greeting);
        self
    }

    /// So many processes answer: their pids.
    pub fn pids(&self) -> BTreeSet<String> {
        (0..40).map(|_| self.text("/pid")).collect()
    }

    pub fn dir(&self) -> PathBuf {
        self.host.dir().join("apps").join(&self.name)
    }

    pub fn repo(&self) -> PathBuf {
        self.host.dir().join("repos").join(format!("{}.git", self.name))
    }

    /// Where a symlink of the app leads: it must be a whole release.
    #[track_caller]
    pub fn release(&self, link: &str) -> PathBuf {
        let path = self.dir().join(link).canonicalize().unwrap_or_else(|e| panic!("{link}: {e}"));
        assert!(path.join(".dokuen/complete").is_file(), "{} is not whole", path.display());
        assert_eq!(path.parent(), self.dir().join("releases").canonicalize().ok().as_deref());
        path
    }

    /// The commit that the repository's branch is at.
    pub fn pushed(&self, branch: &str) -> String {
        let out = run(
            self.host.command("git").arg("-C").arg(self.repo()).args(["rev-parse", "--verify", "-q", branch]),
            b"",
            None,
        );
        out.out().trim().to_owned()
    }

    /// Instances that have a living wrapper, `web.1`.
    pub fn runs(&self) -> Vec<String> {
        let out = self.dokuen("ps", &[]).ok().out();
        let up = out.lines().skip(1).filter(|line| line.split_ascii_whitespace().nth(1) == Some("up"));
        up.filter_map(|line| line.split_ascii_whitespace().next().map(str::to_owned)).collect()
    }

    /// Exactly these run, once what was told to go has gone.
    #[track_caller]
    pub fn comes_to_run(&self, instances: &[&str]) -> &Self {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ps = self.dokuen("ps", &[]).ok().out();
            if ps.lines().count() == instances.len() + 1 && self.runs() == instances {
                return self;
            }
            assert!(Instant::now() < deadline, "not exactly {instances:?} run:\n{ps}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn log(&self, instance: &str) -> String {
        let path = self.dir().join("logs").join(format!("dokuen.{}.{instance}", self.name));
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    /// The value of a config var as the process has it.
    #[track_caller]
    pub fn env(&self, name: &str) -> Vec<u8> {
        let answer = self.get(&format!("/env/{name}"));
        assert_eq!(answer.status, 200, "{name} is not set");
        answer.body
    }

    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.dir().join(path).symlink_metadata().is_ok()
    }
}
