//! Logs: what is asked for and no more, merged in time, and nothing missed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::Receiver;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::http::Client;
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

/// `logs -t` of an app, heard line by line.
struct Following {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Following {
    fn begin(app: &App, args: &[&str]) -> Self {
        let mut command = app.host.command(app.host.program());
        command.args(["logs", "-t", "-q", "-a", "hello"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, heard: Vec::new() }
    }

    /// How many lines hold this, once one does.
    fn hear(&mut self, what: &str) -> usize {
        self.hear_times(what, 1)
    }

    fn hear_times(&mut self, what: &str, times: usize) -> usize {
        let count = |heard: &[String]| heard.iter().filter(|line| line.contains(what)).count();
        eventually(what, || {
            self.heard.extend(self.lines.try_iter());
            count(&self.heard) >= times
        });
        count(&self.heard)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

#[test]
fn what_is_followed_goes_on_across_rotations_and_deploys() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let mut following = Following::begin(&app, &[]);
    // A log that no wrapper writes: it is rotated here as the wrapper does it, between two looks.
    let path = app.dir().join("logs/dokuen.hello.extra.1");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        writeln!(file, "[2026-01-01 00:00:00][extra.1] {text}").unwrap();
    };
    append("first");
    assert_eq!(following.hear("first"), 1);
    append("before the rotation");
    fs::rename(&path, path.with_extension("1.1")).unwrap();
    append("after the rotation");
    assert_eq!((following.hear("before the rotation"), following.hear("after the rotation")), (1, 1));
    app.greeting("two").push().ok();
    app.dokuen("run:detached", &["echo", "said by a one-off"]).ok();
    assert_eq!(following.hear("said by a one-off"), 1);
}

/// Ended by nobody but itself: what it said on standard error.
fn end_of(mut following: Following) -> (Option<i32>, Vec<String>) {
    eventually("it ends", || following.child.try_wait().unwrap().is_some());
    let mut said = String::new();
    let err = following.child.stderr.take().unwrap();
    BufReader::new(err).read_to_string(&mut said).unwrap();
    following.heard.extend(following.lines.iter());
    let code = following.child.wait().unwrap().code();
    let heard = following.heard.clone();
    (code, heard.into_iter().chain(said.lines().map(str::to_owned)).collect())
}

#[test]
fn a_follower_ends_with_its_app_and_hears_nothing_of_the_next_one_of_that_name() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("run:detached", &["echo", "of the first"]).ok();
    let mut following = Following::begin(&app, &[]);
    following.hear("of the first");
    app.dokuen("apps:destroy", &["--confirm=hello"]).ok();
    app.dokuen("create", &[]).ok();
    with_log(&app, "web.1", &["[2026-01-01 00:00:00][web.1] of the second"]);
    let (code, said) = end_of(following);
    assert_eq!(code, Some(3), "{said:?}");
    assert!(said.contains(&"  ! hello is gone".to_owned()), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("of the second")), "{said:?}");
}

#[test]
fn an_app_is_followed_under_its_next_name() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    app.dokuen("run:detached", &["echo", "by its first name"]).ok();
    let mut following = Following::begin(&app, &[]);
    let mut build = Following::begin(&app, &["-s", "build"]);
    following.hear("by its first name");
    build.hear("detecting buildpack");
    app.dokuen("apps:rename", &["other"]).ok();
    host.dokuen(&["run:detached", "-a", "other", "echo", "by its next name"]).ok();
    assert_eq!(following.hear("by its next name"), 1);
    assert_eq!(following.hear("by its first name"), 1, "nothing is said twice");
    assert_eq!(build.hear("detecting buildpack"), 1);
    host.dokuen(&["apps:destroy", "other", "--confirm=other"]).ok();
    let (code, said) = end_of(following);
    assert!(code == Some(3) && said.contains(&"  ! other is gone".to_owned()), "{code:?} {said:?}");
}

#[test]
fn logs_of_one_offs_share_the_apps_room_and_are_read_across_what_was_set_aside() {
    let host = Host::with(Options { conf: "log_bytes: 100000\napp_log_bytes: 1000000\n", ..Options::default() });
    let app = host.app("hello", "types");
    app.push().ok();
    for number in 1..=4 {
        app.dokuen("run:detached", &["seq", "40000"]).ok();
        let name = format!("run.{number}");
        eventually("it has ended", || app.dokuen("run:logs", &[&name]).ok().out().contains("it ended with 0"));
    }
    let logs = fs::read_dir(app.dir().join("logs")).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
    let taken: u64 = logs.map(|meta| meta.len()).sum();
    assert!(taken < 1_000_000 + 400 * 1024, "{taken}");
    let said = app.dokuen("logs", &["-p", "run.4", "-n", "2000"]).ok().out();
    let said: Vec<_> = said.lines().filter_map(|line| line.split_once("][run.4] ")?.1.parse::<u32>().ok()).collect();
    assert!(said.len() > 1900 && said.ends_with(&[39_999, 40_000]), "{said:?}");
    assert!(said.windows(2).all(|pair| pair[0] + 1 == pair[1]), "nothing is missing in between");
    app.dokuen("config_set", &["DOKUEN_APP_LOG_BYTES=5"])
        .fails()
        .stderr_has("DOKUEN_APP_LOG_BYTES must be a whole number");
}

