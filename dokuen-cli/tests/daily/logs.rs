//! Logs: what is asked for and no more, merged in time, and nothing missed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::outcome::run;

fn with_log(app: &App, name: &str, lines: &[&str]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(app.dir().join("logs").join(format!("dokuen.hello.{name}")), text).unwrap();
}

fn app_with_logs() -> App {
    let app = Host::new().app("hello", "types");
    with_log(&app, "web.1.2", &["[2026-01-01 00:00:00][web.1] oldest"]);
    with_log(&app, "web.1.1", &["[2026-01-01 00:00:01][web.1] older"]);
    with_log(&app, "web.1", &["[2026-01-01 00:00:03][web.1] three", "[2026-01-01 00:00:05][web.1] five"]);
    with_log(&app, "web.2", &["[2026-01-01 00:00:02][web.2] two"]);
    with_log(&app, "worker.1", &["[2026-01-01 00:00:04][worker.1] four \u{1b}[1mbold\u{1b}[0m"]);
    app
}

#[test]
fn lines_are_merged_in_time_and_older_parts_are_read_when_they_are_needed() {
    let app = app_with_logs();
    let said = |args: &[&str]| {
        let out = app.dokuen("logs", &[&["-q"], args].concat()).ok().out();
        out.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said(&[]), ["oldest", "older", "two", "three", "four", "five"]);
    assert_eq!(said(&["-n", "2"]), ["four", "five"]);
    assert_eq!(said(&["-p", "web"]), ["oldest", "older", "two", "three", "five"]);
    assert_eq!(said(&["-p", "web.2", "-d", "worker"]), ["two", "four"]);
    assert_eq!(said(&["--since", "2026-01-01 00:00:03"]), ["three", "four", "five"]);
    assert_eq!(said(&["--since", "1m"]), [""; 0]);
    app.dokuen("logs", &["-n1"]).ok().stdout_is("[2026-01-01 00:00:05][web.1] five\n");
    app.dokuen("logs", &["-n1", "--json"])
        .ok()
        .stdout_is("{\"at\":\"2026-01-01T00:00:05Z\",\"process\":\"web.1\",\"text\":\"five\"}\n");
    app.dokuen("logs", &["--since", "yesterday"]).exits(2).stderr_has("\"yesterday\" is no time");
    app.dokuen("logs", &["-p", "clock"]).exits(3).stderr_has("hello has no log of \"clock\"");
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let app = app_with_logs();
    let line = format!("'{}' logs -a hello -n 1", app.host.program().display());
    let shown = |variable: &str, value: &str| {
        let mut script = app.host.command("script");
        script.env("SHELL", "/bin/sh").env("TERM", "xterm").env(variable, value);
        run(script.args(["-qec", &line, "/dev/null"]), b"", None).ok().out()
    };
    let colored = shown("A", "b");
    assert!(colored.starts_with("\x1b[") && colored.contains("[web.1]\x1b[0m five"), "{colored:?}");
    assert_eq!(shown("NO_COLOR", "1"), "[2026-01-01 00:00:05][web.1] five\r\n");
    assert_eq!(shown("TERM", "dumb"), "[2026-01-01 00:00:05][web.1] five\r\n");
}

#[test]
fn what_is_followed_goes_on_across_rotations_and_deploys() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let mut command = app.host.command(app.host.program());
    let mut child = command.args(["logs", "-t", "-q", "-a", "hello"]).stdout(Stdio::piped()).spawn().unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    let out = child.stdout.take().unwrap();
    std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let mut heard: Vec<String> = Vec::new();
    let mut hear = |what: &str| {
        eventually(what, || {
            heard.extend(receive.try_iter());
            heard.iter().any(|line| line == what)
        });
        heard.iter().filter(|line| *line == what).count()
    };
    // A log that no wrapper writes: it is rotated here as the wrapper does it, between two looks.
    let path = app.dir().join("logs/dokuen.hello.extra.1");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        writeln!(file, "[2026-01-01 00:00:00][extra.1] {text}").unwrap();
    };
    append("first");
    assert_eq!(hear("first"), 1);
    append("before the rotation");
    fs::rename(&path, path.with_extension("1.1")).unwrap();
    append("after the rotation");
    assert_eq!((hear("before the rotation"), hear("after the rotation")), (1, 1));
    app.greeting("two").push().ok();
    app.dokuen("run:detached", &["echo", "said by a one-off"]).ok();
    assert_eq!(hear("said by a one-off"), 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn builds_and_nginx_are_sources_of_their_own() {
    let app = Host::new().app("hello", "types");
    app.dokuen("logs", &["-s", "build"]).exits(3).stderr_has("hello has no release yet");
    app.push().ok();
    app.dokuen("logs", &["--source=build"]).ok().stdout_has("][build] * detecting buildpack... done");
    let log = app.host.dir().join("nginx/own/error.log");
    let line = |host: &str| format!("2026/01/01 12:00:00 [error] 7#7: *1 x, client: 127.0.0.1, host: \"{host}\"\n");
    let mut file = fs::OpenOptions::new().append(true).open(log).unwrap();
    file.write_all((line(&app.domain()) + &line("other.test")).as_bytes()).unwrap();
    let said = app.dokuen("logs", &["-s", "nginx"]).ok().out();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("[2026-01-01 12:00:00][nginx] [error] 7#7"), "{said}");
}
