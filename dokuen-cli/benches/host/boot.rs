//! `boot` of 20 apps until the last answers.

use std::path::Path;
use std::time::Duration;

use crate::app::App;
use crate::host::Host;
use crate::own::{Own, until_answer_asked_every};
use crate::{median, ms};

const ROUNDS: usize = 7;
/// Between two questions to a program that was started by hand.
const PAUSE: Duration = Duration::from_millis(5);

pub fn measure(apps: Option<usize>) {
    let host = Host::new();
    let count = apps.unwrap_or(20);
    let apps: Vec<App> = (0..count).map(|n| host.app(&format!("app{n}"), "python")).collect();
    apps.iter().for_each(|app| drop(app.push().ok()));
    let (mut own, mut booted) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        host.dokuen(&["shutdown"]).ok();
        own.push(by_hand(&host, &apps[0].checkout, count));
        booted.push(crate::timed(|| boot(&host, &apps)));
    }
    let (own, booted) = (median(&own), median(&booted));
    println!("{count} programs by hand, until the last answers  {:>7.0} ms", ms(own));
    println!("dokuen boot, until the last of {count} answers    {:>7.0} ms", ms(booted));
    println!("ratio {:.2} (target: at most 1.25), medians of {ROUNDS}", ms(booted) / ms(own));
}

/// All are started before the first is asked.
fn by_hand(host: &Host, checkout: &Path, count: usize) -> Duration {
    let all: Vec<Own> = (0..count).map(|_| Own::start(host, &["python3", "server.py"], checkout)).collect();
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
