//! Commands as the README of 2012 has them, typed as the fingers like.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually};

fn live_app() -> App {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app
}

#[test]
fn the_words_of_the_old_readme() {
    let host = Host::new();
    host.dokuen(&["create", "--application=hello"]).ok().stdout_has("git remote add dokuen ");
    let app = App::copied(&host, "hello", "types");
    app.push().ok();
    for (words, shown) in [
        (&["config_set", "--application=hello", "-V", "A=1", "B=2"][..], "set A, B for hello"),
        (&["config", "--application=hello"], "A=1\nB=2\n"),
        (&["config:set", "--app", "hello", "C=3"], "set C for hello"),
        (&["config_delete", "-a", "hello", "-V", "B"], "unset B for hello"),
        (&["config:delete", "--app=hello", "C"], "unset C for hello"),
        (&["scale", "--application=hello", "web=2", "worker=1"], "scaled hello to web=2,worker=1"),
        (&["scale", "--application=hello", "web=1,clock=1"], "scaled hello to clock=1,web=1,worker=1"),
        (&["scale", "-a", "hello", "worker+1"], "worker=2"),
        (&["scale", "-a", "hello"], "clock=1\nweb=1\nworker=2\n"),
        (&["restart", "--application=hello"], "restarted hello"),
        (&["run_command", "--application=hello", "echo", "a b"], "a b\n"),
        (&["run", "-a", "hello", "--", "echo", "-n", "x"], "x"),
        (&["run", "-a", "hello", "printf", "%s", "-e", "--app"], "-e--app"),
        (&["deploy", "--application=hello", "--rev=master"], "deployed hello"),
        (&["buildpacks"], "no buildpacks installed"),
        (&["shutdown", "--application=hello"], "stopped hello"),
        (&["boot"], ""),
        (&["boot", "--application=hello"], "hello: started"),
        (&["apps"], "hello\n"),
    ] {
        host.dokuen(words).ok().stdout_has(shown);
    }
    app.serves("Hello from types, version 1");
    assert_eq!(app.env("A"), b"1");
}

#[test]
fn what_is_called_wrongly_is_said_and_changes_nothing() {
    let app = live_app();
    let before = app.host.snapshot();
    for (words, exit, said) in [
        (&["nonsense"][..], 2, "nonsense"),
        // The nearest two, in this order: clap knows a dozen.
        (&["releases:prun"], 2, "similar subcommands exist: 'releases:prune', 'releases'\n"),
        (&["domain:add"], 2, "similar subcommands exist: 'domains:add', 'domains'\n"),
        (&["run", "-a", "hello", "--detached", "true"], 2, "unexpected argument '--detached' found"),
        (&["scal"], 2, "similar subcommands exist: 'scale', 'ps:scale'\n"),
        (&["scale", "--aplication=hello"], 2, "a similar argument exists: '--application'"),
        (&["config"], 2, "--application"),
        (&["config", "--application=nosuch"], 3, "no such app: nosuch"),
        (&["config_set", "--application=hello"], 2, "NAME=VALUE"),
        (&["create", "--application=hello"], 1, "the app hello exists already"),
        (&["scale", "--application=hello", "web=abc"], 2, "web=abc"),
        (&["scale", "--application=hello", "nosuch=1"], 2, "the Procfile has no process type `nosuch`"),
        (&["deploy", "--application=hello", "--rev=nosuch"], 3, "has no revision"),
        (&["deploy", "--application=hello", "--rev=--help"], 3, "has no revision"),
        (&["remove_buildpack", "nosuch"], 3, "nosuch buildpack is not installed"),
        (&["apps:destroy", "--application=hello"], 2, "--confirm=hello"),
        (&["run_command", "--application=hello"], 2, "COMMAND"),
    ] {
        app.host.dokuen(words).exits(exit).stderr_has(said).says_nothing_else();
    }
    before.unchanged_in(app.host.dir());
}

