//! mason: a copy is built and put elsewhere.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use dokuen_build::{BuildError, Format, package};
use dokuen_core::{Collected, Environment};

use crate::host::{Host, named};

fn pack_with(host: &Host, compile: &str, format: Format, to: &Path) -> (Result<(), BuildError>, Vec<String>) {
    let pack = host.pack("mason", compile, "echo 'config_vars: {B: 1, A: 2}'");
    let mut out = Collected::default();
    let above = Environment::default().with("A", "3").with("C", "4");
    let result = package(&host.plan(named(&[pack.to_str().unwrap()])), &above, format, to, &mut out);
    (result, host.redacted(out.0))
}

/// An app with all that a copy could lose.
fn app() -> Host {
    let host = Host::new().with("sub/run.sh", "x").with("closed/file", "y").with(".env", "A=own\n");
    let app = host.app();
    fs::set_permissions(app.join("sub/run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("sub/run.sh", app.join("link")).unwrap();
    symlink("/nowhere/at all", app.join("dangling")).unwrap();
    fs::set_permissions(app.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    assert!(
        Command::new("touch")
            .args(["-h", "-d", "2001-02-03T04:05:06Z", "sub/run.sh", "dangling"])
            .current_dir(&app)
            .status()
            .unwrap()
            .success()
    );
    host
}

fn state(dir: &Path) -> String {
    let output = Command::new("sh")
        .arg("-c")
        .arg("find . -exec ls -ldn --time-style=full-iso {} + | sort -k9; find . -type f -exec cksum {} +")
        .current_dir(dir)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_directory_is_made_beside_and_the_source_is_not_touched() {
    let host = app();
    let (before, to) = (state(&host.app()), host.root().join("out"));
    let (result, lines) = pack_with(&host, r#"echo made >"$1/made""#, Format::Dir, &to);
    result.unwrap();
    assert_eq!(lines[lines.len() - 3..], ["* packaging... done", "  = type: dir", "  = location: ROOT/out"]);
    assert_eq!(state(&host.app()), before);
    assert_eq!(fs::read_to_string(to.join("made")).unwrap(), "made\n");
    assert_eq!(fs::read_to_string(to.join(".env")).unwrap(), "B=1\nA=3\nC=4\n");
    assert_eq!(fs::read_link(to.join("dangling")).unwrap(), Path::new("/nowhere/at all"));
    for path in ["sub/run.sh", "dangling"] {
        let meta = to.join(path).symlink_metadata().unwrap();
        let was = host.app().join(path).symlink_metadata().unwrap();
        assert_eq!((meta.mode(), meta.mtime()), (was.mode(), was.mtime()), "{path}");
        assert_eq!(meta.mtime(), 981_173_106);
    }
    assert_eq!(to.join("closed").metadata().unwrap().mode() & 0o777, 0o555);
    assert_eq!(
        fs::read_dir(host.root())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'))
            .count(),
        0
    );
}

#[test]
fn an_archive_is_sorted_and_the_same_for_the_same_tree() {
    let host = app();
    let times = r#"touch -d 2001-02-03T04:05:06Z "$1/sub" "$1/closed""#;
    let (one, two) = (host.root().join("one.tgz"), host.root().join("two.tgz"));
    for to in [&one, &two] {
        pack_with(&host, times, Format::Tgz, to).0.unwrap();
    }
    let list = Command::new("tar").arg("-tvzf").arg(&one).arg("--numeric-owner").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let names: Vec<_> = list.lines().map(|l| l.split_whitespace().nth(5).unwrap()).collect();
    assert_eq!(names, [".env", "closed/", "closed/file", "dangling", "link", "sub/", "sub/run.sh"]);
    assert!(
        list.contains("-rwxr-x--- 0/0 ") && list.contains("dangling -> /nowhere/at all") && list.contains("2001-02-03"),
        "{list}"
    );
    let content = |path: &Path| Command::new("tar").arg("-xOzf").arg(path).output().unwrap().stdout;
    assert_eq!(content(&one), content(&two));
    assert_eq!(one.metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn what_is_there_is_replaced_only_by_a_build_that_succeeded() {
    let host = app();
    let to = host.root().join("out.dir");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("old"), "old").unwrap();
    let (result, _) = pack_with(&host, "exit 1", Format::Dir, &to);
    assert_eq!(result.unwrap_err().to_string(), "compile failed");
    assert_eq!(fs::read_to_string(to.join("old")).unwrap(), "old");
    pack_with(&host, "true", Format::Dir, &to).0.unwrap();
    assert!(!to.join("old").exists() && to.join("sub/run.sh").exists());
    let missing = host.root().join("no/such/out");
    assert!(
        pack_with(&host, "true", Format::Dir, &missing).0.unwrap_err().to_string().starts_with("no such directory: ")
    );
}

#[test]
fn a_result_inside_the_source_does_not_hold_itself() {
    let host = Host::new().with("file", "x");
    let to = host.app().join("out");
    for _ in 0..2 {
        pack_with(&host, "true", Format::Dir, &to).0.unwrap();
    }
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".env", "file"]);
}

#[test]
fn a_fifo_is_refused_and_never_read() {
    let host = Host::new();
    assert!(Command::new("mkfifo").arg(host.app().join("fifo")).status().unwrap().success());
    let (result, _) = pack_with(&host, "true", Format::Dir, &host.root().join("out"));
    assert!(matches!(result, Err(BuildError::Unpackable { .. })));
}
