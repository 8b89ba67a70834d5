//! The catalogue of bad inputs through a real sshd. `DOKUEN_BAD_INPUTS` names another file of the same form.

use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::door::Door;
use crate::gatekeeper::Gatekeeper;
use crate::host::fixtures;
use crate::outcome::{Outcome, run};

pub struct Row {
    pub id: String,
    pub input: Vec<Vec<u8>>,
    pub rejected: bool,
}

pub fn rows(entry: &str) -> Vec<Row> {
    let path = std::env::var_os("DOKUEN_BAD_INPUTS").map_or_else(|| fixtures().join("bad_inputs.json"), Into::into);
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all.iter().filter(|row| row["entry"] == entry).map(row).collect()
}

fn row(row: &Value) -> Row {
    let bytes = |text: &Value| match row["enc"].as_str() {
        Some("b64") => base64(text.as_str().unwrap()),
        Some("rep") => {
            let (count, text) = text.as_str().unwrap().split_once('*').unwrap();
            text.repeat(count.parse().unwrap()).into_bytes()
        }
        _ => text.as_str().unwrap().as_bytes().to_vec(),
    };
    let input = match &row["input"] {
        Value::Array(words) => words.iter().map(bytes).collect(),
        text => vec![bytes(text)],
    };
    let id = row["id"].as_str().unwrap().to_owned();
    Row { id, input, rejected: row["expect"] == "reject" }
}

fn base64(text: &str) -> Vec<u8> {
    let mut decode = std::process::Command::new("base64");
    run(decode.arg("-d"), text.as_bytes(), None).ok().out
}

/// What holds for every input that is refused, and that nothing was left of it.
#[track_caller]
fn refused(id: &str, out: &Outcome) {
    assert_ne!(out.code, 0, "{id}: {out}");
    assert!(out.took < Duration::from_secs(2), "{id} took {:?}", out.took);
    assert_eq!(out.out(), "", "{id}: {out}");
    assert!(!out.err.trim().is_empty(), "{id}: {out}");
    for word in ["panicked", "RUST_BACKTRACE", "\u{1b}"] {
        assert!(!out.err.contains(word), "{id}: {out}");
    }
}

pub fn no_marks() {
    let marks = std::fs::read_dir("/tmp").unwrap().filter_map(|e| e.ok()?.file_name().into_string().ok());
    assert_eq!(marks.filter(|name| name.starts_with("PWN")).collect::<Vec<_>>(), Vec::<String>::new());
}

/// A word as it must be typed for a reader that knows POSIX quotes.
fn quoted(word: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = word.iter().flat_map(|b| if *b == b'\'' { b"'\\''".to_vec() } else { vec![*b] }).collect();
    [b"'", &text[..], b"'"].concat()
}

/// No argv holds a NUL, so ssh cannot send one as it is; the encoding of client mode could try.
fn without_nul(line: Vec<u8>) -> Vec<u8> {
    match line.strip_prefix(b"dokuen ").filter(|line| line.contains(&0)) {
        Some(words) => {
            [&b"dokuen --encoded "[..], words].concat().split(|b| *b == 0).collect::<Vec<_>>().join(&b"%00"[..])
        }
        // git has no such encoding: what it can send is a second word.
        None => line.split(|b| *b == 0).collect::<Vec<_>>().join(&b"' '"[..]),
    }
}

fn ssh_bytes(door: &Door, who: &str, line: &[u8], input: &[u8]) -> Outcome {
    use std::os::unix::ffi::OsStrExt;
    let mut ssh = door.ssh_command(who, &["-T"], &[]);
    if !line.is_empty() {
        ssh.arg(std::ffi::OsStr::from_bytes(line));
    }
    run(&mut ssh, input, None)
}

/// bob has the app x; the app other is anna's.
fn people() -> (Door, App) {
    let door = Door::with_anna();
    door.add("bob", &[]).ok();
    let app = door.app("bob", "x", "python");
    door.ssh("anna", "dokuen create -a other").ok();
    door.keep("anna");
    door.keep("bob");
    door.git("bob", &app, &["push", "dokuen", "master"]).ok();
    (door, app)
}

