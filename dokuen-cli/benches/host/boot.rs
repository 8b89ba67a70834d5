//! `boot` of 20 apps until the last answers: of apps that import next to nothing, and of Python's own `http.server`, which
//! takes to start what the least of real apps take.

use std::path::Path;
use std::time::Duration;

use crate::app::App;
use crate::host::Host;
use crate::own::{Own, until_answer_asked_every};
use crate::{median, ms};

const ROUNDS: usize = 7;
/// Between two questions to a program that was started by hand.
const PAUSE: Duration = Duration::from_millis(5);

/// A fixture, and how its program is started by hand.
const KINDS: [(&str, &[&str]); 2] = [
    ("python", &["python3", "server.py"]),
    ("static-page", &["sh", "-c", "exec /usr/bin/python3 -S -E -m http.server --bind 127.0.0.1 $PORT"]),
];

pub fn measure(apps: Option<usize>) {
    for (fixture, program) in KINDS {
        measure_of(fixture, program, apps.unwrap_or(20));
    }
}

fn measure_of(fixture: &str, program: &[&str], count: usize) {
    let host = Host::new();
    let apps: Vec<App> = (0..count).map(|n| host.app(&format!("app{n}"), fixture)).collect();
    apps.iter().for_each(|app| drop(app.push().ok()));
    let (mut own, mut booted) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        host.dokuen(&["shutdown"]).ok();
        own.push(by_hand(&host, program, &apps[0].checkout, count));
        booted.push(crate::timed(|| boot(&host, &apps)));
    }
    let (own, booted) = (median(&own), median(&booted));
    println!("{count} of {fixture} by hand, until the last answers  {:>7.0} ms", ms(own));
    println!("dokuen boot, until the last of them answers     {:>7.0} ms", ms(booted));
    println!("ratio {:.2} (target: at most 1.25), medians of {ROUNDS}", ms(booted) / ms(own));
}

/// All are started before the first is asked.
fn by_hand(host: &Host, program: &[&str], checkout: &Path, count: usize) -> Duration {
    let all: Vec<Own> = (0..count).map(|_| Own::start(host, program, checkout)).collect();
    let since = all[0].begun;
    for own in &all {
        own.answers_asked_every(PAUSE);
    }
    since.elapsed()
}

/// Nobody asks before the command has ended: nginx would take from the apps what it needs to say that there is none yet.
fn boot(host: &Host, apps: &[App]) {
    host.dokuen(&["boot"]).ok();
    for app in apps {
        until_answer_asked_every(PAUSE, host.listen(), &app.domain(), |_| true);
    }
}
