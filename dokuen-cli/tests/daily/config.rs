//! Config vars in every way that they come in and go out.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::app::App;
use crate::host::Host;
use crate::outcome::{Outcome, run};

fn live_app() -> App {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app
}

/// At a terminal, which is that of `script`.
fn at_a_terminal(app: &App, editor: &str, line: &str) -> Outcome {
    let line = format!("'{}' {line} --application={}", app.host.program().display(), app.name);
    let mut script = app.host.command("script");
    script.env("EDITOR", editor).env("SHELL", "/bin/sh").env("TMPDIR", app.host.temp());
    run(script.args(["-qec", &line, "/dev/null"]), b"", None)
}

#[test]
fn values_are_got_as_they_are_and_one_that_is_not_set_is_said() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config:set", &["A=one two", "B=x\ny", "C="]).ok();
    app.dokuen("config:get", &["A"]).ok().stdout_is("one two\n");
    app.dokuen("config:get", &["B", "C"]).ok().stdout_is("x\ny\n\n");
    app.dokuen("config_get", &["A", "--json"]).ok().stdout_is("{\n  \"A\": \"one two\"\n}\n");
    app.dokuen("config:get", &["A", "NOPE"]).exits(1).stderr_has("NOPE is not set").stdout_is("");
    app.dokuen("config:get", &["A B"]).exits(2);
    app.dokuen("config", &["-s"]).ok().stdout_is("A='one two'\nB='x\ny'\nC=''\n");
}

#[test]
fn nothing_is_restarted_when_nothing_has_changed_or_nobody_asks_for_it() {
    let app = live_app();
    app.dokuen("config:set", &["A=1", "B=2"]).ok().stdout_has("set A, B for hello");
    let (pid, releases) = (app.text("/pid"), app.dokuen("releases", &[]).ok().out());
    assert!(releases.contains("v2") && !releases.contains("v3"), "several at once are one release: {releases}");
    app.dokuen("config:set", &["A=1"]).ok().stdout_has("nothing has changed");
    app.dokuen("config:unset", &["NOPE"]).ok().stdout_has("NOPE is not set").stdout_has("nothing has changed");
    app.dokuen("config:set", &["--no-restart", "A=3"]).ok().stdout_has("what runs is left alone");
    assert_eq!((app.text("/pid"), app.dokuen("releases", &[]).ok().out()), (pid.clone(), releases));
    assert_eq!((app.env("A"), app.dokuen("config:get", &["A"]).ok().out), (b"1".to_vec(), b"3\n".to_vec()));
    app.dokuen("restart", &[]).ok();
    assert_eq!(app.env("A"), b"3");
    assert_ne!(app.text("/pid"), pid);
}

#[test]
fn a_value_may_come_from_a_file_or_begin_with_an_at() {
    let app = Host::new().app("hello", "types");
    let file = app.host.temp().join("a key");
    fs::write(&file, b"-----BEGIN\n\xff\n").unwrap();
    app.dokuen("config:set", &[&format!("KEY=@{}", file.display()), "HANDLE=@@me"]).ok();
    app.dokuen("config:get", &["HANDLE"]).ok().stdout_is("@me\n");
    assert_eq!(app.dokuen("config:get", &["KEY"]).ok().out, b"-----BEGIN\n\xff\n\n");
    app.dokuen("config:set", &["A=1", "B=@/nowhere"]).exits(2).stderr_has("/nowhere").stderr_has("B=@@");
    app.dokuen_given("config:set", &["A=-", "B=-"], b"x").exits(2).stderr_has("only one value");
    app.dokuen("config:get", &["A"]).exits(1);
}

#[test]
fn what_is_exported_is_imported_and_a_bad_line_sets_nothing() {
    let app = live_app();
    let text = "# a comment\nA=one two\nB='x \"y\"'\nC=\"x\\ny\"\n\nD=\n";
    app.dokuen_given("config:import", &["-"], text.as_bytes()).ok().stdout_has("set A, B, C, D for hello");
    assert_eq!((app.env("A"), app.env("C")), (b"one two".to_vec(), b"x\ny".to_vec()));
    let exported = app.dokuen("config:export", &[]).ok().out();
    assert_eq!(exported, "A=one two\nB=x \"y\"\nC=\"x\\ny\"\nD=\n");
    app.dokuen_given("config:import", &[], exported.as_bytes()).ok().stdout_has("nothing has changed");
    for (bad, said) in [
        ("A=2\nnonsense secret\n", "line 2 of standard input is not NAME=VALUE"),
        ("A=2\n1B=x\n", "line 2 of standard input"),
        ("export A=2\n", "line 1"),
        ("A=2\nB=\0\n", "line 2"),
        ("A=2\nB=\"secret\n", "the quote in line 2 of standard input is not closed at its end"),
        ("A='2' secret\n", "the quote in line 1 of standard input is not closed at its end"),
    ] {
        let outcome = app.dokuen_given("config:import", &["-"], bad.as_bytes()).exits(2);
        assert!(outcome.err.to_lowercase().contains(&said.to_lowercase()), "{outcome}");
        assert!(!outcome.err.contains("secret"), "{outcome}");
    }
    app.dokuen_given("config:import", &["-"], b"A=\xff\n").exits(2).stderr_has("no UTF-8 text");
    assert_eq!(app.dokuen("config:export", &[]).ok().out(), exported);
    let file = app.host.temp().join("new.env");
    fs::write(&file, "A=3\n").unwrap();
    app.dokuen("config:import", &["--replace", "--no-restart", file.to_str().unwrap()]).ok();
    app.dokuen("config", &[]).ok().stdout_is("A=3\n");
    app.dokuen("config:import", &["/nowhere.env"]).exits(2).stderr_has("/nowhere.env");
}