#[test]
fn run_command_passes_everything_through() {
    let app = live_app();
    let run = |args: &[&str]| app.dokuen("run_command", args);
    run(&["printf", "[%s]", "a b", "", "c\nd", "$HOME", "*", "'\""]).ok().stdout_is("[a b][][c\nd][$HOME][*]['\"]");
    for status in [0, 1, 42, 255] {
        run(&["sh", "-c", &format!("exit {status}")]).exits(status);
    }
    run(&["sh", "-c", "kill -9 $$"]).exits(137);
    run(&["sh", "-c", "kill -TERM $$"]).exits(143);
    run(&["nosuchprogram"]).exits(127).stderr_has("nosuchprogram");
    run(&["./Procfile"]).exits(126);
    run(&["sh", "-c", "echo out; echo err >&2; exit 7"]).exits(7).stdout_is("out\n").stderr_has("err\n");
    let input: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    assert_eq!(app.dokuen_given("run_command", &["cat"], &input).ok().out, input);
    run(&["sh", "-c", "pwd; echo ${PORT-none}; cat Procfile"])
        .ok()
        .stdout_has(app.release("current").to_str().unwrap())
        .stdout_has("none")
        .stdout_has("web: exec");
    let fresh = app.host.app("fresh", "types");
    fresh.dokuen("run_command", &["ls"]).exits(3).stderr_has("fresh has no release yet").says_nothing_else();
}

