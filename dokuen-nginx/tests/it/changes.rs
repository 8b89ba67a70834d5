//! Routes come, change and go.

use std::path::Path;
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Lock, ServerName, fs};
use dokuen_nginx::{Nginx, Site, System, ensure_default, rebuild, remove, route};

use crate::stage::{Stage, eventually, nginx_program};

fn aliases(names: &[&str]) -> Vec<ServerName> {
    names.iter().map(|name| ServerName::parse(name).unwrap()).collect()
}

#[test]
fn the_same_text_again_runs_no_nginx_and_reloads_nothing() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let (workers, site) = (stage.workers(), stage.site("hello"));
    let nowhere = Nginx::System(System::direct(stage.places().clone(), "/nowhere/nginx".into()));
    let start = Instant::now();
    for _ in 0..100 {
        let routed = route(&nowhere, &site).unwrap();
        assert!(!routed.reloaded());
    }
    // A reload takes 40 ms at the least; this is a debug build on a busy machine.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(stage.workers(), workers);
    assert_eq!(stage.get("hello.test").status, 200);
}

#[test]
fn the_same_text_again_does_not_wait_for_another_apps_reload() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let _held = Lock::take(&stage.places().lock, "routing another app").unwrap();
    let (nginx, site) = (stage.nginx.clone(), stage.site("hello"));
    let routed = std::thread::spawn(move || route(&nginx, &site).unwrap().keep());
    eventually("routed", || routed.is_finished());
}

#[test]
fn new_names_and_slots_are_in_force_when_route_returns() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let mut site = stage.site("hello");
    site.aliases = aliases(&["www.hello.example", "hello.example"]);
    site.slots = 48;
    let routed = route(&stage.nginx, &site).unwrap();
    assert!(routed.reloaded());
    routed.keep();
    for name in ["hello.test", "www.hello.example", "hello.example"] {
        assert_eq!(stage.get(name).status, 200, "{name}");
    }
    assert_eq!(fs::read_text(&stage.places().lock).unwrap(), "", "whoever lets go of it takes the name out");
    assert!(fs::read_text(&stage.vhost("hello")).unwrap().contains("/live/48\" max_fails=0;"));
    assert_eq!(stage.pending(), None);
}

#[test]
fn a_renamed_app_takes_the_place_of_its_former_self() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let mut before = stage.site("hello");
    before.aliases = aliases(&["hello.example"]);
    route(&stage.nginx, &before).unwrap().keep();
    let text = fs::read(&stage.vhost("hello")).unwrap();
    let named = |former: &str| Site {
        former: Some(AppName::parse(former).unwrap()),
        aliases: before.aliases.clone(),
        live: before.live.clone(),
        ..stage.site("renamed")
    };
    let status = || ["hello.test", "renamed.test", "hello.example"].map(|name| stage.get(name).status);

    let routed = route(&stage.nginx, &named("hello")).unwrap();
    assert_eq!((status(), stage.vhost("hello").exists()), ([404, 200, 200], false));
    drop(routed);
    assert_eq!((status(), stage.vhost("renamed").exists()), ([200, 404, 200], false));
    // Killed between the two files, and then neither of them is new.
    for again in [true, false] {
        route(&stage.nginx, &named("hello")).unwrap().keep();
        fs::replace(&stage.vhost("hello"), &text, fs::PUBLIC_FILE).unwrap();
        match again {
            true => route(&stage.nginx, &named("hello")).unwrap().keep(),
            false => assert!(rebuild(&stage.nginx, &[named("hello")]).unwrap().refused.is_empty()),
        }
        assert_eq!((status(), stage.vhost("hello").exists()), ([404, 200, 200], false));
    }
    assert_eq!(stage.pending(), None);
}

