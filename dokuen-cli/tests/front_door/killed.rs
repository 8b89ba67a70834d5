//! Killed -9 in the middle of a change of the front door: the next command works, and what nginx does is what is said.

use std::fs;

use crate::app::App;
use crate::curl::try_curl;
use crate::host::Host;
use crate::outcome::{Outcome, run};
use crate::pem::Pem;
use crate::points::{self, Fault, Point};
use crate::settings::served;

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];

/// A command, and how it is seen whether it was done.
struct Change<'a> {
    words: Vec<&'a str>,
    input: Vec<u8>,
    /// Makes it undone, from wherever it was left.
    undo: &'a dyn Fn(&App),
    /// What other commands say of it.
    said: &'a dyn Fn(&App) -> String,
    /// What nginx does, in the same words.
    done: &'a dyn Fn(&App) -> String,
}

#[test]
fn domains_that_were_being_changed() {
    let host = Host::new();
    let app = served(&host);
    let said = |app: &App| {
        let list = app.dokuen("domains", &[]).ok().out();
        NAMES.into_iter().filter(|name| list.contains(name)).collect::<Vec<_>>().join(" ")
    };
    let done =
        |app: &App| NAMES.into_iter().filter(|name| app.get_as(name, "/").status == 200).collect::<Vec<_>>().join(" ");
    let to_one = |app: &App| drop(app.dokuen("domains:set", &[NAMES[0]]).ok());
    for words in [
        vec!["domains:add", "b.example", "c.example"],
        vec!["domains:remove", "a.example"],
        vec!["domains:set", "b.example", "c.example"],
    ] {
        check(&app, &Change { words, input: Vec::new(), undo: &to_one, said: &said, done: &done });
    }
}

#[test]
fn a_certificate_that_was_being_changed() {
    let host = Host::new();
    let app = served(&host);
    let [first, second] = ["first", "second"].map(|label| Pem::of(&host, label, &[&app.domain()]));
    let print = |pem: &Pem| {
        let mut openssl = host.command("openssl");
        openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&pem.cert);
        let out = run(&mut openssl, b"", None).ok().out();
        out.trim().rsplit('=').next().unwrap().replace(':', "").to_ascii_lowercase()
    };
    let prints = [print(&first), print(&second)];
    // Which of the two: one that is lost is neither.
    let which = |are: [bool; 2]| format!("first: {}, second: {}", are[0], are[1]);
    let said = |app: &App| {
        let list = app.dokuen("certs", &["--json"]).ok().out();
        which(prints.each_ref().map(|print| list.contains(print)))
    };
    let done = |app: &App| {
        let url = format!("https://{}/", app.domain());
        let believes = |pem: &Pem| try_curl(&host, &url, &["--cacert", &pem.cert.display().to_string()]).code == 0;
        which([believes(&first), believes(&second)])
    };
    let undo = |app: &App| drop(app.dokuen_given("certs:add", &[], &first.text()).ok());
    check(&app, &Change { words: vec!["certs:add"], input: second.text(), undo: &undo, said: &said, done: &done });
    // Keys of certificates that are in force no more are gone.
    assert_eq!(fs::read_dir(app.dir().join("front/certs")).unwrap().count(), 1);
}

#[test]
fn maintenance_that_was_being_switched_on() {
    let host = Host::new();
    let app = served(&host);
    let said = |app: &App| app.dokuen("maintenance", &[]).ok().out().trim().to_owned();
    let done = |app: &App| (if app.get("/").status == 503 { "on" } else { "off" }).to_owned();
    let undo = |app: &App| drop(app.dokuen("maintenance:off", &[]).ok());
    check(&app, &Change { words: vec!["maintenance:on"], input: Vec::new(), undo: &undo, said: &said, done: &done });
}

