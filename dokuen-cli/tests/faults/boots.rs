//! After a machine has died: everything killed without a word, files that were not synced empty, things removed by hand.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, Options, eventually, make_executable};
use crate::processes;

/// Killed at one moment after the other of a push, with everything else on the machine, and the run directory emptied.
#[test]
fn r01_the_machine_dies_at_each_step_of_a_push() {
    let host = Host::new();
    let app = host.app("hello", "slow");
    app.dokuen("config_set", &["SLOW_START_MS=150", "DOKUEN_SCALE=web=2"]).ok();
    app.greeting("old").push().ok();
    let steps = crate::size(5, 60);
    for step in 0..steps {
        app.greeting(&format!("new {step}"));
        let mut push = host.command("git");
        push.current_dir(&app.checkout).args(["push", "-q", "dokuen", "master"]);
        std::os::unix::process::CommandExt::process_group(&mut push, 0);
        let mut push = push.stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1200 * step as u64 / steps as u64));
        let _ = kill(Pid::from_raw(-(push.id() as i32)), Signal::SIGKILL);
        processes::end_all(host.dir());
        push.wait().unwrap();
        fs::remove_dir_all(host.dir().join("run")).unwrap();
        let state = format!("step {step}");
        host.dokuen(&["boot"]).ok();
        let text = app.text("/").trim_end().to_owned();
        assert!(text == "old" || text == format!("new {step}"), "{state}: {text}");
        app.release("current");
        app.comes_to_run(&["web.1", "web.2"]);
        app.greeting("old").push().ok().serving("old");
    }
}

#[test]
fn the_machine_dies_while_an_app_is_renamed() {
    let host = Host::new();
    let app = host.app("old", "slow");
    app.greeting("one").push().ok();
    app.dokuen("config_set", &["SLOW_START_MS=3000"]).ok();
    let mut rename = host.command(host.program());
    let mut rename = rename.args(["apps:rename", "-a", "old", "new"]).spawn().unwrap();
    // What will run with the new name is just starting.
    eventually("it has another name", || host.dir().join("run/new/i").exists());
    rename.kill().unwrap();
    processes::end_all(host.dir());
    rename.wait().unwrap();
    fs::remove_dir_all(host.dir().join("run")).unwrap();
    host.dokuen(&["boot"]).ok();
    let new = App { name: "new".to_owned(), ..app };
    new.serves("one");
    new.dokuen("restart", &[]).ok().serving("one");
    host.dokuen(&["doctor", "--fix"]).ok();
    new.serves("one");
}

#[test]
fn r02_files_that_were_not_synced_are_empty_after_a_power_cut() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.dokuen("config_set", &["A=kept", "DOKUEN_SCALE=web=2,worker=1"]).ok();
    app.greeting("live").push().ok();
    for lost in ["", "\0\0\0\0"] {
        processes::end_all(host.dir());
        fs::remove_dir_all(host.dir().join("run")).unwrap();
        // Everything of an instance is written without waiting for the disk, and so are reports.
        for instance in fs::read_dir(app.dir().join("instances")).unwrap().map(|e| e.unwrap().path()) {
            for file in ["spec", "env", "state", "spool", "lock"] {
                fs::write(instance.join(file), lost).unwrap();
            }
        }
        for report in fs::read_dir(app.release("current").join(".dokuen")).unwrap().map(|e| e.unwrap().path()) {
            if report.extension().is_some_and(|e| e == "pid") {
                fs::write(report, lost).unwrap();
            }
        }
        fs::write(host.dir().join("nginx/own/nginx.pid"), lost).unwrap();
        host.dokuen(&["boot"]).ok().stdout_has("hello: started");
        app.serves("live").comes_to_run(&["web.1", "web.2", "worker.1"]);
        assert_eq!(app.env("A"), b"kept");
    }
    app.greeting("after").push().ok().serving("after");
}

#[test]
fn k21_all_wrappers_are_killed_and_boot_starts_nothing_twice() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.dokuen("config_set", &["DOKUEN_SCALE=web=2,worker=1"]).ok();
    app.push().ok();
    let pids = app.pids();
    for process in host.processes().iter().filter(|p| p.words.contains("/bin/dokuen-wrapper ")) {
        kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
    }
    host.dokuen(&["boot"]).ok().stdout_has("hello: runs");
    host.dokuen(&["boot"]).ok().stdout_has("hello: runs");
    app.comes_to_run(&["web.1", "web.2", "worker.1"]);
    assert_eq!(app.pids(), pids, "they were adopted");
}

