//! Many at once.

use std::thread;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::load::Load;
use crate::outcome::Outcome;

fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let act = &act;
        let all: Vec<_> = (0..count).map(|n| scope.spawn(move || act(n))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn codes(all: &[Outcome]) -> Vec<i32> {
    all.iter().map(|o| o.code).collect()
}

/// Of each crowd at least one deploys, nobody interleaves, and the others are told who was first.
#[test]
fn c01_two_and_sixteen_pushes_at_once_to_one_app() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let load = Load::on(&app);
    for round in 0..crate::size(2, 50) {
        let crowd = if round % 2 == 0 { 2 } else { 16 };
        let checkouts: Vec<App> = (0..crowd).map(|n| copy(&app, &format!("{round}-{n}"))).collect();
        let all = at_once(crowd, |n| checkouts[n].push());
        let done: Vec<_> = all.iter().enumerate().filter(|(_, o)| o.code == 0).map(|(n, _)| n).collect();
        assert!(!done.is_empty(), "nobody was first: {:?}", codes(&all));
        for refused in all.iter().filter(|o| o.code != 0) {
            let told = ["busy: ", "rejected", "failed to push"].iter().any(|text| refused.err.contains(text));
            assert!(told && !refused.err.contains("panicked"), "{refused}");
        }
        let text = app.text("/").trim_end().to_owned();
        assert!(done.iter().any(|n| text == format!("{round}-{n}")), "{text}, done: {done:?}");
        app.comes_to_run(&["web.1"]);
    }
    load.none_failed();
}

/// Somebody else's checkout of the same app.
fn copy(app: &App, greeting: &str) -> App {
    let checkout = app.host.temp().join("src").join(greeting);
    app.git(&["clone", "-q", &app.repo().display().to_string(), &checkout.display().to_string()]).ok();
    let copy = App { checkout, ..app.clone() };
    let remote = app.repo().display().to_string();
    copy.git(&["remote", "add", "dokuen", &remote]).ok();
    // Not fast-forward to each other on purpose: git takes that here, and one of them is the last.
    copy.greeting(greeting).clone()
}

/// One command for fifty of them: `.ci/faults c02`.
#[test]
fn c02_pushes_to_many_apps_at_once() {
    let count = crate::size(8, 50);
    // Each has one port while it runs, and a second one while a push is under way.
    let conf = "stop_timeout: 3\ndrain_timeout: 10\nboot_timeout: 90\n";
    let host = Host::with(Options { ports: count as u16 * 2 + 10, conf, ..Options::default() });
    let apps: Vec<App> = (0..count).map(|n| host.app(&format!("app{n}"), "types")).collect();
    for round in ["first", "second"] {
        for app in &apps {
            app.greeting(&format!("{} {round}", app.name));
        }
        let all = at_once(apps.len(), |n| apps[n].push());
        assert!(all.iter().all(|o| o.code == 0), "{}", all.iter().find(|o| o.code != 0).unwrap());
        for app in &apps {
            app.serves(&format!("{} {round}", app.name)).comes_to_run(&["web.1"]);
            app.release("current");
        }
        let pids: std::collections::BTreeSet<String> = apps.iter().map(|app| app.text("/pid")).collect();
        assert_eq!(pids.len(), apps.len());
        // A port each, a wrapper and its process each, and nothing of the builds, once the old ones have left.
        eventually("every port but theirs is given back", || host.reserved().len() == apps.len());
        eventually("nothing else runs", || host.app_processes().len() == 2 * apps.len());
        eventually("no scratch is left", || names(&host.dir().join("tmp")) == 0);
    }
}

fn names(dir: &std::path::Path) -> usize {
    std::fs::read_dir(dir).into_iter().flatten().count()
}

/// Whatever is typed while something else runs is done or refused as busy; then all is in order.
#[test]
fn c03_every_pair_of_commands_at_once() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let load = Load::on(&app);
    let commands: [(&str, &[&str]); 6] = [
        ("config_set", &["A=1"]),
        ("scale", &["web=2"]),
        ("scale", &["web=1"]),
        ("restart", &[]),
        ("rollback", &[]),
        ("deploy", &["--rev=master"]),
    ];
    let pairs: Vec<_> = (0..commands.len()).flat_map(|a| (a..commands.len()).map(move |b| (a, b))).collect();
    for (a, b) in pairs.into_iter().step_by(crate::size(4, 1)) {
        let pair = [commands[a], commands[b]];
        let all = at_once(2, |n| app.dokuen(pair[n].0, pair[n].1));
        let fine = |o: &Outcome| matches!(o.code, 0 | 5) || o.err.contains("has no release before");
        assert!(all.iter().all(fine), "{pair:?}: {} {}", all[0], all[1]);
        assert!(all.iter().any(|o| o.code != 5), "{pair:?}: each was too late");
    }
    app.dokuen("scale", &["web=1"]).ok();
    app.comes_to_run(&["web.1"]);
    load.none_failed();
}

#[test]
fn c04_two_config_sets_at_once_lose_no_update() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    for round in 0..crate::size(2, 20) {
        let all = at_once(2, |n| {
            loop {
                let set = app.dokuen("config_set", &[&format!("NAME_{n}={round}"), &format!("SAME={n}")]);
                if set.code != 5 {
                    return set;
                }
            }
        });
        assert_eq!(codes(&all), [0, 0]);
        let same = app.env("SAME");
        assert!(same == b"0" || same == b"1");
        for n in 0..2 {
            assert_eq!(app.env(&format!("NAME_{n}")), round.to_string().as_bytes());
        }
    }
}

#[test]
fn c05_many_addusers_at_once_are_all_there() {
    let world = crate::world::World::new();
    let names: Vec<String> = (0..8).map(|n| format!("user{n}")).collect();
    let keys: Vec<String> = names.iter().map(|name| crate::world::key(world.host.temp(), name)).collect();
    let all = at_once(names.len(), |n| world.host.dokuen_given(&["adduser", &names[n]], keys[n].as_bytes()));
    assert!(all.iter().all(|o| o.code == 0), "{:?}", codes(&all));
    let text = std::fs::read_to_string(world.home.join(".ssh/authorized_keys")).unwrap();
    assert!(
        names.iter().all(|name| text.contains(&format!("dokuen-shell' {name}\"")))
            && text.contains(crate::world::FOREIGN)
    );
}

/// A backup reads everything, somebody removes an old release by hand, another moves logs away.
#[test]
fn c07_somebody_else_works_on_the_files_meanwhile() {
    let app = Host::new().app("hello", "types");
    for number in 0..3 {
        app.greeting(&format!("release {number}")).push().ok();
    }
    let load = Load::on(&app);
    let oldest = std::fs::read_dir(app.dir().join("releases")).unwrap().map(|e| e.unwrap().path()).min().unwrap();
    let logs = app.dir().join("logs");
    thread::scope(|scope| {
        scope.spawn(|| {
            let backup = app.host.temp().join("backup.tar");
            let _ = app.host.command("tar").arg("-cf").arg(backup).arg(app.host.dir()).output();
        });
        scope.spawn(|| std::fs::remove_dir_all(&oldest).unwrap());
        scope.spawn(|| std::fs::rename(logs.join("dokuen.hello.web.1"), logs.join("old")).unwrap());
        app.greeting("next").push().ok().serving("next");
    });
    app.release("current");
    app.dokuen("rollback", &[]).ok().serving("release 2");
    load.none_failed();
}