#[test]
fn a_setting_of_all_apps_that_was_being_written() {
    let host = Host::new();
    let app = served(&host);
    let (log, program) = (host.temp().join("strace"), host.program().display().to_string());
    let set = |under: &[String], value: &str| {
        let words: Vec<&str> = under.iter().map(String::as_str).chain([program.as_str(), "nginx:set", value]).collect();
        run(host.command(words[0]).args(&words[1..]), b"", None)
    };
    set(&points::watched(&log), "keepalive-timeout=70s").ok();
    let points = points::chosen(&points::read(&log, host.dir()), false);
    let put = points.iter().find(|point| point.call.starts_with("rename") && point.what.contains("front/settings"));
    let put = put.unwrap_or_else(|| panic!("{points:?}"));
    set(&points::injected(&log, put, put.nth, Fault::Kill), "keepalive-timeout=71s");
    let unfinished = || {
        let names = fs::read_dir(host.dir().join("front")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".new-")).count()
    };
    assert_eq!(unfinished(), 1);
    app.dokuen("domains:add", &["d.example"]).ok();
    assert_eq!(unfinished(), 0);
}

fn check(app: &App, change: &Change) {
    (change.undo)(app);
    let before = (change.said)(app);
    assert_eq!((change.done)(app), before);
    let points = points_of(app, change);
    let after = (change.said)(app);
    assert_ne!(before, after);
    let mut killed = 0;
    for (number, point) in points.iter().enumerate() {
        (change.undo)(app);
        let at = format!("{:?} killed at {} ({})", change.words, point.what, point.nth);
        let log = app.host.temp().join("strace");
        let outcome = run_under(app, change, &points::injected(&log, point, point.nth, Fault::Kill));
        killed += usize::from(outcome.code != 0);
        // Before anybody does anything: the app is served.
        assert!([200, 503].contains(&app.get("/").status), "{at}");
        // Some other change of the front door, by somebody who knows nothing of it.
        app.dokuen("nginx:set", &[&format!("keepalive-timeout={}s", 60 + number)]).ok();
        let said = (change.said)(app);
        assert!(said == before || said == after, "half of it: {said}: {at}");
        assert_eq!((change.done)(app), said, "{at}");
        // And once more, to the end.
        if said == before {
            run_under(app, change, &[]);
        }
        assert_eq!(((change.said)(app), (change.done)(app)), (after.clone(), after.clone()), "{at}");
        nothing_half_stays(app, &at);
    }
    // A moment is missed when a run takes another way than the first did.
    assert!(killed >= points.len() / 2, "{:?}: killed {killed} times of {}", change.words, points.len());
    (change.undo)(app);
}

/// What others can see of the command's work when nobody stops it, each thing once: it is killed before that. What it
/// writes beside, and what it shows to nginx in a scratch directory, counts from there on.
fn points_of(app: &App, change: &Change) -> Vec<Point> {
    let log = app.host.temp().join("strace");
    run_under(app, change, &points::watched(&log));
    let points = points::chosen(&points::read(&log, app.host.dir()), false);
    let is_seen = |point: &Point| {
        let word = ["rename", "unlink", "clone"].iter().any(|word| point.call.starts_with(word));
        word && !point.what.contains(" tmp/")
    };
    let points: Vec<Point> = points.into_iter().filter(is_seen).collect();
    assert!(points.len() >= 6, "{points:?}");
    points
}

fn run_under(app: &App, change: &Change, words: &[String]) -> Outcome {
    let mut all: Vec<String> = words.to_vec();
    all.push(app.host.program().display().to_string());
    all.push(change.words[0].to_owned());
    all.push(format!("--application={}", app.name));
    all.extend(change.words[1..].iter().map(|word| (*word).to_owned()));
    run(app.host.command(&all[0]).args(&all[1..]), &change.input, None)
}

fn nothing_half_stays(app: &App, at: &str) {
    let mut find = app.host.command("find");
    let places = [app.dir().join("front"), app.host.dir().join("nginx")];
    find.args(&places).args(["-name", ".new-*", "-o", "-name", "~*", "-o", "-name", ".pending"]);
    assert_eq!(run(&mut find, b"", None).ok().out(), "", "{at}");
}
