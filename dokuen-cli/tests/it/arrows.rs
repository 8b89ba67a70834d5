//! Arrows go down, and each kind of trouble has one room: the manifests are compared with the table of the design.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ARROWS: [(&str, &[&str]); 6] = [
    ("dokuen-core", &[]),
    ("dokuen-build", &["dokuen-core"]),
    ("dokuen-proc", &["dokuen-core"]),
    ("dokuen-nginx", &["dokuen-core"]),
    // A program of its own, run by dokuen-cli: what it brings along stays out of everything else.
    ("dokuen-acme", &["dokuen-core"]),
    ("dokuen-cli", &["dokuen-build", "dokuen-core", "dokuen-nginx", "dokuen-proc"]),
];

/// Crates from outside that only one of ours may name.
const ROOMS: [(&str, &str); 10] = [
    ("tokio", "dokuen-acme"),
    ("rustls", "dokuen-acme"),
    ("instant-acme", "dokuen-acme"),
    ("hyper-util", "dokuen-acme"),
    ("hyper-rustls", "dokuen-acme"),
    ("idna", "dokuen-cli"),
    ("clap", "dokuen-cli"),
    ("handlebars", "dokuen-nginx"),
    ("mio", "dokuen-proc"),
    ("signal-hook", "dokuen-proc"),
];

/// What only `core::fs`, `core::cmd` and `main` may do, by a lint.
const DOORS: [&str; 15] = [
    "std::fs::write",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::File::create",
    "std::fs::File::open",
    "std::fs::create_dir",
    "std::fs::create_dir_all",
    "std::fs::remove_file",
    "std::fs::remove_dir_all",
    "std::fs::rename",
    "std::fs::copy",
    "std::os::unix::fs::symlink",
    "std::process::Command::new",
    "std::env::set_current_dir",
    "std::process::exit",
];

#[test]
fn the_crates_name_each_other_as_the_table_says() {
    let members: BTreeSet<_> = fs::read_dir(root())
        .unwrap()
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| root().join(name).join("Cargo.toml").exists() && name.starts_with("dokuen-"))
        .collect();
    assert_eq!(members, ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect(), "a crate without a row");
    for (name, may) in ARROWS {
        let ours = dependencies(name).into_iter().filter(|d| d.starts_with("dokuen-"));
        assert_eq!(ours.collect::<Vec<_>>(), may, "{name}");
    }
}

#[test]
fn command_lines_templates_and_signals_stay_in_their_rooms() {
    for (outside, room) in ROOMS {
        let names: Vec<_> =
            ARROWS.iter().map(|(name, _)| *name).filter(|n| dependencies(n).contains(outside)).collect();
        assert_eq!(names, [room], "{outside}");
    }
}

#[test]
fn the_doors_are_guarded_by_lints_in_every_crate() {
    let clippy = read(&root().join("clippy.toml"));
    for door in DOORS {
        assert!(clippy.contains(&format!("\"{door}\"")), "{door}");
    }
    assert!(read(&root().join("Cargo.toml")).contains("disallowed_methods = \"warn\""));
    for (name, _) in ARROWS {
        assert!(read(&manifest(name)).contains("[lints]\nworkspace = true"), "{name}");
        let opened: BTreeSet<_> = sources(&root().join(name).join("src"))
            .into_iter()
            .filter(|path| read(path).contains("#![expect(clippy::disallowed_methods"))
            .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
            .collect();
        let doors =
            if name == "dokuen-core" { &["dokuen-core/src/cmd.rs", "dokuen-core/src/fs/mod.rs"][..] } else { &[] };
        assert_eq!(opened.iter().map(String::as_str).collect::<Vec<_>>(), doors, "{name}");
    }
}

#[test]
fn nothing_is_allowed_or_ignored_without_a_reason() {
    for path in ARROWS.iter().flat_map(|(name, _)| sources(&root().join(name).join("src"))) {
        let text = read(&path);
        for (word, instead) in [("#[allow(", "expect with a reason"), ("#[ignore", "a test that runs")] {
            let found = text.lines().any(|line| line.trim_start().starts_with(word));
            assert!(!found, "{}: {word}: {instead}", path.display());
        }
    }
}

#[test]
fn what_is_unsafe_stands_in_one_small_file_and_says_why_it_is_safe() {
    let room = root().join("dokuen-proc/src/sys.rs");
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let is_unsafe =
        |line: &&str| code(line) && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe");
    for path in ARROWS.iter().flat_map(|(name, _)| sources(&root().join(name).join("src"))).filter(|path| *path != room)
    {
        assert_eq!(read(&path).lines().find(is_unsafe), None, "{}", path.display());
    }
    let text = read(&room);
    let count = |what: &str| text.matches(what).count();
    assert_eq!(count("// SAFETY: "), text.lines().filter(is_unsafe).count(), "each says why");
    assert!(text.lines().count() < 200);
}

/// The names under `[dependencies]`, also those of one platform.
fn dependencies(name: &str) -> BTreeSet<String> {
    let (text, mut inside, mut names) = (read(&manifest(name)), false, BTreeSet::new());
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.contains("dev-") && !line.contains("build-");
        } else if inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.insert(name.to_owned());
        }
    }
    names.remove("#");
    names
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn manifest(name: &str) -> PathBuf {
    root().join(name).join("Cargo.toml")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = dirs.iter().flat_map(|dir| sources(dir));
    files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs")).cloned().chain(below).collect()
}
