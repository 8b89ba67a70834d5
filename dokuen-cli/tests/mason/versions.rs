//! Files that name the version of a runtime: what the machine has not is refused with what to install, what it has is used.

use std::process::Command;

use crate::bench::Bench;

/// Files that make an app of some language.
type Files = &'static [(&'static str, &'static str)];

const PYTHON: Files = &[("app.py", "print(1)\n"), ("requirements.txt", "\n")];
const PROJECT: Files = &[("app.py", "print(1)\n")];
const NODE: Files = &[("package.json", "{}"), ("server.js", "\n")];
const RUBY: Files = &[("config.ru", "run nil\n")];
const GO: Files = &[("main.go", "package main\n\nfunc main() {}\n")];
const RUST: Files = &[
    ("Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"),
    ("src/main.rs", "fn main() {}\n"),
];

/// What a program says of its version: the first word of it that begins with a digit, once `v` and `go` are off.
fn version(program: &str, args: &[&str]) -> String {
    let said = Command::new(program).args(args).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let words = said.split_whitespace().map(|word| word.trim_start_matches("go").trim_start_matches('v'));
    words.clone().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap().to_owned()
}

fn first_two(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

struct Row {
    app: Files,
    file: &'static str,
    /// With `@` where the version stands.
    text: &'static str,
    here: String,
    absent: &'static str,
    /// What is said of an absent one, and what to do.
    problem: &'static str,
    advice: &'static str,
}

fn rows() -> Vec<Row> {
    let python = version("/usr/bin/python3", &["--version"]);
    let node = version("/usr/bin/node", &["--version"]);
    let ruby = version("/usr/bin/ruby", &["-e", "print RUBY_VERSION"]);
    let go = version("/usr/bin/go", &["version"]);
    let rust = version("rustc", &["--version"]);
    let row = |app, file, text, here: &str, absent, problem, advice| Row {
        app,
        file,
        text,
        here: here.to_owned(),
        absent,
        problem,
        advice,
    };
    let (two, ranged) = (first_two(&python), format!(">={},<4", first_two(&python)));
    let major = node.split('.').next().unwrap().to_owned();
    vec![
        row(
            PYTHON,
            ".python-version",
            "@\n",
            &two,
            "2.7.18",
            "asks for Python 2.7.18; this machine has 3.",
            "install python2.7 with its venv module",
        ),
        row(
            PYTHON,
            "runtime.txt",
            "python-@\n",
            &python,
            "3.1.5",
            "asks for Python 3.1.5; this machine has 3.",
            "install python3.1 with its venv module",
        ),
        row(
            PROJECT,
            "pyproject.toml",
            "[project]\nname = \"a\"\nversion = \"1\"\nrequires-python = \"@\"\n",
            &ranged,
            ">=3.99",
            "asks for Python >=3.99; this machine has 3.",
            "install a Python that fits",
        ),
        row(
            NODE,
            ".nvmrc",
            "v@\n",
            &node,
            "4.9.1",
            ".nvmrc asks for Node v4.9.1; this machine has v",
            "install a Node that fits",
        ),
        row(
            NODE,
            ".node-version",
            "@\n",
            &node,
            "0.10.48",
            ".node-version asks for Node 0.10.48; this machine has v",
            "install a Node that fits",
        ),
        row(
            &[("server.js", "\n")],
            "package.json",
            "{\"engines\": {\"node\": \"@.x\"}}",
            &major,
            "99",
            "package.json asks for Node 99.x; this machine has v",
            "install a Node that fits",
        ),
        row(
            RUBY,
            ".ruby-version",
            "ruby-@\n",
            &ruby,
            "1.8.7",
            ".ruby-version asks for Ruby 1.8.7; this machine has",
            "install Ruby 1.8.7",
        ),
        row(
            RUBY,
            ".tool-versions",
            "nodejs 1.2\nruby @\n",
            &ruby,
            "2.0.0",
            ".tool-versions asks for Ruby 2.0.0; this machine has",
            "install Ruby 2.0.0",
        ),
        row(
            GO,
            "go.mod",
            "module example.invalid/a\n\ngo @\n",
            &first_two(&go),
            "9.1",
            "go.mod asks for Go 9.1; this machine has 1.",
            "install Go 9.1 or newer",
        ),
        row(
            RUST,
            "rust-toolchain",
            "@\n",
            &rust,
            "1.2.0",
            "rust-toolchain asks for Rust 1.2.0",
            "rustup toolchain install 1.2.0",
        ),
        row(
            RUST,
            "rust-toolchain.toml",
            "[toolchain]\nchannel = \"@\"\n",
            &first_two(&rust),
            "1.3",
            "rust-toolchain.toml asks for Rust 1.3",
            "rustup toolchain install 1.3",
        ),
    ]
}

#[test]
fn each_version_file_counts() {
    for row in rows() {
        let with = |version: &str| {
            let bench = Bench::new().with(&format!("app/{}", row.file), &row.text.replace('@', version));
            row.app.iter().fold(bench, |bench, (path, text)| bench.with(&format!("app/{path}"), text))
        };
        let said = with(row.absent).mason(&["build", "app"]);
        let (file, text) = (row.file, format!("{}\n{}", said.out, said.err));
        assert_eq!(said.code, 1, "{file}: {text}");
        for part in [row.problem, row.advice] {
            assert!(text.lines().any(|line| line.starts_with("  ! ") && line.contains(part)), "{file}, {part}: {text}");
        }
        let said = with(&row.here).mason(&["build", "app"]).ok();
        let using = said.out.lines().find(|line| line.starts_with("  + Using ")).unwrap_or_default();
        assert!(using.contains(&format!("as {file} asks")), "{file} {}: {}", row.here, said.out);
    }
}

/// Tools that are strict about the third number would else say so in words of their own, and not what to install.
#[test]
fn a_newer_patch_than_the_machine_s_is_named_where_the_tool_insists_on_it() {
    let (go, ruby) = (version("/usr/bin/go", &["version"]), version("/usr/bin/ruby", &["-e", "print RUBY_VERSION"]));
    let (newer_go, newer_ruby) = (format!("{}.99", first_two(&go)), format!("{}.99", first_two(&ruby)));
    let module = format!("module example.invalid/a\n\ngo {newer_go}\n");
    let gemfile = format!("source 'https://gems.example.invalid'\n  ruby \"{newer_ruby}\" # as everywhere\n");
    for (app, file, text, problem, advice) in [
        (GO, "go.mod", &module, format!("go.mod asks for Go {newer_go}; this machine has {go}"), "install Go "),
        (
            RUBY,
            "Gemfile",
            &gemfile,
            format!("Gemfile asks for Ruby {newer_ruby}; this machine has {ruby}"),
            "install Ruby ",
        ),
    ] {
        let bench = Bench::new().with(&format!("app/{file}"), text);
        let bench = app.iter().fold(bench, |bench, (path, text)| bench.with(&format!("app/{path}"), text));
        let said = bench.mason(&["build", "app"]).fails("  ! compile failed");
        assert!(said.out.contains(&format!("  ! {problem}\n  ! {advice}")), "{file}: {}", said.out);
    }
    for fitting in [format!("'{ruby}'"), format!("('{ruby}')"), "'~> 2.0'".to_owned(), "'>= 2', '< 9'".to_owned()] {
        let gemfile = format!("ruby {fitting}\n");
        let bench = RUBY.iter().fold(Bench::new(), |bench, (path, text)| bench.with(&format!("app/{path}"), text));
        let said = bench.with("app/Gemfile", &gemfile).mason(&["build", "app"]);
        assert!(said.out.contains("  + Using Ruby"), "{fitting}: {} {}", said.out, said.err);
    }
}

/// Ranges are read as pip and poetry read them.
#[test]
fn ranges_of_python_are_read_as_pip_reads_them() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../dokuen-build/buildpacks/python/wanted.py");
    let temp = tempfile::tempdir().unwrap();
    let fits = |text: &str| {
        std::fs::write(temp.path().join("pyproject.toml"), text).unwrap();
        Command::new("/usr/bin/python3").arg(script).current_dir(temp.path()).output().unwrap().status.success()
    };
    let here = version("/usr/bin/python3", &["--version"]);
    let minor: u32 = here.split('.').nth(1).unwrap().parse().unwrap();
    let next = minor + 1;
    for good in [
        format!(">=3.{minor}"),
        ">=3.2, <4".to_owned(),
        format!("==3.{minor}.*"),
        format!("~=3.{minor}.0"),
        "~=3.2".to_owned(),
        format!("<3.{next}"),
        "<3 || >=3.2".to_owned(),
        "^3.2".to_owned(),
        "*".to_owned(),
        String::new(),
    ] {
        assert!(fits(&format!("[project]\nrequires-python = \"{good}\"\n")), "{good} takes {here}");
        assert!(fits(&format!("[tool.poetry.dependencies]\npython = \"{good}\"\n")), "{good} takes {here}");
    }
    for bad in [
        format!(">=3.{next}"),
        format!("<3.{minor}"),
        format!("!=3.{minor}"),
        "==2.7.*".to_owned(),
        "~=3.2.1".to_owned(),
        "^2.7".to_owned(),
        "x".to_owned(),
    ] {
        assert!(!fits(&format!("[project]\nrequires-python = \"{bad}\"\n")), "{bad} does not take {here}");
    }
    assert!(fits("[tool.other]\npython = \"2.7\"\n"), "somebody else's word");
}
