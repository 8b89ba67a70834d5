//! What a pushed tree brings along: its Procfile, its `.env`, what its buildpack says of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{BY_PUSH, Wrong, host, live, rows};
use crate::app::App;
use crate::host::Host;
use crate::outcome::{Outcome, run};

/// Commits what `change` makes of the checkout, pushes, and forgets it again when it was refused.
fn push_of(app: &App, change: impl FnOnce(&Path)) -> Outcome {
    app.git(&["reset", "-q", "--hard", "dokuen/master"]).ok();
    change(&app.checkout);
    app.commit("a row");
    app.push()
}

/// A buildpack that does `script` in the build directory, named by the pushed tree.
fn built_by(host: &Host, script: &str, release: &[u8]) -> String {
    let compile = format!("#!/bin/sh\ncd \"$1\"\n{script}\n");
    let pack = host.buildpack_of(
        "buildpack-row",
        &[
            ("detect", b"#!/bin/sh\n"),
            ("compile", compile.as_bytes()),
            ("release", b"#!/bin/sh\nexec \"$(dirname \"$0\")/say\"\n"),
            ("say", b"#!/bin/sh\ncat \"$(dirname \"$0\")/yaml\"\n"),
            ("yaml", release),
        ],
    );
    format!("{}\n", pack.display())
}

#[test]
fn procfiles() {
    let host = host();
    let app = live(&host);
    app.dokuen("config_set", &["DOKUEN_SCALE=web=0"]).ok();
    app.git(&["fetch", "-q", "dokuen"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("procfile", &[]) {
        let change = |dir: &Path| {
            let path = dir.join("Procfile");
            fs::remove_file(&path).unwrap();
            match row.text().as_str() {
                "<symlink to /etc/passwd>" => symlink("/etc/passwd", path).unwrap(),
                "<fifo created by the build>" => {
                    fs::write(dir.join(".buildpacks"), built_by(&host, "mkfifo Procfile", b"--- {}\n")).unwrap();
                }
                _ if row.id == "PROC-019" => fs::write(path, format!("{}: x\n", row.text())).unwrap(),
                _ => fs::write(path, row.bytes()).unwrap(),
            }
        };
        if !row.accept {
            wrong.unless_rejected(&row, &host, BY_PUSH, || push_of(&app, change));
            continue;
        }
        let pushed = push_of(&app, change);
        wrong.unless(&row, pushed.code == 0, pushed);
        let procfile = fs::read_to_string(app.release("current").join("Procfile")).unwrap();
        let read = dokuen_core::Procfile::parse(&procfile).unwrap();
        for line in row.text().lines() {
            let (name, command) = line.split_once(": ").unwrap();
            let name = dokuen_core::ProcessType::parse(name).unwrap();
            wrong.unless(&row, read.command(&name) == Some(command.trim_end_matches('\r')), &procfile);
        }
    }
    app.greeting("after").commit("after");
    wrong.none();
}

#[test]
fn dotenvs() {
    let host = host();
    let app = live(&host);
    app.dokuen("config_set", &["SECRET=SECRET_other"]).ok();
    app.git(&["fetch", "-q", "dokuen"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("dotenv", &[]) {
        let change = |dir: &Path| match row.text().as_str() {
            "<symlink to ../../other/env/SECRET>" => symlink("../../env/SECRET", dir.join(".env")).unwrap(),
            "<fifo>" => fs::write(dir.join(".buildpacks"), built_by(&host, "mkfifo .env", b"--- {}\n")).unwrap(),
            "<missing>" => {}
            _ => fs::write(dir.join(".env"), row.bytes()).unwrap(),
        };
        if !row.accept {
            wrong.unless_rejected(&row, &host, BY_PUSH, || push_of(&app, change));
            continue;
        }
        let pushed = push_of(&app, change);
        wrong.unless(&row, pushed.code == 0, pushed);
        if let Some((name, value)) = row.text().lines().find_map(|l| l.split_once('=')) {
            wrong.unless(&row, app.env(name) == value.trim_end().as_bytes(), "is not what the app has");
        }
    }
    app.dokuen("config_set", &["A=by config_set"]).ok();
    assert_eq!(app.env("A"), b"by config_set", "DOTENV-021");
    wrong.none();
}

#[test]
fn release_yaml() {
    let host = host();
    let app = live(&host);
    app.git(&["fetch", "-q", "dokuen"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("release_yaml", &[]) {
        let list = built_by(&host, "", row.bytes());
        let say = Path::new(list.trim()).join("bin/say");
        match row.text().as_str() {
            "<exit 1>" => fs::write(&say, "#!/bin/sh\nexit 1\n").unwrap(),
            "<prints 1 GB>" => fs::write(&say, "#!/bin/sh\nexec head -c 1000000000 /dev/zero\n").unwrap(),
            _ => {}
        }
        run(
            host.command("git").current_dir(list.trim()).args(["commit", "-q", "--allow-empty", "-am", "row"]),
            b"",
            None,
        )
        .ok();
        let change = |dir: &Path| fs::write(dir.join(".buildpacks"), &list).unwrap();
        if row.accept {
            let pushed = push_of(&app, change);
            wrong.unless(&row, pushed.code == 0, pushed);
            let procfile = fs::read_to_string(app.release("current").join("Procfile")).unwrap();
            wrong.unless(&row, procfile.starts_with("web: exec /usr/bin/python3"), procfile);
        } else {
            wrong.unless_rejected(&row, &host, BY_PUSH, || push_of(&app, change));
        }
    }
    app.serves("Hello from types, version 1");
    wrong.none();
}
