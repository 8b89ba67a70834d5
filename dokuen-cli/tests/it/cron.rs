//! Scheduled jobs: `cron:tick` as the machine's scheduler runs it, `cron`, `cron:run`, `cron:logs`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::outcome::{Outcome, run};

/// A number of minutes before now, in UTC, in one of `date`'s forms.
fn ago(minutes: u32, form: &str) -> String {
    let mut date = Command::new("date");
    let date = date.args(["-u", "-d", &format!("{minutes} minutes ago"), &format!("+{form}")]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

/// Due at that minute of each day, and so once in the time of a test.
fn at(minutes_ago: u32) -> String {
    ago(minutes_ago, "%M %H * * *")
}

fn tick(app: &App) -> Outcome {
    run(app.host.command(app.host.program()).env("TZ", "UTC").arg("cron:tick"), b"", None)
}

/// As if the last tick that came had come so many minutes ago.
fn last_tick(app: &App, job: &str, minutes: u32) {
    let dir = app.dir().join("cron");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(job), ago(minutes, "%Y%m%dT%H%M%S")).unwrap();
}

fn jobs(app: &App) -> Vec<Value> {
    serde_json::from_str(&app.dokuen("cron", &["--json"]).ok().out()).unwrap()
}

fn runs(app: &App) -> Vec<Value> {
    serde_json::from_str(&app.dokuen("run:list", &["--json"]).ok().out()).unwrap()
}

fn ended(app: &App) {
    eventually("no run is under way", || runs(app).iter().all(|run| run["state"] == "ended"));
}

fn app(jobs: &str) -> App {
    let app = Host::new().app("hello", "types");
    app.with("app.json", format!(r#"{{"cron": {jobs}}}"#));
    app.push().ok();
    app
}

#[test]
fn what_is_due_runs_once_in_the_live_release_whatever_is_deployed() {
    let schedule = at(5);
    let list = format!(
        r#"[{{"name": "clean", "schedule": "{schedule}", "command": "echo cleaning $A in $DOKUEN_RELEASE as $PS, $EXTRA; exit 3"}},
            {{"name": "other", "schedule": "@yearly", "command": "true"}},
            {{"name": "off", "schedule": "* * * * *", "command": "true", "maintenance": true}}]"#
    );
    let app = app(&list);
    app.dokuen("config:set", &["A=things"]).ok();
    app.with(".profile.d/x.sh", "export EXTRA=by-profile\n").push().ok();
    tick(&app).ok().stdout_is("");
    assert_eq!(runs(&app).len(), 0, "nothing is due for a moment before the release");
    last_tick(&app, "clean", 10);
    tick(&app).ok().stdout_has("hello: clean runs as cron.1");
    ended(&app);
    let log = app.log("cron.1");
    assert!(log.contains("][cron.1] cleaning things in v3 as cron.1, by-profile\n"), "{log}");
    app.dokuen("logs", &["-p", "cron"]).ok().stdout_has("cleaning things");
    tick(&app).ok().stdout_is("");
    app.greeting("two").push().ok();
    tick(&app).ok().stdout_is("");
    assert_eq!(runs(&app).len(), 1);
    let all = jobs(&app);
    assert_eq!(all.iter().map(|job| job["name"].as_str().unwrap()).collect::<Vec<_>>(), ["clean", "other", "off"]);
    assert_eq!((&all[0]["schedule"], &all[0]["last_run"]["exit"]), (&schedule.into(), &3.into()));
    assert_eq!((&all[0]["last_run"]["name"], &all[0]["last_run"]["release"]), (&"cron.1".into(), &"v3".into()));
    assert!(all[0]["next_at"].as_str().unwrap().ends_with(":00Z") && all[1]["last_run"].is_null());
    assert!(all[2]["next_at"].is_null() && all[2]["paused"] == true);
    app.dokuen("cron:list", &[]).ok().stdout_has("next (UTC)").stdout_has("paused");
    app.dokuen("cron:logs", &["clean"]).ok().stdout_has("cleaning things");
    app.dokuen("cron:logs", &["other"]).exits(3).stderr_has("other of hello has not run yet");
}

#[test]
fn a_tick_that_was_killed_neither_doubles_nor_loses_a_run() {
    let app = app(&format!(r#"[{{"name": "j", "schedule": "{}", "command": "echo ran >> $HOME/../../ran"}}]"#, at(5)));
    let ran = || fs::read_to_string(app.dir().join("ran")).unwrap_or_default();
    last_tick(&app, "j", 10);
    tick(&app).ok();
    ended(&app);
    // Killed after it has started the run and before it could note that.
    last_tick(&app, "j", 10);
    tick(&app).ok().stdout_is("");
    assert_eq!((ran().as_str(), runs(&app).len()), ("ran\n", 1));
    // Killed after it has asked for the run, before anybody attended to it.
    last_tick(&app, "j", 10);
    for file in ["lock", "result"] {
        fs::remove_file(app.dir().join("runs/cron.1").join(file)).unwrap();
    }
    tick(&app).ok().stdout_has("j runs as cron.");
    ended(&app);
    assert_eq!((ran().as_str(), runs(&app).len()), ("ran\nran\n", 1));
    // Noted by a clock that was ahead.
    fs::write(app.dir().join("cron/j"), "20990101T000000").unwrap();
    tick(&app).ok();
    assert!(!fs::read_to_string(app.dir().join("cron/j")).unwrap().starts_with("2099"));
    // Missed for longer than an hour, it is not made up for.
    app.with("app.json", format!(r#"{{"cron": [{{"name": "k", "schedule": "{}", "command": "true"}}]}}"#, at(70)));
    app.push().ok();
    last_tick(&app, "k", 90);
    tick(&app).ok().stdout_is("");
    assert!(!app.exists("cron/j"), "what is known of a job that is gone is forgotten");
}

#[test]
fn a_job_never_overlaps_itself_and_may_be_run_by_hand() {
    let list = format!(
        r#"[{{"name": "slow", "schedule": "{}", "command": "echo begun; exec sleep 100"}},
            {{"name": "quick", "schedule": "@yearly", "command": "echo said; exit 42"}}]"#,
        at(5)
    );
    let app = app(&list);
    app.dokuen("cron:run", &["quick"]).exits(42).stdout_has("quick runs as cron.1").stdout_has("[cron.1] said");
    app.dokuen("cron:run", &["nothing"]).exits(3).stderr_has("hello has no scheduled job nothing");
    app.dokuen("cron:run", &["../x"]).exits(2).stderr_has("job name");
    app.dokuen("cron:run", &["slow", "--detached"]).ok().stdout_has("slow runs as cron.2");
    app.dokuen("cron:run", &["slow"]).exits(5).stderr_has("slow of hello runs already");
    last_tick(&app, "slow", 10);
    tick(&app).ok().stderr_has("hello: slow still runs: the run of");
    tick(&app).ok().stdout_is("");
    app.dokuen("run:stop", &["cron.2"]).ok();
    // A shut down app starts nothing, and an app that goes takes its jobs along.
    app.dokuen("shutdown", &[]).ok();
    last_tick(&app, "slow", 10);
    tick(&app).ok().stdout_is("");
    app.dokuen("boot", &[]).ok();
    tick(&app).ok().stdout_has("slow runs as cron.3");
    app.dokuen("apps:destroy", &["--confirm=hello"]).ok();
    eventually("nothing of it runs", || app.host.app_processes().is_empty());
}

#[test]
fn a_job_that_takes_too_long_is_ended_and_that_is_said() {
    let list = r#"[{"name": "long", "schedule": "@yearly", "command": "trap '' TERM; echo begun; sleep 986 & sleep 986", "timeout": 1},
                   {"name": "short", "schedule": "@yearly", "command": "true", "timeout": 600}]"#;
    let app = app(list);
    app.dokuen("cron:run", &["short"]).ok();
    // It takes no notice of TERM, so it is KILL that ends it, and all that it has started.
    app.dokuen("cron:run", &["long"])
        .exits(137)
        .stdout_has("] begun")
        .stdout_has("it has run for 1 s and may not longer");
    assert!(!app.host.processes().iter().any(|process| process.words.contains("sleep 986")));
    let all = jobs(&app);
    assert_eq!((&all[0]["timeout"], &all[0]["last_run"]["timed_out"]), (&1.into(), &true.into()));
    assert_eq!((&all[1]["timeout"], &all[1]["last_run"]["timed_out"]), (&600.into(), &false.into()));
    app.dokuen("cron", &[]).ok().stdout_has("timed out");
    app.with("app.json", r#"{"cron": [{"schedule": "@daily", "command": "true", "timeout": "1h"}]}"#);
    app.push().fails().stderr_has("app.json: cron[0].timeout must be a whole number from 1 to 604800");
}

#[test]
fn every_line_of_a_job_is_logged_before_its_end() {
    let command = "for n in $(seq 900); do echo $n; done; printf last";
    let app = app(&format!(r#"[{{"name": "many", "schedule": "@yearly", "command": "{command}"}}]"#));
    let said = String::from_utf8(app.dokuen("cron:run", &["many"]).ok().out).unwrap();
    let lines = said.lines().filter_map(|line| line.split_once("[cron.1] ")).map(|(_, text)| text.to_owned());
    let wanted = (1..=900).map(|n| n.to_string()).chain(["last".to_owned(), "dokuen: it ended with 0".to_owned()]);
    assert_eq!(lines.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

#[test]
fn whether_the_machine_looks_for_jobs_is_seen_and_setup_says_how() {
    let host = Host::not_set_up(&Options::default());
    let said = host.setup(&[]).ok().err;
    assert!(said.contains("scheduled jobs") && said.contains("cron:tick"), "{said}");
    let timer = fs::read_to_string(host.dir().join("boot/dokuen-cron.timer")).unwrap();
    assert!(timer.contains("OnCalendar=minutely"), "{timer}");
    let service = fs::read_to_string(host.dir().join("boot/dokuen-cron.service")).unwrap();
    assert!(service.contains("bin/dokuen\" --quiet cron:tick") && service.contains("KillMode=process"), "{service}");
    let home = host.temp().join("home");
    fs::create_dir(&home).unwrap();
    let conf: PathBuf = host.dir().join("dokuen.conf");
    fs::write(&conf, format!("{}app_user_home: {}\n", fs::read_to_string(&conf).unwrap(), home.display())).unwrap();
    let app = host.app("hello", "types");
    let state = || {
        let out = host.dokuen(&["doctor", "--json"]);
        let report: Value = serde_json::from_str(&out.out()).unwrap();
        let all = report["checks"].as_array().unwrap().clone();
        let cron = all.into_iter().find(|check| check["check"] == "cron").unwrap();
        (cron["state"].as_str().unwrap().to_owned(), cron["says"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(), ("ok".to_owned(), "no app has scheduled jobs".to_owned()));
    app.with("app.json", r#"{"cron": [{"schedule": "@yearly", "command": "true"}]}"#).push().ok();
    let (bad, says) = state();
    assert!(bad == "problem" && says.contains("hello wait"), "{bad}: {says}");
    tick(&app).ok();
    assert_eq!(state().0, "ok");
    app.with("app.json", r#"{"cron": [{"schedule": "0 25 * * *", "command": "true"}]}"#);
    app.push().fails().stderr_has("app.json: cron[0].schedule cannot be followed").stderr_lacks("detecting");
}