#[test]
fn r05_nginx_starts_later_or_never() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    host.dokuen(&["shutdown"]).ok();
    // Somebody else has its port: it cannot start.
    let thief = std::net::TcpListener::bind(host.listen()).unwrap();
    host.dokuen(&["boot"]).fails().stdout_has("hello: started").stderr_has("nginx does not lead to them");
    app.comes_to_run(&["web.1"]);
    drop(thief);
    host.dokuen(&["boot"]).ok();
    app.serves("Hello from types, version 1");
    app.greeting("after").push().ok().serving("after");
}

/// The nineteen others are up within the time of the slowest, and the exit status tells.
#[test]
fn r06_one_broken_app_among_twenty() {
    let host = Host::with(Options { ports: 40, ..Options::default() });
    let count = crate::size(6, 20);
    let apps: Vec<App> = (0..count).map(|n| host.app(&format!("app{n}"), "types")).collect();
    for app in &apps {
        app.push().ok();
    }
    processes::end_all(host.dir());
    // One no longer finds its program, and another one has a config var that cannot be read.
    fs::remove_file(apps[0].release("current").join("server.py")).unwrap();
    symlink("/etc/hostname", apps[1].dir().join("env/LINK")).unwrap();
    let begun = Instant::now();
    let booted = host.dokuen(&["boot"]).fails().stderr_has("app0").stderr_has("app1");
    assert!(!booted.err.contains("panicked"), "{booted}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    for app in &apps[2..] {
        app.serves("Hello from types, version 1");
    }
    fs::remove_file(apps[1].dir().join("env/LINK")).unwrap();
    apps[0].greeting("after").push().ok().serving("after");
    host.dokuen(&["boot"]).ok();
    apps[1].serves("Hello from types, version 1");
}

/// Many that are slow to start wait at the same time, not one after the other.
#[test]
fn r07_many_slow_apps_start_together() {
    let count = crate::size(6, 20);
    let host = Host::with(Options {
        ports: 40,
        conf: "stop_timeout: 3\ndrain_timeout: 10\nboot_timeout: 60\n",
        ..Options::default()
    });
    let apps: Vec<App> = (0..count).map(|n| host.app(&format!("app{n}"), "slow")).collect();
    for app in &apps {
        app.dokuen("config_set", &["SLOW_START_MS=1500"]).ok();
        app.push().ok();
    }
    processes::end_all(host.dir());
    let begun = Instant::now();
    host.dokuen(&["boot"]).ok();
    assert!(
        begun.elapsed() < Duration::from_millis(1500 * count as u64 * 2 / 3),
        "one after the other: {:?}",
        begun.elapsed()
    );
    for app in &apps {
        app.serves("Hello from slow, version 1");
    }
}

#[test]
fn r08_current_is_not_what_it_should_be() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let outside = app.host.temp().join("outside");
    fs::create_dir_all(outside.join(".dokuen")).unwrap();
    fs::write(outside.join(".dokuen/complete"), "").unwrap();
    fs::write(outside.join("Procfile"), format!("web: touch {}\n", app.host.temp().join("PWNED").display())).unwrap();
    let link = app.dir().join("current");
    let plants: [(&str, &dyn Fn()); 5] = [
        ("missing", &|| {}),
        ("dangling", &|| symlink("/nonexistent", &link).unwrap()),
        ("a file", &|| fs::write(&link, "releases/20260101T000000").unwrap()),
        ("outside", &|| symlink(&outside, &link).unwrap()),
        ("a directory", &|| fs::create_dir(&link).unwrap()),
    ];
    let mut live = "live";
    for (what, plant) in plants {
        fs::remove_file(&link).unwrap();
        plant();
        assert_ne!(app.host.dokuen(&["doctor"]).code, 0, "{what}");
        for command in ["restart", "ps", "releases", "boot"] {
            let said = app.dokuen(command, &[]);
            assert!(!said.err.contains("panicked"), "{what}: {said}");
            app.serves(live);
        }
        live = what;
        let pushed = app.greeting(what).push();
        if pushed.code != 0 {
            // A directory is somebody's work and not removed: it is named.
            assert!(pushed.err.contains("current") && what == "a directory", "{what}: {pushed}");
            fs::remove_dir(&link).unwrap();
            app.push().ok();
        }
        app.serves(what).comes_to_run(&["web.1"]);
    }
    assert!(!app.host.temp().join("PWNED").exists());
}