#[test]
fn builds_are_a_source_of_their_own_and_followed_while_they_run() {
    let app = Host::new().app("hello", "types");
    app.dokuen("logs", &["-s", "build"]).exits(3).stderr_has("hello has no release yet");
    app.push().ok();
    app.dokuen("logs", &["--source=build"]).ok().stdout_has("][build] * detecting buildpack... done");
    app.dokuen("logs", &["-s", "build", "-p", "web"]).exits(2).stderr_has("--process is for what processes say");
    let mut following = Following::begin(&app, &["-s", "build"]);
    assert_eq!(following.hear("detecting buildpack"), 1);
    let slow = app.host.buildpack("buildpack-slow");
    app.dokuen("config:set", &["--no-restart", &format!("BUILDPACK_URL={}", slow.display())]).ok();
    app.with("SLEEP", "600").commit("slow");
    let mut push = app.host.command("git");
    let push = push.current_dir(&app.checkout).args(["push", "-q", "dokuen", "master"]).stderr(Stdio::null());
    let mut push = push.spawn().unwrap();
    assert_eq!(following.hear("Sleeping"), 1, "while the build runs");
    app.dokuen("logs", &["-s", "build"]).ok().stdout_has("detecting buildpack");
    app.dokuen("deploys:cancel", &[]).ok();
    push.wait().unwrap();
}

#[test]
fn requests_and_errors_of_nginx_are_sources_and_followed_across_a_rotation() {
    let host = Host::with(Options { conf: "log_bytes: 10000\n", ..Options::default() });
    let (app, other) = (host.app("hello", "types"), host.app("other", "types"));
    app.push().ok();
    other.push().ok();
    let mut following = Following::begin(&app, &["-s", "nginx"]);
    assert_eq!((app.get("/pid").status, other.get("/env/HOME").status), (200, 200));
    assert_eq!(following.hear("\"GET /pid HTTP/1.1\" 200 "), 1);
    let access = host.dir().join("nginx/own/access.log");
    let junk = format!("{}\n", "x".repeat(99)).repeat(110);
    fs::OpenOptions::new().append(true).open(&access).unwrap().write_all(junk.as_bytes()).unwrap();
    host.dokuen(&["cron:tick"]).ok();
    assert!(access.with_extension("log.1").exists());
    assert_eq!(app.get("/env/PS").status, 200);
    assert_eq!((following.hear("\"GET /env/PS HTTP/1.1\" 200 "), following.hear("GET /pid")), (1, 1));
    let said = app.dokuen("logs", &["-s", "nginx-access", "--json"]).ok().out();
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| crate::schema::complaints("log", line).is_empty()), "{said}");
    assert!(lines.iter().all(|line| line["process"] == "nginx.access") && !said.contains("/env/HOME"), "{said}");
    let at = |line: &serde_json::Value| line["text"].as_str().unwrap().contains("GET /pid");
    assert_eq!(lines.iter().filter(|line| at(line)).count(), 1, "what was set aside is read too: {said}");
    // What goes wrong is said with the name that was asked for; a client's own words are nobody's name.
    app.dokuen("nginx:set", &["client-max-body-size=1k"]).ok();
    let mut client = Client::connect(host.listen(), &app.domain()).unwrap();
    assert_eq!(client.post("/len", &[b'x'; 5000]).unwrap().status, 413);
    assert_eq!(following.hear("client intended to send too large body"), 1);
    app.dokuen("logs", &["-s", "nginx-error"]).ok().stdout_has("][nginx.error] [error] ");
    other.dokuen("logs", &["-s", "nginx-error"]).ok().stdout_is("");
    app.dokuen("nginx:set", &["access-log=json"]).ok();
    assert_eq!(app.get("/env/DYNO").status, 200);
    assert_eq!(following.hear("\"uri\":\"/env/DYNO\""), 1);
    let own = host.dir().join("nginx/own/dokuen.hello.access.log");
    assert!(own.exists());
    app.dokuen("apps:destroy", &["--confirm=hello"]).ok();
    assert!(!own.exists());
}

#[test]
fn the_machines_nginx_is_read_where_its_admins_allow_it() {
    let host = Host::new();
    let conf = host.dir().join("dokuen.conf");
    let app = host.app("nobody-has-this-name", "types");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(
        &conf,
        text.lines().filter(|line| !line.starts_with("nginx:")).map(|l| format!("{l}\n")).collect::<String>(),
    )
    .unwrap();
    let said = app.dokuen("logs", &["-s", "nginx-access"]).exits(3);
    said.stderr_has("the machine's nginx keeps no log of nobody-has-this-name alone").stderr_has("access-log=combined");
    fs::write(&conf, text).unwrap();
}