#[test]
fn a_route_that_is_not_kept_is_undone() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let before = fs::read(&stage.vhost("hello")).unwrap();
    let mut site = stage.site("hello");
    site.aliases = aliases(&["hello.example"]);
    let routed = route(&stage.nginx, &site).unwrap();
    assert_eq!(stage.get("hello.example").status, 200);
    drop(routed);
    assert_eq!((stage.get("hello.example").status, stage.get("hello.test").status), (404, 200));
    assert_eq!(fs::read(&stage.vhost("hello")).unwrap(), before);

    drop(route(&stage.nginx, &stage.site("other")).unwrap());
    assert_eq!(stage.get("other.test").status, 404);
    assert!(!stage.vhost("other").exists());
    assert_eq!(stage.pending(), None);
}

#[test]
fn a_removed_app_is_unknown() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let app = AppName::parse("hello").unwrap();
    remove(&stage.nginx, &app).unwrap();
    assert_eq!(stage.get("hello.test").status, 404);
    let workers = stage.workers();
    remove(&stage.nginx, &app).unwrap();
    assert_eq!((stage.workers(), stage.pending()), (workers, None));
}

#[test]
fn deleted_files_come_back() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    for file in [stage.vhost("hello"), stage.places().catch_all()] {
        fs::remove(&file).unwrap();
    }
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    ensure_default(&stage.nginx).unwrap();
    assert_eq!((stage.get("hello.test").status, stage.get("unknown.test").status), (200, 404));
}

#[test]
fn many_apps_are_rebuilt_with_one_reload_and_then_with_none() {
    let stage = Stage::new();
    let sites: Vec<_> = ["a", "b", "c"].map(|app| stage.site(app)).into();
    let rebuilt = rebuild(&stage.nginx, &sites).unwrap();
    assert!(rebuilt.refused.is_empty() && rebuilt.set_aside.is_empty(), "{rebuilt:?}");
    let workers = stage.workers();
    for app in ["a", "b", "c"] {
        assert_eq!(stage.get(&format!("{app}.test")).body, format!("{app} is not running\n"));
    }
    rebuild(&stage.nginx, &sites).unwrap();
    assert_eq!(stage.workers(), workers);
}

#[test]
fn apps_that_are_routed_at_the_same_time_wait_for_each_other() {
    let stage = Stage::new();
    std::thread::scope(|scope| {
        for app in ["a", "b", "c", "d"] {
            let stage = &stage;
            scope.spawn(move || route(&stage.nginx, &stage.site(app)).unwrap().keep());
        }
    });
    for app in ["a", "b", "c", "d"] {
        assert_eq!(stage.get(&format!("{app}.test")).status, 502);
    }
    assert_eq!(stage.pending(), None);
}

#[test]
fn the_machines_nginx_is_reloaded_by_the_given_argv() {
    let stage = Stage::new();
    let own = &stage.places().own;
    let conf = own.join("nginx.conf");
    let mut system = System::direct(stage.places().clone(), nginx_program());
    let target = [Path::new("-c"), &conf, Path::new("-p"), own];
    system.reload.extend(target.map(Into::into));
    route(&Nginx::System(system), &stage.site("hello")).unwrap().keep();
    assert_eq!(stage.get("hello.test").status, 502);
}

#[test]
fn a_new_site_asks_nginx_what_it_is_once_then_tests_and_reloads() {
    let stage = Stage::new();
    let (own, program, runs) = (&stage.places().own, stage.root.join("nginx.sh"), stage.root.join("runs"));
    let script = format!("#!/bin/sh\necho $1 >>'{}'\nexec '{}' \"$@\"\n", runs.display(), nginx_program().display());
    // By a child: a program that is open for writing, in a child of another test perhaps, cannot be run.
    let write = Cmd::new("sh", Path::new("/")).env("PATH", "/usr/bin:/bin");
    write.args(["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""]).arg(&program).arg(&script).run().unwrap();
    let mut system = System::direct(stage.places().clone(), program);
    system.reload.extend([Path::new("-c"), &own.join("nginx.conf"), Path::new("-p"), own].map(Into::into));
    route(&Nginx::System(system), &stage.site("hello")).unwrap().keep();
    assert_eq!(stage.get("hello.test").status, 502);
    assert_eq!(fs::read_text(&runs).unwrap(), "-V\n-t\n-s\n");
}
