//! Config vars: their values, many at once, and what somebody puts beside them.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Row, SOON, Wrong, dokuen, host, live, rows};
use crate::app::App;
use crate::outcome::run;

#[test]
fn config_var_values() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    let name = |row: &Row| row.id.replace('-', "_");
    let (accepted, rejected): (Vec<_>, Vec<_>) = rows("env_value", &[]).into_iter().partition(|row| row.accept);
    for row in &rejected {
        // By standard input: no argv could carry it.
        wrong.unless_rejected(row, &host, SOON, || app.dokuen_given("config_set", &["K=-"], row.bytes()));
    }
    let mut set = host.command(host.program());
    set.args(["config_set", "--application=app"]).args(accepted.iter().map(|row| row.os(&format!("{}=", name(row)))));
    run(&mut set, b"", None).ok();
    let shown = app.dokuen("config", &[]).ok().out;
    for row in &accepted {
        let line = [name(row).as_bytes(), b"=", row.bytes(), b"\n"].concat();
        wrong.unless(row, shown.windows(line.len()).any(|at| at == line), "is not what config shows");
        let file = fs::read(app.dir().join("env").join(name(row))).unwrap();
        wrong.unless(row, file == row.bytes(), "is not in its file");
        wrong.unless(row, app.env(&name(row)) == row.bytes(), "is not what the app has");
    }
    host.dokuen(&["shutdown"]).ok();
    host.dokuen(&["boot"]).ok();
    for row in &accepted {
        wrong.unless(row, app.env(&name(row)) == row.bytes(), "did not survive a boot");
        let one_off = app.dokuen("run_command", &["sh", "-c", &format!("printf %s \"${}\"", name(row))]).out;
        wrong.unless(row, one_off == row.bytes(), "is not what a one-off has");
    }
    wrong.none();
}

#[test]
fn sets_of_config_vars() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    for row in rows("env_set", &["ENVS-011", "ENVS-013"]) {
        let given = row.words.iter().map(|w| OsString::from_vec(w.clone()));
        let all: Vec<_> = ["config_set", "--application=app"].map(OsString::from).into_iter().chain(given).collect();
        wrong.unless_rejected(&row, &host, SOON, || dokuen(&host, &all, b""));
    }
    // ENVS-011: each is legal, together no process could be given them. One argv could not carry them either.
    let value = "x".repeat(130_000);
    let many = |from: usize, to: usize| (from..to).map(|n| format!("V{n}={value}")).collect::<Vec<_>>();
    let set = |vars: &[String]| app.dokuen("config_set", &vars.iter().map(String::as_str).collect::<Vec<_>>());
    set(&many(0, 9)).ok();
    let before = host.snapshot();
    set(&many(9, 17)).exits(2).stderr_has("the config vars hold 22").stderr_has("are allowed");
    before.unchanged_in(host.dir());
    // ENVS-013
    let pid = app.text("/pid");
    app.dokuen("config_delete", &["NOT_SET"]).ok().stdout_has("NOT_SET is not set");
    assert_eq!(app.text("/pid"), pid);
    wrong.none();
}

#[test]
fn files_planted_among_the_config_vars() {
    let host = host();
    let app = live(&host);
    let path = app.dir().join("env/FOO");
    fs::create_dir(&path).unwrap();
    refused_by_name(&app, &path);
    fs::remove_dir(&path).unwrap();
    symlink("/etc/shadow", &path).unwrap();
    refused_by_name(&app, &path);
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused_by_name(&app, &path);
    fs::remove_file(&path).unwrap();
    for leftover in ["FOO.swp", "FOO~", ".DS_Store", ".new-FOO"] {
        fs::write(app.dir().join("env").join(leftover), "x").unwrap();
    }
    app.dokuen("restart", &[]).ok();
    assert_eq!(app.dokuen("config", &[]).ok().out(), "");
    // ENVD-009 would drop a final newline; contract.md section 1 has the value as any bytes, and so it is.
    fs::write(&path, "by hand\n").unwrap();
    app.dokuen("restart", &[]).ok();
    assert_eq!(app.env("FOO"), b"by hand\n");
}

#[track_caller]
fn refused_by_name(app: &App, path: &Path) {
    let name = path.display().to_string();
    let pid = app.text("/pid");
    for (command, args) in [("restart", &[][..]), ("config", &[]), ("config_set", &["A=1"]), ("run_command", &["env"])]
    {
        let outcome = app.dokuen(command, args).exits(1).stderr_has(&name).says_nothing_else();
        assert!(outcome.took < SOON, "{outcome}");
    }
    app.commit("next").push().fails().stderr_has(&name);
    assert_eq!(app.text("/pid"), pid);
}
