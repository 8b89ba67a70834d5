//! No request is lost: of those that were sent while the app was changed, each came back as a 200 with the right body.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::host::Host;
use crate::load::{Load, Mix};

fn under_load() -> (App, Load) {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let load = Load::on(&app);
    (app, load)
}

/// What `.ci/million` runs at full size: so many redeploys (`DOKUEN_REDEPLOYS`), and at least so many requests
/// (`DOKUEN_REQUESTS`) spread over them, from clients without a pause.
#[test]
fn redeploys_lose_no_request() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (times, requests) = (number("DOKUEN_REDEPLOYS").unwrap_or(6), number("DOKUEN_REQUESTS"));
    let app = Host::new().app("hello", "hello").built_once();
    app.push().ok();
    let calm = Mix { long: 1, websockets: 1, drained_for: Duration::from_secs(10), ..Mix::LIGHT };
    let mix = if requests.is_some() { Mix { each: 4, pause: Duration::ZERO, large_every: 200, ..calm } } else { calm };
    let mut load = Load::of(&app, mix);
    let begun = Instant::now();
    for number in 1..=times {
        app.greeting(&format!("release {number}")).push().ok().serving(&format!("release {number}"));
        load.after_more(20);
        load.after(requests.unwrap_or(0) * number / times);
        if number.is_multiple_of(25) {
            println!("{number} redeploys in {:.0} s: {}, 0 failed", begun.elapsed().as_secs_f64(), load.so_far());
        }
    }
    let took = begun.elapsed().as_secs_f64();
    load.end();
    println!("redeploys: {times} in {took:.0} s, {}, 0 failed", load.so_far());
}

/// nginx talks to the app itself, so a connection that it has kept may still lead to the old release for a moment.
#[test]
fn redeploys_of_an_app_on_a_socket_of_its_own_lose_no_request() {
    for listen in ["path", "fds"] {
        let app = Host::new().app("hello", "python");
        app.dokuen("config_set", &[&format!("DOKUEN_LISTEN={listen}")]).ok();
        app.push().ok();
        let load = Load::on(&app);
        for number in 0..4 {
            let greeting = format!("release {number}");
            app.greeting(&greeting).push().ok();
            crate::host::eventually("the new release answers", || {
                String::from_utf8_lossy(&app.get("/").body).contains(&greeting)
            });
            load.after_more(20);
        }
        app.dokuen("restart", &[]).ok();
        app.dokuen("scale", &["web=3"]).ok();
        load.after_more(100);
        println!("{listen}: {} requests, 0 failed", load.none_failed());
    }
}

#[test]
fn config_changes_restarts_and_rollbacks_lose_no_request() {
    let (app, load) = under_load();
    for number in 0..3 {
        app.dokuen("config_set", &[&format!("NUMBER={number}")]).ok();
        assert_eq!(app.env("NUMBER"), number.to_string().as_bytes());
        app.dokuen("restart", &[]).ok();
        load.after_more(20);
        app.dokuen("rollback", &[]).ok();
        app.dokuen("config_delete", &["NUMBER"]).ok();
        load.after_more(20);
    }
    load.none_failed();
}

#[test]
fn scaling_up_and_down_loses_no_request() {
    let (app, load) = under_load();
    for (count, pids) in [("web=3", 3), ("web=1", 1), ("web=6", 6), ("web=2", 2), ("web+1", 3), ("web-2", 1)] {
        app.dokuen("scale", &[count]).ok();
        load.after_more(60);
        crate::host::eventually("each of them answers", || app.pids().len() == pids);
    }
    load.none_failed();
}

/// They were counted as slots once: nginx then asked sockets that no route had.
#[test]
fn many_workers_lose_no_request() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let load = Load::on(&app);
    for scale in ["worker=7", "clock=2", "worker=0,clock=0"] {
        app.dokuen("scale", &[scale]).ok();
        load.after_more(120);
    }
    load.none_failed();
}

#[test]
fn another_app_is_pushed_and_destroyed_and_this_one_loses_no_request() {
    let (app, load) = under_load();
    for _ in 0..2 {
        let other = app.host.app("other", "python");
        other.push().ok().serving("Hello from Python, version 1");
        app.host.dokuen(&["apps:destroy", "--application=other", "--confirm=other"]).ok();
        assert_eq!(other.get("/").status, 404);
        std::fs::remove_dir_all(&other.checkout).unwrap();
    }
    load.none_failed_but_on_connections_that_a_reload_closed();
}

#[test]
fn requests_under_way_are_finished_by_the_old_release() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let slow = std::thread::spawn({
        let app = app.clone();
        move || app.get("/sleep/3000")
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    app.greeting("next").push().ok().serving("next");
    assert!(!slow.is_finished(), "the push was quicker than the request");
    let answer = slow.join().unwrap();
    assert_eq!((answer.status, answer.body), (200, b"3000".to_vec()));
}
