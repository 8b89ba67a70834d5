//! The catalogue's pushes and trees, each by a real `git push` over a real sshd to the real hook.
//!
//! A row's input is what a person would say of it; [`Pushes::push`] and [`trees`] make the real thing of that.

use std::fs;
use std::time::Duration;

use crate::app::App;
use crate::bad_inputs::{no_marks, rows};
use crate::door::Door;
use crate::host::{Options, eventually};
use crate::outcome::Outcome;
use crate::trees;

/// Some of them are large by their nature: git itself needs longer than two seconds.
const LARGE: [&str; 4] = ["PUSH-009", "PUSH-015", "PUSH-017", "TREE-011"];

/// bob's app x, live in its first version.
pub struct Pushes {
    pub door: Door,
    pub app: App,
}

impl Pushes {
    fn new() -> Self {
        let conf = "stop_timeout: 3\ndrain_timeout: 3\nboot_timeout: 20\npush_bytes: 4000000\n";
        let door = Door::with(Options { conf, ..Options::default() });
        door.add("bob", &[]).ok();
        let app = door.app("bob", "x", "python");
        door.keep("bob");
        door.git("bob", &app, &["push", "dokuen", "master"]).ok();
        app.greeting("Hello again");
        Self { door, app }
    }

    pub fn git(&self, args: &[&str]) -> Outcome {
        self.door.git("bob", &self.app, args)
    }

    /// `git push` with the words of a row, in which `<...>` stands for something that is made here.
    fn push(&self, id: &str, input: &str) -> Outcome {
        match input {
            "-f <non-fast-forward> with receive.denyNonFastForwards" => {
                let repo = self.app.repo();
                self.app
                    .git(&["--git-dir", repo.to_str().unwrap(), "config", "receive.denyNonFastForwards", "true"])
                    .ok();
                let other = self.app.git_says(&["commit-tree", "-m", "other", "HEAD^{tree}"]);
                self.git(&["push", "-f", "dokuen", &format!("{other}:refs/heads/master")])
            }
            "<sha256 repository> master" => {
                let other = App { checkout: self.door.host.temp().join("sha256"), ..self.app.clone() };
                fs::create_dir_all(&other.checkout).unwrap();
                other.git(&["init", "-q", "-b", "master", "--object-format=sha256"]).ok();
                other.with("Procfile", "web: true\n");
                self.door.git("bob", &other, &["push", &self.door.url("x"), "master"])
            }
            "pack larger than the limit" => {
                let mut noise = vec![0; 5_000_000];
                std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut noise).unwrap();
                self.of_a_commit(&trees::with(&self.app, &[("noise", &noise)]))
            }
            "master while a deploy of the app runs" => self.while_one_deploys(),
            "20000 new refs in one push" => {
                let id = self.app.git_says(&["rev-parse", "HEAD"]);
                let lines: String = (0..20_000).map(|n| format!("create refs/many/{n} {id}\n")).collect();
                self.app.git_given(&["update-ref", "--stdin"], lines.as_bytes()).ok();
                self.git(&["push", "-q", "dokuen", "refs/many/*:refs/heads/many/*"])
            }
            _ if input.contains("300 MiB of zeros") => {
                self.of_a_commit(&trees::with(&self.app, &[("zeros", &vec![0; 300 * 1024 * 1024])]))
            }
            "refs/tags/v1" => {
                self.app.git(&["tag", "v1"]).ok();
                self.git(&["push", "dokuen", input])
            }
            "orphan history over master with -f" => {
                let orphan = self.app.git_says(&["commit-tree", "-m", "orphan", "HEAD^{tree}"]);
                self.git(&["push", "-f", "dokuen", &format!("{orphan}:refs/heads/master")])
            }
            "--atomic master feature" => {
                self.app.git(&["branch", "-f", "feature"]).ok();
                self.git(&["push", "-f", "--atomic", "dokuen", "master", "feature"])
            }
            "master (already up to date)" => {
                self.git(&["push", "-f", "dokuen", "master"]).ok();
                self.git(&["push", "dokuen", "master"]).ok().stderr_has("Everything up-to-date")
            }
            _ if input.starts_with("commit message") => {
                self.app.commit("first\n\n\u{1b}[2J\u{1b}]0;title\u{7} \"quoted\" 'and' $(id)");
                self.git(&["push", "-f", "dokuen", "master"])
            }
            _ => {
                let made = ["blob", "tree", "tag"].into_iter().fold(input.to_owned(), |text, kind| {
                    let place = format!("<{kind}-id>");
                    if text.contains(&place) { text.replace(&place, &self.made(kind)) } else { text }
                });
                let words: Vec<&str> = match made.strip_suffix(" master") {
                    Some(option) => vec![option, "dokuen", "master"],
                    None => vec!["dokuen", &made],
                };
                assert!(!made.contains('<'), "{id}: this table does not know how to make {input}");
                self.git(&[&["push"], &words[..]].concat())
            }
        }
    }

    /// Which release is live; a push of what was built already makes another one of the same tree.
    fn live(&self) -> String {
        fs::read_to_string(self.app.dir().join("live")).unwrap()
    }

    /// The id of an object that is no commit.
    fn made(&self, kind: &str) -> String {
        match kind {
            "blob" => self.app.git_says(&["rev-parse", "HEAD:Procfile"]),
            "tree" => self.app.git_says(&["rev-parse", "HEAD^{tree}"]),
            _ => {
                self.app.git(&["tag", "-f", "-a", "-m", "annotated", "annotated"]).ok();
                self.app.git_says(&["rev-parse", "annotated"])
            }
        }
    }

    fn while_one_deploys(&self) -> Outcome {
        self.app.dokuen("config_set", &["DOKUEN_AFTER_BUILD=sleep 2"]).ok();
        let first = std::thread::spawn({
            let mut push = self.door.git_command("bob", &self.app, &["push", "-qf", "dokuen", "master"]);
            move || crate::outcome::run(&mut push, b"", None)
        });
        let holder = || fs::read_to_string(self.app.dir().join("lock")).unwrap_or_default();
        eventually("the first deploys", || holder().contains("deploying"));
        let other = self.app.git_says(&["commit-tree", "-m", "other", "HEAD^{tree}"]);
        let second = self.git(&["push", "-f", "dokuen", &format!("{other}:refs/heads/master")]);
        first.join().unwrap().ok();
        self.app.dokuen("config_unset", &["DOKUEN_AFTER_BUILD"]).ok();
        second.fails().stderr_has("busy: pid").stderr_has("deploying since")
    }

    pub fn of_a_commit(&self, commit: &str) -> Outcome {
        self.git(&["push", "-f", "dokuen", &format!("{commit}:refs/heads/master")])
    }

    /// What a row has left in the repository that would make the next one ambiguous.
    fn forget_odd_refs(&self) {
        let repo = self.app.repo();
        let git = |args: &[&str]| self.app.git(&[&["--git-dir", repo.to_str().unwrap()], args].concat());
        git(&["config", "receive.denyNonFastForwards", "false"]).ok();
        git(&["update-ref", "-d", "refs/heads/refs/heads/master"]).ok();
    }

    /// What holds for every row, refused or taken.
    fn holds(&self, id: &str, rejected: bool, out: &Outcome) {
        assert_eq!(out.code != 0, rejected, "{id}: {out}");
        assert!(
            !rejected || LARGE.contains(&id) || id == "PUSH-013" || out.took < Duration::from_secs(2),
            "{id}: {out}"
        );
        for word in ["panicked", "RUST_BACKTRACE", "\u{1b}"] {
            assert!(!out.err.contains(word), "{id}: {out}");
        }
        no_marks();
    }
}

