//! One-offs: exactly what was typed, with its input, output, status and terminal; and those that outlive whoever started
//! them.

use std::fs;
use std::io::Read;

use serde_json::Value;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::outcome::run;

fn live_app() -> App {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app
}

fn list(app: &App) -> Vec<Value> {
    let out = app.dokuen("run:list", &["--json"]).ok().out();
    assert_eq!(crate::schema::complaints("run-list", &serde_json::from_str(&out).unwrap()), [""; 0]);
    serde_json::from_str::<Value>(&out).unwrap().as_array().unwrap().clone()
}

#[test]
fn exit_statuses_arrive_as_themselves() {
    let app = live_app();
    for (script, status) in [("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        app.dokuen("run", &["sh", "-c", script]).exits(status);
    }
    app.dokuen("run", &["no-such-program"]).exits(127).stderr_has("no-such-program");
    app.dokuen("run", &["-x", "--no-tty", "--", "sh", "-c", "exit 3"]).exits(3);
    app.dokuen("run", &["./Procfile"]).exits(126);
}

#[test]
fn a_hundred_megabytes_of_anything_pass_through_unchanged() {
    let app = live_app();
    let mut bytes = vec![0; 100 * 1024 * 1024];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    let out = app.dokuen_given("run", &["cat"], &bytes).ok().out;
    assert!(out == bytes, "{} of {} bytes came back, and not the same", out.len(), bytes.len());
}

#[test]
fn a_name_of_the_procfile_is_its_line_and_variables_can_be_given() {
    let app = Host::new().app("hello", "types");
    let web = fs::read_to_string(app.checkout.join("Procfile")).unwrap();
    app.with("Procfile", format!("{web}task: echo \"task of $WHO\" &&  echo got\n"));
    app.with(".profile.d/who.sh", "export WHO=profile\n");
    app.push().ok();
    app.dokuen("run", &["task"]).ok().stdout_is("task of profile\ngot\n");
    app.dokuen("run", &["task", "one", "two three"]).ok().stdout_is("task of profile\ngot one two three\n");
    app.dokuen("run", &["-e", "A=x y", "-e", "B=1;C=2", "sh", "-c", "echo $A $B $C $WHO $PS"])
        .ok()
        .stdout_is("x y 1 2 profile run.1\n");
    app.dokuen("run", &["-e", "A", "true"]).exits(2).stderr_has("NAME=VALUE");
}

#[test]
fn the_names_of_a_type_run_are_its_processes() {
    let app = live_app();
    app.with("Procfile", "web: exec python3 server.py\nrun: echo a process; exec sleep 600\n").push().ok();
    app.dokuen("scale", &["run=1"]).ok();
    app.dokuen("run:detached", &["-q", "echo", "a one-off"]).ok().stdout_is("run.501\n");
    eventually("it was heard", || app.dokuen("run:logs", &["run.501"]).ok().out().contains("[run.501] a one-off"));
    assert!(!app.log("run.1").contains("a one-off"));
}

/// `script` gives it a terminal of 24 lines and 80 columns, or what `stty` makes of it.
#[test]
fn a_terminal_is_a_terminal_of_its_size() {
    let app = live_app();
    let line = format!(
        "stty rows 33 cols 101; '{}' run -a hello sh -c 'stty size; test -t 0 -a -t 1 && echo is one; echo $TERM'",
        app.host.program().display()
    );
    let mut script = app.host.command("script");
    script.env("SHELL", "/bin/sh").env("TERM", "vt100");
    run(script.args(["-qec", &line, "/dev/null"]), b"", None).ok().stdout_is("33 101\r\nis one\r\nvt100\r\n");
}

#[test]
fn one_in_the_background_is_listed_heard_and_ended() {
    let app = live_app();
    let name = app
        .dokuen("run:detached", &["-q", "sh", "-c", "echo begun; echo to stderr >&2; sleep 600 & sleep 600"])
        .ok()
        .out();
    assert_eq!(name, "run.1\n");
    eventually("it was heard", || app.dokuen("run:logs", &["run.1"]).ok().out().contains("[run.1] to stderr"));
    app.dokuen("logs", &["-p", "run.1"]).ok().stdout_has("[run.1] begun");
    app.dokuen("run:detached", &["sh", "-c", "exit 7"]).ok().stdout_has("* run.2 runs in the background");
    eventually("it has ended", || list(&app)[0]["state"] == "ended");
    let all = list(&app);
    assert_eq!((&all[0]["name"], &all[0]["exit"]), (&"run.2".into(), &7.into()));
    assert_eq!(
        (&all[1]["name"], &all[1]["state"], &all[1]["release"]),
        (&"run.1".into(), &"running".into(), &"v1".into())
    );
    app.dokuen("run:list", &[]).ok().stdout_has("run.1  running  detached     -");
    // It goes on in its release while others go live.
    app.greeting("two").push().ok();
    assert_eq!(list(&app)[1]["state"], "running");
    app.dokuen("run:stop", &["run.1"]).ok().stdout_has("ended run.1 of hello");
    assert_eq!((&list(&app)[1]["state"], &list(&app)[1]["exit"]), (&"ended".into(), &143.into()));
    app.dokuen("run:stop", &["run.1"]).ok().stdout_has("run.1 has ended already");
    app.dokuen("run:logs", &[]).ok().stdout_has("[run.2] dokuen: it ended with 7");
    app.dokuen("run:stop", &["run.99"]).exits(3).stderr_has("has no one-off \"run.99\"");
    app.dokuen("run:logs", &["../web.1"]).exits(3);
    assert!(!app.host.app_processes().iter().any(|process| process.words.contains("sleep 600")), "all of it has ended");
}

#[test]
fn one_that_somebody_is_attached_to_is_listed_and_ended_too() {
    let app = Host::with(Options { conf: "keep_releases: 1\n", ..Options::default() }).app("hello", "types");
    app.push().ok();
    let tree = app.release("current");
    let mut command = app.host.command(app.host.program());
    let command = command.args(["run", "-a", "hello", "--", "sh", "-c", "echo $PS; sleep 985 & exec sleep 985"]);
    let attached = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    eventually("it is listed", || list(&app).len() == 1);
    let one = &list(&app)[0];
    assert_eq!((&one["name"], &one["state"], &one["attached"]), (&"run.1".into(), &"running".into(), &true.into()));
    assert_eq!((&one["release"], &one["exit"], one["command"][0].as_str()), (&"v1".into(), &Value::Null, Some("sh")));
    app.dokuen("run:list", &[]).ok().stdout_has("run.1  running  attached");
    app.dokuen("run:detached", &["-q", "true"]).ok().stdout_is("run.2\n");
    app.dokuen("run:logs", &["run.1"]).exits(3).stderr_has("who is attached to it");
    // Its tree stays as long as it runs, whatever is pruned.
    for number in 0..4 {
        app.greeting(&number.to_string()).push().ok();
    }
    app.dokuen("releases:prune", &[]).ok();
    assert!(tree.join("Procfile").exists());
    app.dokuen("run:stop", &["run.1"]).ok().stdout_has("ended run.1 of hello");
    let ended = attached.wait_with_output().unwrap();
    assert_eq!((ended.stdout.as_slice(), ended.status.code()), (&b"run.1\n"[..], None));
    assert!(!app.host.processes().iter().any(|process| process.words.contains("sleep 985")));
    assert!(list(&app).iter().all(|one| one["attached"] == false), "nothing is kept of it");
    eventually("nobody needs its tree any more", || {
        app.dokuen("releases:prune", &[]).ok();
        !tree.exists()
    });
    app.dokuen("run:stop", &["run.1"]).ok().stdout_has("run.1 has ended already");
    // One that was killed before it said what it runs, long ago; and one that has only just begun.
    for (name, age) in [("run.7", 300), ("run.8", 0)] {
        let dir = app.dir().join("runs").join(name);
        std::fs::create_dir(&dir).unwrap();
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        std::fs::File::open(&dir).unwrap().set_modified(then).unwrap();
    }
    app.dokuen("run", &["true"]).ok();
    assert!(!app.exists("runs/run.1"), "the next one tidies up");
    assert!(!app.exists("runs/run.7") && app.exists("runs/run.8"));
}

#[test]
fn those_in_the_background_end_with_the_app_and_one_that_was_killed_is_said() {
    let app = live_app();
    app.dokuen("run:detached", &["sleep", "601"]).ok();
    app.dokuen("run:detached", &["sleep", "602"]).ok();
    let attendant = app
        .host
        .processes()
        .into_iter()
        .find(|process| process.words.contains("run:attend") && process.words.contains("run.1"))
        .unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(attendant.pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    eventually("its loss is seen", || list(&app)[1]["state"] == "lost");
    assert!(app.host.processes().iter().any(|process| process.words.contains("sleep 601")));
    app.dokuen("run:stop", &["run.1"]).ok();
    app.dokuen("run:stop", &["--all"]).ok().stdout_has("ended run.2");
    app.dokuen("run:detached", &["sleep", "603"]).ok();
    app.host.dokuen(&["apps:destroy", "hello", "--force"]).ok();
    assert!(!app.host.processes().iter().any(|process| process.words.contains("sleep 60")));
}