#[test]
fn a_signal_to_run_command_reaches_what_it_runs() {
    let app = live_app();
    let mut command = app.host.command(app.host.program());
    command.args([
        "run_command",
        "--application=hello",
        "sh",
        "-c",
        "trap 'echo got it; exit 9' INT; echo ready; read x",
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    // The shell's trap runs once `read` is interrupted or answered.
    let _ = child.stdin.take().unwrap().write_all(b"\n");
    line.clear();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "got it\n");
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn after_build_and_release_run_in_the_new_release_before_it_starts() {
    let app = Host::new().app("hello", "after-build");
    app.dokuen("config_set", &["DOKUEN_AFTER_BUILD=./after.sh", "GREETING=from the config"]).ok();
    app.push().ok().stderr_has("* running DOKUEN_AFTER_BUILD").stderr_has("after-build ran in");
    assert_eq!(app.text("/after"), "from the config");
    let procfile = std::fs::read_to_string(app.checkout.join("Procfile")).unwrap();
    app.with("Procfile", procfile + "release: printf 'release in %s' \"$PWD\" > after-build-ran\n");
    app.push().ok().stderr_has("* running release");
    assert_eq!(app.text("/after"), format!("release in {}", app.release("current").display()));
    // Neither is a process.
    app.dokuen("config_delete", &["DOKUEN_AFTER_BUILD"]).ok();
    assert_eq!(app.runs().iter().filter(|name| *name != "web.1").count(), 0);
}

#[test]
fn restart_starts_a_new_process_with_the_same_release() {
    let app = live_app();
    let (pid, release) = (app.text("/pid"), app.release("current"));
    app.dokuen("restart", &[]).ok();
    assert_ne!(app.text("/pid"), pid);
    assert_eq!(app.release("current"), release);
    assert!(!app.exists("previous"));
    app.dokuen("releases", &[]).ok().stdout_has("* v1");
}

#[test]
fn logs_show_what_the_processes_say_and_outlive_them() {
    let app = live_app();
    app.dokuen("scale", &["worker=1"]).ok();
    eventually("both have said something", || {
        app.log("web.1").contains("listening") && app.log("worker.1").contains("worker 2")
    });
    app.dokuen("logs", &["-n", "1000"]).ok().stdout_has("[web.1] server listening").stdout_has("[worker.1] worker 1");
    let web = app.dokuen("logs", &["-p", "web"]).ok().stdout_has("[web.1]");
    assert!(!web.out().contains("worker"), "{web}");
    assert_eq!(app.dokuen("logs", &["-n", "1", "-p", "worker.1"]).ok().out().lines().count(), 1);
    app.greeting("next").push().ok();
    app.dokuen("logs", &["-p", "web"]).ok().stdout_has("listening");
    assert_eq!(app.log("web.1").matches("listening").count(), 2, "one log for all releases");
}

#[test]
fn destroy_leaves_nothing_of_an_app_and_everything_of_the_others() {
    let host = Host::new();
    let (gone, stays) = (host.app("gone", "types"), host.app("stays", "types"));
    gone.push().ok();
    stays.push().ok();
    gone.dokuen("scale", &["worker=2"]).ok();
    gone.dokuen("apps:destroy", &["--confirm", "other"]).exits(2);
    gone.serves("Hello from types, version 1");
    gone.dokuen("apps:destroy", &["--confirm", "gone"]).ok();
    assert_eq!(gone.get("/").status, 404);
    let find = std::process::Command::new("find").arg(host.dir()).args(["-name", "*gone*"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&find.stdout), "");
    assert_eq!(host.reserved().len(), 1);
    stays.serves("Hello from types, version 1");
    host.app("stays2", "types");
    host.dokuen(&["create", "--application=gone"]).ok();
}

#[test]
fn a_push_to_an_app_that_was_shut_down_says_that_it_runs_again() {
    let app = live_app();
    assert!(!app.greeting("two").push().ok().err.contains("shut down"));
    app.dokuen("shutdown", &[]).ok();
    app.greeting("three").push().ok().stderr_has("  = it was shut down, and runs again").serving("three");
}

#[test]
fn the_commits_of_an_app_that_was_removed_by_hand_are_nobody_elses() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    app.dokuen("shutdown", &[]).ok();
    std::fs::remove_dir_all(app.dir()).unwrap();
    let refused = host.dokuen(&["create", "hello"]).exits(1);
    refused.stderr_has("has the commits of an app hello that is gone").stderr_has(".old");
    assert!(!app.dir().exists());
    std::fs::rename(app.repo(), app.repo().with_extension("git.old")).unwrap();
    host.dokuen(&["create", "hello"]).ok();
    app.dokuen("deploy", &[]).exits(3).stderr_has("nothing was pushed to hello yet");
    // What came into the repository without a push is deployed all the same.
    app.git(&[
        "push",
        "--quiet",
        "--receive-pack=git -c core.hooksPath=/nowhere receive-pack",
        "dokuen",
        "master:main",
    ])
    .ok();
    app.dokuen("deploy", &[]).ok();
    app.serves("Hello from Python, version 1");
}

#[test]
fn a_tag_that_is_called_like_the_deployed_branch_is_not_deployed_in_its_place() {
    let app = live_app();
    app.greeting("two").push().ok().serving("two");
    app.git(&["push", "-q", "dokuen", "HEAD~1:refs/tags/master"]).ok();
    app.dokuen("deploy", &[]).ok().serving("two");
    // Nor where no branch is noted yet.
    std::fs::remove_file(app.dir().join("branch")).unwrap();
    app.dokuen("deploy", &[]).ok().serving("two");
}

#[test]
fn a_rollback_to_files_that_were_pruned_names_those_that_are_there() {
    let app = live_app();
    for number in 2..4 {
        app.greeting(&format!("{number}")).push().ok();
    }
    let first = app.dokuen("releases:info", &["v1", "--json"]).ok().out();
    let tree = serde_json::from_str::<serde_json::Value>(&first).unwrap()["tree"].as_str().unwrap().to_owned();
    std::fs::remove_dir_all(app.dir().join("releases").join(tree)).unwrap();
    app.dokuen("rollback", &["v1"])
        .exits(3)
        .stderr_has("the files of v1 were pruned")
        .stderr_has("those of v3, v2 are there");
}

#[test]
fn a_reader_that_leaves_does_not_stop_a_deploy() {
    let app = live_app();
    app.greeting("unseen").push_to("HEAD:refs/heads/unseen").ok();
    let mut command = app.host.command(app.host.program());
    command.args(["deploy", "--application=hello", "--rev=unseen"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    app.serves("unseen");
}

#[test]
fn a_host_that_was_not_set_up_says_what_to_do() {
    let host = Host::not_set_up(&crate::host::Options::default());
    let mut command = host.command(env!("CARGO_BIN_EXE_dokuen"));
    let begun = Instant::now();
    crate::outcome::run(command.arg("apps"), b"", None).exits(9).stderr_has("has not been set up").says_nothing_else();
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_release_is_not_whole_before_its_release_phase_is_over() {
    let app = Host::new().app("hello", "python");
    app.dokuen("config_set", &["DOKUEN_AFTER_BUILD=test ! -e .dokuen/complete"]).ok();
    app.push().ok().serving("Hello from Python, version 1");
    app.release("current");
}