#[test]
fn commands() {
    let (door, app) = people();
    for row in rows("ssh_command") {
        let before = door.host.snapshot();
        let line = &row.input[0];
        // git's services answer to git only: what matters is that they were let in.
        let out = ssh_bytes(&door, "bob", line, b"0000");
        if row.rejected {
            refused(&row.id, &out);
            before.unchanged_in(door.host.dir());
        } else {
            assert_eq!(out.code, 0, "{}: {out}", row.id);
        }
        no_marks();
    }
    assert_eq!(app.env("A"), b"*.rb");
    app.serves("Hello from Python, version 1");
}

/// Gitolite answers most of these itself, in its own words; what holds is that nothing came of them.
#[test]
fn commands_behind_gitolite() {
    let gate = Gatekeeper::with("repo x\n    RW+ = bob\nrepo other\n    RW+ = anna\n");
    let (door, app) = (&gate.door, gate.checkout("x", "python"));
    door.ssh("bob", "dokuen create -a x").ok();
    door.ssh("anna", "dokuen create -a other").ok();
    gate.push("bob", &app).ok();
    door.keep("bob");
    for row in rows("ssh_command") {
        let before = door.host.snapshot();
        let out = ssh_bytes(door, "bob", &row.input[0], b"0000");
        if row.rejected {
            assert_ne!(out.code, 0, "{}: {out}", row.id);
            before.unchanged_in(door.host.dir());
        } else if row.input[0].starts_with(b"dokuen ") {
            assert_eq!(out.code, 0, "{}: {out}", row.id);
        }
        no_marks();
    }
    assert_eq!(app.env("A"), b"*.rb");
    app.serves("Hello from Python, version 1");
}

#[test]
fn programs() {
    let (door, _app) = people();
    for row in rows("run_command") {
        let app = if row.id == "RUN-007" { "other" } else { "x" };
        let who = if row.id == "RUN-007" { "anna" } else { "bob" };
        let words: Vec<Vec<u8>> = row.input.iter().map(|word| quoted(word)).collect();
        let line = [format!("dokuen run_command --application={app} ").into_bytes(), words.join(&b' ')].concat();
        if row.input == [b"sleep".to_vec(), b"1000".to_vec()] {
            // That it ends with its session is tested in `hostile`.
            continue;
        }
        let out = ssh_bytes(&door, who, &line, b"input");
        match (row.rejected, row.id.as_str()) {
            (true, "RUN-003") => assert_eq!(out.code, 127, "{out}"),
            (true, _) => refused(&row.id, &out),
            (false, "RUN-011") => assert_eq!(out.code, 7, "{out}"),
            (false, "RUN-009") => assert_eq!(out.out(), "a b\n"),
            (false, "RUN-015") => assert_eq!(out.out(), "input"),
            (false, _) => assert_eq!(out.code, 0, "{}: {out}", row.id),
        }
    }
}

#[test]
fn names_of_users() {
    let (door, _app) = people();
    for row in rows("user_name") {
        let before = door.host.snapshot();
        let file = std::fs::read(door.authorized_keys()).unwrap();
        let key = std::fs::read(door.key(&format!("n{}", row.id)).with_extension("pub")).unwrap();
        let name = if row.input[0] == b"bob" { b"bobby".to_vec() } else { row.input[0].clone() };
        let line = [&b"dokuen adduser "[..], &quoted(&name)].concat();
        let out = ssh_bytes(&door, "anna", &line, &key);
        if row.rejected {
            refused(&row.id, &out);
            before.unchanged_in(door.host.dir());
            assert_eq!(std::fs::read(door.authorized_keys()).unwrap(), file, "{}", row.id);
        } else {
            assert_eq!(out.code, 0, "{}: {out}", row.id);
            door.ssh(&format!("n{}", row.id), "").ok().stdout_has(&format!("Hello {}", String::from_utf8_lossy(&name)));
        }
    }
}

#[test]
fn keys() {
    let (door, _app) = people();
    for row in rows("ssh_pubkey") {
        let before = door.host.snapshot();
        let file = std::fs::read(door.authorized_keys()).unwrap();
        let out = ssh_bytes(&door, "anna", b"dokuen adduser carl", &row.input[0]);
        if row.rejected {
            refused(&row.id, &out);
            before.unchanged_in(door.host.dir());
            assert_eq!(std::fs::read(door.authorized_keys()).unwrap(), file, "{}", row.id);
            continue;
        }
        assert_eq!(out.code, 0, "{}: {out}", row.id);
        let text = String::from_utf8(std::fs::read(door.authorized_keys()).unwrap()).unwrap();
        let key = String::from_utf8_lossy(&row.input[0]).trim_end().to_owned();
        assert!(text.lines().any(|line| line.ends_with(&format!(" carl\" {key}"))), "{}: {text}", row.id);
        door.host.dokuen(&["removeuser", "carl"]).ok();
    }
}