#[test]
fn a_shell_reads_what_was_exported_for_it() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config:set", &["A=it's $HOME `id`\nand more"]).ok();
    app.dokuen_given("config:set", &["RAW=-"], b"\xff'\\").ok();
    let exported = app.dokuen("config:export", &["--format=shell"]).ok().out;
    let script = [&exported[..], b"printf %s \"$A$RAW\"\n"].concat();
    let mut sh = app.host.command("/bin/sh");
    assert_eq!(run(&mut sh, &script, None).ok().out, b"it's $HOME `id`\nand more\xff'\\");
    app.dokuen("config:export", &["--format=json"]).ok().stdout_has("\"RAW\": {\n    \"base64\": \"/ydc\"");
    app.dokuen("config:export", &[]).exits(1).stderr_has("the value of RAW is no UTF-8 text").stdout_is("");
}

#[test]
fn config_of_all_apps_is_below_their_own_and_reaches_what_runs() {
    let host = Host::new();
    let (one, other) = (host.app("one", "types"), host.app("other", "types"));
    one.push().ok();
    other.push().ok();
    other.dokuen("config:set", &["A=own"]).ok();
    host.dokuen(&["config:set", "--global", "A=all", "B=all"]).ok().stdout_has("set A, B for all apps");
    assert_eq!((one.env("A"), one.env("B"), other.env("A")), (b"all".to_vec(), b"all".to_vec(), b"own".to_vec()));
    host.dokuen(&["config", "--global"]).ok().stdout_is("A=all\nB=all\n");
    // Killed, or the power cut, between the one and the other.
    let env = host.dir().join("env");
    for mend in [&["config:unset", "--global", "C"][..], &["boot"]] {
        fs::write(env.join(".undo"), "A=all\0B=all\0").unwrap();
        fs::write(env.join("A"), "half").unwrap();
        host.dokuen(mend).ok();
        host.dokuen(&["config", "--global"]).ok().stdout_is("A=all\nB=all\n");
    }
    host.dokuen(&["config:unset", "--global", "A"]).ok();
    assert_eq!(one.get("/env/A").status, 404);
    host.dokuen(&["config:set", "--global", "PORT=1"]).exits(2).stderr_has("PORT is set by Dokuen");
    host.dokuen(&["config:set", "--global", "-a", "one", "A=1"]).exits(2);
    host.dokuen(&["config:set", "A=1"]).exits(2).stderr_has("--application");
}

/// What was written in an editor and could not be set: it is where the hint says, for its owner alone.
fn kept(said: &Outcome) -> String {
    let out = said.out();
    let path = out.split_once("what you wrote is kept: mend '").unwrap_or_else(|| panic!("{said}")).1;
    let path = path.split_once('\'').unwrap().0;
    assert!(out.contains(&format!("dokuen config:import --replace --application=hello '{path}'")), "{out}");
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    fs::remove_file(path).unwrap();
    text
}

#[test]
fn an_editor_changes_them_or_leaves_them() {
    let app = live_app();
    app.dokuen("config:set", &["A=one", "B=x"]).ok();
    app.dokuen("config:edit", &[]).exits(2).stderr_has("an editor needs a terminal");
    at_a_terminal(&app, "sed -i -e s/one/two/ -e /^B/d", "config:edit").ok().stdout_has("set A, unset B for hello");
    app.dokuen("config", &[]).ok().stdout_is("A=two\n");
    assert_eq!(app.env("A"), b"two");
    at_a_terminal(&app, "false", "config:edit").exits(1).stdout_has("the editor exited with 1; nothing was set");
    at_a_terminal(&app, "true", "config:edit").ok().stdout_has("nothing has changed");
    let unread = at_a_terminal(&app, "sed -i s/A=/A/", "config:edit").exits(2).stdout_has("line 1 of what was saved");
    assert_eq!(kept(&unread), "Atwo\n");
    let meanwhile = format!("'{}' config:set -a hello --no-restart C=1 #", app.host.program().display());
    let late = at_a_terminal(&app, &meanwhile, "config:edit").exits(5).stdout_has("somebody else has changed");
    assert_eq!(kept(&late), "A=two\n");
    app.dokuen("config", &[]).ok().stdout_is("A=two\nC=1\n");
    let left = fs::read_dir(app.host.temp()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().ends_with(".env")).count(), 0);
}