/// An app may write into its own directory, and a `git clean` there removes what marks the tree whole.
#[test]
fn the_live_release_has_lost_its_mark() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let (tree, pack) = (app.release("current"), app.host.buildpack("buildpack-fail-compile"));
    let lose = || fs::remove_dir_all(tree.join(".dokuen")).unwrap();
    lose();
    app.host.dokuen(&["doctor"]).fails().stdout_has("boot --application=hello");
    app.dokuen("boot", &[]).ok();
    app.serves("live").host.dokuen(&["doctor"]).ok();
    lose();
    app.dokuen("restart", &[]).ok().serving("live");
    lose();
    app.dokuen("config_set", &["--no-restart", &format!("BUILDPACK_URL={}", pack.display())]).ok();
    lose();
    app.greeting("never").push().fails();
    app.serves("live").dokuen("scale", &["web=2"]).ok();
    app.serves("live").comes_to_run(&["web.1", "web.2"]);
    assert!(tree.join(".dokuen/complete").exists());
}

#[test]
fn r09_the_live_release_was_deleted_by_hand() {
    let app = Host::new().app("hello", "types");
    app.greeting("first").push().ok();
    app.greeting("second").push().ok();
    fs::remove_dir_all(app.release("current")).unwrap();
    let pid = app.text("/pid");
    for (command, words) in [("restart", vec![]), ("scale", vec!["web=2"]), ("boot", vec![]), ("run", vec!["true"])] {
        let said = app.dokuen(command, &words).fails();
        assert!(said.err.contains("v2 of hello is live, and its files are gone"), "{command}: {said}");
        assert_eq!(app.text("/pid"), pid, "{command}");
    }
    app.greeting("third").push().ok().serving("third");
    app.comes_to_run(&["web.1"]);
    app.dokuen("rollback", &["v1"]).ok().serving("first");
}

/// As a disk that loses what it has said to have written leaves it.
#[test]
fn the_record_of_the_live_release_is_torn() {
    let host = Host::new();
    let app = host.app("hello", "types");
    for (number, torn) in ["", "\0\0\0", "version: [", "what: 5\n"].into_iter().enumerate() {
        app.greeting(&format!("live {number}")).push().ok();
        let live = fs::read_to_string(app.dir().join("live")).unwrap();
        let version = live.lines().find_map(|line| line.strip_prefix("version: ")).unwrap();
        let version = format!("v{}", version.trim_start_matches('v'));
        let record = app.dir().join("ledger").join(&version).join("release.yml");
        fs::write(&record, torn).unwrap();
        let doctor = host.dokuen(&["doctor"]);
        assert!(doctor.out().contains(&format!("the record of {version} of hello cannot be read")), "{doctor}");
        let pid = app.text("/pid");
        app.dokuen("scale", &["worker=1"]).ok();
        assert_eq!(app.text("/pid"), pid);
        app.dokuen("restart", &[]).ok().serving(&format!("live {number}"));
        fs::write(&record, torn).unwrap();
        processes::end_all(host.dir());
        host.dokuen(&["boot"]).ok();
        app.serves(&format!("live {number}"));
    }
}

/// A program of another version lies in `bin/`: the wrappers of before run on, and what is broken changes nothing.
#[test]
fn u04_and_u05_the_program_is_replaced_while_wrappers_run() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.greeting("live").push().ok();
    let pid = app.text("/pid");
    host.setup(&[]).ok();
    assert_eq!(app.text("/pid"), pid);
    app.dokuen("restart", &[]).ok();
    let bin = host.dir().join("bin");
    for program in ["dokuen-wrapper", "dokuen"] {
        let (path, aside) = (bin.join(program), bin.join("aside"));
        fs::rename(&path, &aside).unwrap();
        fs::write(&path, "no program\n").unwrap();
        make_executable(&path);
        let before = app.pushed("master");
        app.greeting("never").push().fails();
        app.serves("live");
        assert_eq!(app.pushed("master"), before, "{program}");
        fs::rename(&aside, &path).unwrap();
        app.greeting("live").push().ok().serving("live");
    }
    app.comes_to_run(&["web.1"]);
}

/// What the Ruby original has left is taken for what it is: nothing of this version's.
#[test]
fn u06_state_of_the_ruby_original() {
    let host = Host::new();
    let app = host.app("hello", "types");
    let old = app.dir().join("releases/20120801T120000");
    fs::create_dir_all(old.join(".dokuen")).unwrap();
    fs::write(old.join("Procfile"), "web: false\n").unwrap();
    fs::write(old.join(".dokuen/dokuen.hello.web.1.pid"), "---\npid: 1\nport: 5000\n").unwrap();
    symlink(&old, app.dir().join("current")).unwrap();
    symlink("releases/20120801T110000", app.dir().join("previous")).unwrap();
    fs::write(host.dir().join("ports").join("5000"), "").unwrap();
    fs::write(app.dir().join("env/DOKUEN_SCALE"), "web=2").unwrap();
    app.push().ok();
    app.comes_to_run(&["web.1", "web.2"]);
    app.release("current");
    assert!(!Path::new(&old).exists());
}