#[test]
fn names_of_apps() {
    let (door, app) = people();
    for row in rows("app_name") {
        let before = door.host.snapshot();
        let name = quoted(&row.input[0]);
        let lines =
            [b"dokuen create --application=".to_vec(), b"dokuen config -a ".to_vec(), b"git-receive-pack ".to_vec()];
        if row.rejected {
            for line in lines {
                refused(&row.id, &ssh_bytes(&door, "anna", &without_nul([line, name.clone()].concat()), b""));
            }
            before.unchanged_in(door.host.dir());
        } else {
            assert_eq!(ssh_bytes(&door, "anna", &[lines[0].clone(), name].concat(), b"").code, 0, "{}", row.id);
        }
        no_marks();
    }
    app.serves("Hello from Python, version 1");
}

#[test]
fn options_of_pushes() {
    let (door, app) = people();
    for row in rows("push_option") {
        let option = String::from_utf8_lossy(&row.input[0]).into_owned();
        app.with("file", &row.id);
        let out = door.git("bob", &app, &["push", "-o", &option, "dokuen", "master"]);
        assert!(out.err.contains("the receiving end does not support push options") || option.contains('\n'), "{out}");
        assert_ne!(out.code, 0, "{out}");
        no_marks();
    }
    door.git("bob", &app, &["push", "dokuen", "master"]).ok();
}

#[test]
fn names_and_values_of_config_vars() {
    let (door, app) = people();
    let env = app.dir().join("env");
    // Nothing is started with them: what an app makes of its PATH is its own business.
    let set = |word: Vec<u8>, input: &[u8]| {
        let line = [b"dokuen config:set --application=x --no-restart OK=1 ".to_vec(), quoted(&word)].concat();
        ssh_bytes(&door, "bob", &without_nul(line), input)
    };
    for row in rows("env_name") {
        let before = door.host.snapshot();
        let out = set([&row.input[0], &b"=SECRET"[..]].concat(), b"");
        if row.rejected {
            refused(&row.id, &out);
            before.unchanged_in(door.host.dir());
        } else {
            assert_eq!(out.code, 0, "{}: {out}", row.id);
            assert_eq!(std::fs::read(env.join(String::from_utf8_lossy(&row.input[0]).as_ref())).unwrap(), b"SECRET");
        }
        no_marks();
    }
    // By standard input, which takes any bytes.
    for row in rows("env_value") {
        let before = door.host.snapshot();
        let out = ssh_bytes(&door, "bob", b"dokuen config:set --application=x --no-restart V=-", &row.input[0]);
        if row.rejected {
            refused(&row.id, &out);
            before.unchanged_in(door.host.dir());
        } else {
            assert_eq!(out.code, 0, "{}: {out}", row.id);
            assert_eq!(std::fs::read(env.join("V")).unwrap(), row.input[0], "{}", row.id);
        }
    }
    // Its sum is refused in `it::bad_inputs`; what is unset there is no set.
    for row in rows("env_set").iter().filter(|row| row.rejected && row.id != "ENVS-011") {
        let before = door.host.snapshot();
        let words: Vec<Vec<u8>> = row.input.iter().map(|word| quoted(word)).collect();
        let line = [b"dokuen config:set --application=x ".to_vec(), words.join(&b' ')].concat();
        refused(&row.id, &ssh_bytes(&door, "bob", &line, b""));
        before.unchanged_in(door.host.dir());
    }
    app.serves("Hello from Python, version 1");
}

#[test]
fn scales() {
    let (door, app) = people();
    for row in rows("scale_spec") {
        let before = door.host.snapshot();
        let words = if row.rejected { quoted(&row.input[0]) } else { row.input[0].clone() };
        let out = ssh_bytes(&door, "bob", &[&b"dokuen scale --application=x "[..], &words].concat(), b"");
        if row.rejected {
            refused(&row.id, &out);
            before.unchanged_in(door.host.dir());
        } else {
            assert_eq!(out.code, 0, "{}: {out}", row.id);
        }
        no_marks();
    }
    app.comes_to_run(&["web.1", "worker.1"]);
}
