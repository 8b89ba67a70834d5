//! An app that asks for a runtime which the machine has not, pushed: the sentence, the exit status, and nothing else.
//!
//! What each file may say and how it is read: `tests/mason/versions.rs`.

use crate::host::Host;

type Files = &'static [(&'static str, &'static str)];

const PYTHON: Files = &[("app.py", "print(1)\n"), ("requirements.txt", "\n")];
const NODE: Files = &[("package.json", "{}"), ("server.js", "\n")];
const RUBY: Files = &[("config.ru", "run nil\n")];
const GO: Files = &[("main.go", "package main\n\nfunc main() {}\n")];
const RUST: Files =
    &[("Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\n"), ("src/main.rs", "fn main() {}\n")];

/// An app's files, the one that asks for a version, what is said of it, and what to do.
const ROWS: &[(Files, &str, &str, [&str; 2])] = &[
    (PYTHON, ".python-version", "2.7.18\n", ["asks for Python 2.7.18; this machine has 3.", "install python2.7 "]),
    (PYTHON, "runtime.txt", "python-3.1.5\n", ["asks for Python 3.1.5; this machine has 3.", "install python3.1 "]),
    (
        PYTHON,
        "pyproject.toml",
        "[project]\nrequires-python = \">=3.99\"\n",
        ["asks for Python >=3.99; this machine has 3.", "install a Python that fits"],
    ),
    (PYTHON, ".python-version", "nonsense\n", [".python-version names no version of Python", "such as 3.11"]),
    (NODE, ".nvmrc", "v4.9.1\n", ["asks for Node v4.9.1; this machine has v", "install a Node that fits"]),
    (NODE, ".node-version", "0.10.48\n", ["asks for Node 0.10.48; this machine has v", "install a Node that fits"]),
    (
        NODE,
        "package.json",
        "{\"engines\": {\"node\": \"99.x\"}}",
        ["asks for Node 99.x; this machine has v", "install a Node that fits"],
    ),
    (RUBY, ".ruby-version", "ruby-1.8.7\n", ["asks for Ruby 1.8.7; this machine has", "install Ruby 1.8.7"]),
    (RUBY, ".tool-versions", "ruby 2.0.0\n", ["asks for Ruby 2.0.0; this machine has", "install Ruby 2.0.0"]),
    (
        GO,
        "go.mod",
        "module a.invalid/a\n\ngo 9.1\n",
        ["asks for Go 9.1; this machine has 1.", "install Go 9.1 or newer"],
    ),
    (RUST, "rust-toolchain", "1.2.0\n", ["asks for Rust 1.2.0", "install"]),
    (RUST, "rust-toolchain.toml", "[toolchain]\nchannel = \"1.3\"\n", ["asks for Rust 1.3", "install"]),
];

#[test]
fn a_runtime_that_is_not_there_refuses_the_push_and_touches_nothing() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    let (first, pids) = (app.git_says(&["rev-parse", "HEAD"]), app.pids());
    for (files, file, text, [problem, advice]) in ROWS {
        app.git(&["rm", "-rfq", "."]).ok();
        app.with("Procfile", "web: exec sleep 100\n");
        for (path, text) in files.iter().chain([&(*file, *text)]) {
            app.with(path, text);
        }
        app.commit(file);
        let before = host.snapshot();
        let said = |outcome: crate::outcome::Outcome| {
            let all = outcome.out() + &outcome.err;
            let has = |text: &str| all.lines().any(|line| line.contains("  ! ") && line.contains(text));
            assert!(has(problem) && has(advice) && has(file), "{file}: {outcome}");
        };
        said(app.push().exits(1));
        before.unchanged_in(host.dir());
        // git has one status for all that is refused; that of Dokuen itself tells more.
        app.push_to("+HEAD:refs/heads/try").ok();
        said(app.dokuen("deploy", &["--rev=try"]).exits(7));
        assert_eq!((app.get("/").status, app.pids()), (200, pids.clone()), "{file}");
    }
    assert_eq!(app.pushed("master"), first);
    app.dokuen("releases", &[]).ok().stdout_has("v1");
    app.git(&["reset", "-q", "--hard", &first]).ok();
    app.greeting("again").push().ok().serving("again");
}
