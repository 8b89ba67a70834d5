//! What a session is limited to when somebody types a command in it is no limit of the app's.

use std::fs;
use std::process::Command;

use crate::app::App;
use crate::host::Host;
use crate::outcome::run;

/// `dokuen restart` in a shell that has first done this, itself started by these words.
fn restart(app: &App, before: &[&str], limits: &str) {
    let script = format!("{limits}; exec \"$0\" restart --application=hello");
    let words = [before, &["/bin/sh", "-c", &script]].concat();
    let mut command: Command = app.host.command(words[0]);
    run(command.args(&words[1..]).arg(app.host.program()), b"", None).ok();
}

/// The soft and the hard one of the process that answers, by the first words of its line.
fn limit(app: &App, name: &str) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", app.text("/pid").trim())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

fn nice(app: &App) -> String {
    let stat = fs::read_to_string(format!("/proc/{}/stat", app.text("/pid").trim())).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().to_owned()
}

#[test]
fn an_app_does_not_keep_the_limits_of_whoever_restarts_it() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let as_ever = ["Max open files", "Max stack size", "Max file size"].map(|name| limit(&app, name));
    restart(&app, &[], "ulimit -S -n 64; ulimit -S -t 5000; ulimit -S -f 90000; ulimit -S -v 9000000");
    for name in ["Max cpu time", "Max file size", "Max address space"] {
        let (soft, hard) = limit(&app, name);
        assert_eq!(soft, hard, "{name}");
    }
    assert_eq!(limit(&app, "Max open files").0, "1024");
    restart(&app, &[], "true");
    assert_eq!(["Max open files", "Max stack size", "Max file size"].map(|name| limit(&app, name)), as_ever);
    // Whatever account the test runs as: what it may not lift in a shell, it may not here.
    restart(&app, &["nice", "-n", "15"], "ulimit -n 30; ulimit -t 5000");
    if says(&app, "ulimit -t 5000; ulimit -t unlimited; ulimit -t") == "unlimited" {
        assert_eq!(limit(&app, "Max cpu time"), ("unlimited".to_owned(), "unlimited".to_owned()));
        assert_eq!(limit(&app, "Max open files").0, "1024");
    }
    assert_eq!(nice(&app), says(&app, "nice -n 15 nice -n -15 nice"));
}

fn says(app: &App, script: &str) -> String {
    run(app.host.command("/bin/sh").args(["-c", script]), b"", None).out().trim().to_owned()
}

#[test]
fn a_limit_that_cannot_be_lifted_is_named() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let says = "hello: web.1 ends after 5000 s of CPU";
    assert!(!app.host.dokuen(&["doctor"]).out().contains(says));
    let as_ordinary: &[&str] =
        if nix::unistd::geteuid().is_root() { &["setpriv", "--bounding-set=-sys_resource"] } else { &[] };
    restart(&app, as_ordinary, "ulimit -t 5000");
    app.host.dokuen(&["doctor"]).stdout_has(says);
}
