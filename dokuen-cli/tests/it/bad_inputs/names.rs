//! Names: of apps, config vars, domains and buildpacks; and scales.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use super::{BY_PUSH, Row, SOON, Wrong, dokuen, host, live, rows, words};
use crate::outcome::run;

#[test]
fn app_names() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    for row in rows("app_name", &[]).iter().filter(|row| row.fits_an_argv()) {
        if row.accept {
            let made = dokuen(&host, &words(&["create"], row.os("--application=")), b"");
            wrong.unless(row, made.code == 0 && host.dir().join("apps").join(row.text()).is_dir(), made);
            continue;
        }
        for fixed in [&["create"][..], &["config"], &["shutdown"], &["deploy"]] {
            wrong.unless_rejected(row, &host, SOON, || dokuen(&host, &words(fixed, row.os("--application=")), b""));
        }
        let repo = host.dir().join("repos").join(OsString::from_vec([row.bytes(), b".git"].concat()));
        let pushed = run(
            host.command("git").current_dir(&app.checkout).arg("push").arg("--").arg(repo).arg("master"),
            b"",
            None,
        );
        if pushed.code == 0 {
            wrong.note(row, pushed);
        }
    }
    app.serves("Hello from types, version 1");
    wrong.none();
}

#[test]
fn config_var_names() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    let (accepted, rejected): (Vec<_>, Vec<_>) =
        rows("env_name", &[]).into_iter().filter(Row::fits_an_argv).partition(|row| row.accept);
    for row in &rejected {
        let last = OsString::from_vec([row.bytes(), b"=SECRET_v"].concat());
        let set = || dokuen(&host, &words(&["config_set", "--application=app", "OK=1"], last), b"");
        wrong.unless_rejected(row, &host, SOON, set);
    }
    let all: Vec<_> = accepted.iter().map(|row| format!("{}=v", row.text())).collect();
    app.dokuen("config_set", &all.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    for row in &accepted {
        let file = fs::read(app.dir().join("env").join(row.text())).unwrap_or_default();
        wrong.unless(row, file == b"v", "is not in its file");
        // A shell sets IFS itself, whatever it was given; and it runs every Procfile line.
        if row.text() != "IFS" {
            wrong.unless(row, app.env(&row.text()) == b"v", "is not what the app has");
        }
    }
    // None of them changes what Dokuen itself runs.
    app.greeting("after").push().ok().serving("after");
    wrong.none();
}

#[test]
fn scales() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    for row in rows("scale_spec", &[]) {
        if row.accept {
            let spec = row.text();
            let scaled = app.dokuen("scale", &spec.split(' ').collect::<Vec<_>>());
            wrong.unless(&row, scaled.code == 0, scaled);
            continue;
        }
        wrong.unless_rejected(&row, &host, SOON, || {
            dokuen(&host, &words(&["scale", "--application=app"], row.bytes_os()), b"")
        });
        if row.id != "SCALE-027" {
            // A type that the Procfile lacks is left out of a config var: the next push may bring it.
            let set = || dokuen(&host, &words(&["config_set", "--application=app"], row.os("DOKUEN_SCALE=")), b"");
            wrong.unless_rejected(&row, &host, SOON, set);
        }
    }
    wrong.none();
}

#[test]
fn domains() {
    let host = host();
    let app = live(&host);
    let other = host.app("other", "static-page");
    other.dokuen("config_set", &["ADDITIONAL_DOMAINS=taken.example"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("domain", &[]) {
        let set = || app.dokuen_given("config_set", &["ADDITIONAL_DOMAINS=-"], row.bytes());
        if !row.accept {
            wrong.unless_rejected(&row, &host, SOON, set);
            continue;
        }
        let outcome = set();
        wrong.unless(&row, outcome.code == 0, outcome);
        for name in row.text().split(',') {
            wrong.unless(&row, app.get_as(name, "/").body == b"Hello from types, version 1\n", name);
        }
    }
    app.dokuen("config_set", &["ADDITIONAL_DOMAINS=taken.example"]).fails().stderr_has("of the app other already");
    assert_eq!(app.get_as("unknown.example", "/").status, 404);
    wrong.none();
}

#[test]
fn buildpack_urls_and_names() {
    let host = host();
    let app = live(&host);
    let fresh = host.app("fresh", "types");
    let other = host.app("other", "static-page");
    other.push().ok();
    let mut wrong = Wrong::default();
    for row in rows("buildpack_url", &["BPU-007"]).iter().filter(|row| row.fits_an_argv()) {
        if row.accept {
            // Installing would ask the network; that it is taken as it is shows here.
            let set = dokuen(&host, &words(&["config_set", "--application=fresh"], row.os("BUILDPACK_URL=")), b"");
            wrong.unless(row, set.code == 0 && !set.out().contains("token") && !set.err.contains("token"), set);
            wrong.unless(row, fs::read(fresh.dir().join("env/BUILDPACK_URL")).unwrap() == row.bytes(), "is not kept");
            continue;
        }
        wrong.unless_rejected(row, &host, SOON, || {
            dokuen(&host, &words(&["install_buildpack", "--"], row.bytes_os()), b"")
        });
        if !row.bytes().is_empty() {
            let set = || dokuen(&host, &words(&["config_set", "--application=app"], row.os("BUILDPACK_URL=")), b"");
            wrong.unless_rejected(row, &host, SOON, set);
        }
    }
    for row in rows("buildpack_name", &[]) {
        wrong.unless_rejected(&row, &host, SOON, || {
            dokuen(&host, &words(&["remove_buildpack", "--"], row.bytes_os()), b"")
        });
        wrong.unless_rejected(&row, &host, SOON, || dokuen(&host, &words(&["remove_buildpack"], row.bytes_os()), b""));
    }
    // BPU-007: a path of this machine is allowed to who may log in there, but not another app's repository.
    app.with(".buildpacks", format!("{}\n", other.repo().display()));
    let row = Row { id: "BPU-007".to_owned(), words: vec![b"repos/other.git".to_vec()], accept: false };
    wrong.unless_rejected(&row, &host, BY_PUSH, || app.push());
    wrong.none();
}
