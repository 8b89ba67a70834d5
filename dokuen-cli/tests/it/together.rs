//! Several people at once.

use std::time::Instant;

use crate::host::{Host, eventually};

#[test]
fn of_two_pushes_to_one_app_one_deploys_and_the_other_is_refused_by_name() {
    let app = Host::new().app("hello", "slow");
    app.dokuen("config_set", &["SLOW_START_MS=700"]).ok();
    app.push().ok();
    for _ in 0..2 {
        app.greeting("first of two");
        let holder = || std::fs::read_to_string(app.dir().join("lock")).unwrap_or_default();
        let before = holder();
        let one = std::thread::spawn({
            let app = app.clone();
            move || app.push()
        });
        eventually("the first has begun", || holder() != before && holder().contains("deploying"));
        let refused = app.push().fails().stderr_has("app hello is busy: pid").stderr_has("deploying since");
        drop(refused);
        app.dokuen("scale", &["web=2"]).exits(5);
        app.dokuen("config_set", &["A=1"]).exits(5).stderr_has("app hello is busy");
        one.join().unwrap().ok();
        app.serves("first of two").comes_to_run(&["web.1"]);
    }
    app.greeting("after").push().ok().serving("after");
}

#[test]
fn two_apps_deploy_at_the_same_time_and_share_no_port() {
    let host = Host::new();
    let apps: Vec<_> = ["a", "b", "c"].map(|name| host.app(name, "slow")).to_vec();
    for app in &apps {
        app.dokuen("config_set", &["SLOW_START_MS=1000"]).ok();
    }
    let begun = Instant::now();
    let pushes: Vec<_> = apps.iter().cloned().map(|app| std::thread::spawn(move || (app.push().ok(), app))).collect();
    let mut longest = std::time::Duration::ZERO;
    let mut sum = std::time::Duration::ZERO;
    for push in pushes {
        let (outcome, app) = push.join().unwrap();
        app.serves("Hello from slow, version 1");
        longest = longest.max(outcome.took);
        sum += outcome.took;
    }
    assert!(begun.elapsed() < sum * 2 / 3, "they waited for each other: {:?}, {sum:?}", begun.elapsed());
    assert_eq!(host.reserved().len(), 3);
    let pids: std::collections::BTreeSet<_> = apps.iter().flat_map(|app| app.pids()).collect();
    assert_eq!(pids.len(), 3);
    let _ = longest;
    let ps = host.dokuen(&["ps"]).ok().out();
    let shown: Vec<Vec<&str>> = ps.lines().map(|line| line.split_ascii_whitespace().take(3).collect()).collect();
    assert_eq!(
        shown,
        [["app", "process", "state"], ["a", "web.1", "up"], ["b", "web.1", "up"], ["c", "web.1", "up"]],
        "{ps}"
    );
}

#[test]
fn two_creates_of_one_name_make_one_app() {
    let host = Host::new();
    let creates: Vec<_> = (0..4)
        .map(|_| {
            let host = host.clone();
            std::thread::spawn(move || host.dokuen(&["create", "--application=hello"]).code)
        })
        .collect();
    let codes: Vec<_> = creates.into_iter().map(|c| c.join().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    host.dokuen(&["apps"]).ok().stdout_is("hello\n");
    let app = crate::app::App::copied(&host, "hello", "static-page");
    app.push().ok();
}