#[test]
fn pushes() {
    let all = Pushes::new();
    for row in rows("git_push") {
        let input = String::from_utf8_lossy(&row.input[0]).into_owned();
        let (before, live) = (all.door.host.snapshot(), all.live());
        let out = all.push(&row.id, &input);
        all.holds(&row.id, row.rejected, &out);
        let changed = row.id == "PUSH-005" || row.id == "PUSH-013";
        if row.rejected && !changed {
            before.unchanged_in(all.door.host.dir());
        }
        let deploys = out.err.contains("* deployed x ") || row.id == "PUSH-013";
        if row.id != "PUSH-029" {
            assert_eq!(all.live() != live, deploys, "{}: {out}", row.id);
        }
        if input.contains("refs/") && !row.rejected {
            out.stderr_has("is stored, not deployed");
        }
        all.forget_odd_refs();
    }
    assert!(["Hello from Python, version 1", "Hello again"].contains(&all.app.text("/").trim()));
}

#[test]
fn trees_of_pushes() {
    let all = Pushes::new();
    for row in rows("git_tree") {
        let input = String::from_utf8_lossy(&row.input[0]).into_owned();
        let Some(commit) = trees::of(&all.app, &input) else {
            panic!("{}: this table does not know how to make {input}", row.id);
        };
        let (before, live) = (all.door.host.snapshot(), all.live());
        let out = all.of_a_commit(&commit);
        // On a disk that keeps names apart the two are two files.
        let rejected = row.rejected && !(row.id == "TREE-013" && cfg!(target_os = "linux"));
        all.holds(&row.id, rejected, &out);
        if rejected {
            before.unchanged_in(all.door.host.dir());
            assert_eq!(all.live(), live, "{}", row.id);
        }
        assert!(!all.door.host.temp().join("outside").exists(), "{}", row.id);
    }
    all.app.serves("Hello again");
}
