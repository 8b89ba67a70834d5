//! A host over the years: other programs, many releases, many apps, strange surroundings.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::host::{Host, Options, eventually, make_executable};
use crate::http::Client;
use crate::load::Load;
use crate::outcome::run;
use crate::processes;

/// git is missing, or fails whatever it is asked.
#[test]
fn u07_git_is_missing_or_broken() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.greeting("live").push().ok();
    let bin = host.temp().join("stub");
    fs::create_dir(&bin).unwrap();
    let conf = host.dir().join("dokuen.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let kept: String = text.lines().filter(|l| !l.starts_with("bin_path:")).map(|l| format!("{l}\n")).collect();
    fs::write(&conf, format!("{kept}bin_path: {}\n", bin.display())).unwrap();
    for script in ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 'git: no such command' >&2; exit 127\n", "no program\n"] {
        fs::write(bin.join("git"), script).unwrap();
        make_executable(&bin.join("git"));
        let refused = app.dokuen("deploy", &["--rev=master"]);
        assert!(refused.code != 0 && !refused.err.contains("panicked") && !refused.err.trim().is_empty(), "{refused}");
        host.dokuen(&["create", "--application=other"]).fails();
        app.serves("live");
    }
    fs::write(&conf, text).unwrap();
    host.dokuen(&["create", "--application=other"]).ok();
    app.greeting("after").push().ok().serving("after");
}

/// The `<=` of the yardstick is in `docs/`, with how it was measured; here only that old ones go and none in use does.
#[test]
fn u08_many_releases_behind_it() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    // As if they had come one after the other.
    let current = app.release("current");
    for number in 0..crate::size(200, 1000) {
        let name = format!("2001{:02}{:02}T{:06}", 1 + number / 28 % 12, 1 + number % 28, number);
        let tree = current.with_file_name(name);
        fs::create_dir_all(tree.join(".dokuen")).unwrap();
        for file in ["Procfile", ".dokuen/complete"] {
            fs::copy(current.join(file), tree.join(file)).unwrap();
        }
    }
    app.greeting("after").push().ok().serving("after");
    let left = fs::read_dir(app.dir().join("releases")).unwrap().count();
    assert!(left < 20, "{left} releases are left");
    app.release("previous");
    eventually("what was set aside is removed", || fs::read_dir(app.host.dir().join("tmp")).unwrap().count() == 0);
    app.dokuen("rollback", &[]).ok();
}

/// `ps` of many processes is quick; the figure is in `docs/`.
#[test]
fn u09_many_processes_of_an_app() {
    let app = Host::new().app("jobs", "worker-only");
    app.push().ok();
    let count = crate::size(20, 200);
    app.dokuen("scale", &[&format!("worker={count}")]).ok();
    let begun = Instant::now();
    let ps = app.dokuen("ps", &[]).ok().out();
    assert_eq!(ps.lines().filter(|l| l.contains(" up ")).count(), count, "{ps}");
    println!("ps of {count} processes: {:?}", begun.elapsed());
    processes::end_all(app.host.dir());
    let begun = Instant::now();
    app.host.dokuen(&["boot"]).ok();
    println!("boot of {count} processes: {:?}", begun.elapsed());
    app.dokuen("scale", &["worker=1"]).ok();
    app.comes_to_run(&["worker.1"]);
}

/// Nothing of the surroundings of whoever types matters.
#[test]
fn u11_strange_surroundings() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.greeting("live").push().ok();
    let program = host.program();
    for (prelude, said) in [
        ("umask 0000", "umask 0"),
        ("umask 0777", "umask 777"),
        ("unset HOME", "no HOME"),
        ("export PATH=", "no PATH"),
        ("export LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8", "Turkish"),
        ("exec <&-", "no stdin"),
        ("exec >&-", "no stdout"),
        ("exec <&- >&- 2>&-", "no file at all"),
    ] {
        let mut set = host.command("/bin/sh");
        set.args(["-c", &format!("{prelude}; exec \"$@\""), "sh"]).arg(&program);
        run(set.args(["config_set", "--application=hello", &format!("FROM={said}")]), b"", None).ok();
        let file = app.dir().join("env/FROM");
        assert_eq!(fs::read_to_string(&file).unwrap(), said);
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{said}");
        assert_eq!(app.env("FROM"), said.as_bytes());
    }
    app.greeting("after").push().ok().serving("after");
}

/// A request that takes longer than the drain is cut then, not before; an upload passes whole.
#[test]
fn n08_long_requests_and_uploads_across_a_redeploy() {
    let host =
        Host::with(Options { conf: "stop_timeout: 1\ndrain_timeout: 2\nboot_timeout: 20\n", ..Options::default() });
    let app = host.app("hello", "types");
    app.push().ok();
    let ask = |path: &'static str| {
        let app = app.clone();
        std::thread::spawn(move || {
            let begun = Instant::now();
            let asked = Client::connect(app.host.listen(), &app.domain()).and_then(|mut c| c.get(path, ""));
            (asked.map(|answer| answer.status), begun.elapsed())
        })
    };
    let (short, long) = (ask("/sleep/1500"), ask("/sleep/60000"));
    std::thread::sleep(Duration::from_millis(200));
    let upload = std::thread::spawn({
        let app = app.clone();
        move || {
            Client::connect(app.host.listen(), &app.domain()).unwrap().post("/len", &vec![b'x'; 20_000_000]).unwrap()
        }
    });
    app.greeting("next").push().ok().serving("next");
    assert_eq!(short.join().unwrap().0.unwrap(), 200);
    assert_eq!(upload.join().unwrap().body, b"20000000");
    let (cut, after) = long.join().unwrap();
    assert!(cut.is_err() || cut.is_ok_and(|status| status >= 500), "it was not cut");
    assert!(after >= Duration::from_secs(2) && after < Duration::from_secs(30), "{after:?}");
}

#[test]
fn n09_a_name_has_one_app() {
    let host = Host::new();
    let (first, second) = (host.app("first", "types"), host.app("second", "types"));
    first.push().ok();
    second.push().ok();
    first.dokuen("config_set", &["ADDITIONAL_DOMAINS=www.example.org"]).ok();
    second.dokuen("config_set", &["ADDITIONAL_DOMAINS=www.example.org"]).fails().stderr_has("first");
    // By hand in the files of the second: its next push is refused, and the first has the name still.
    fs::write(second.dir().join("env/ADDITIONAL_DOMAINS"), "www.example.org").unwrap();
    second.greeting("thief").push().fails().stderr_has("first");
    fs::remove_file(second.dir().join("env/ADDITIONAL_DOMAINS")).unwrap();
    first.greeting("owner").push().ok();
    assert_eq!(first.get_as("www.example.org", "/").body, b"owner\n");
}

/// Somebody reloads nginx again and again while requests run: those on connections of their own all come back.
#[test]
fn n06_reloads_under_load() {
    let host = Host::new();
    let app = crate::host_app(&host, "hello");
    let load = Load::on(&app);
    for number in 0..crate::size(4, 30) {
        app.dokuen("config_set", &[&format!("ADDITIONAL_DOMAINS=www{number}.example.org")]).ok();
        load.after_more(20);
    }
    load.none_failed_but_on_connections_that_a_reload_closed();
}

/// Other people's pushes are not held up by one whose bytes come slowly.
#[test]
fn u03_a_slow_push_holds_up_nobody() {
    let host = Host::new();
    let (slow, other) = (host.app("slow", "types"), host.app("other", "types"));
    other.push().ok();
    fs::write(
        slow.checkout.join("bytes"),
        (0..200_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect::<Vec<_>>(),
    )
    .unwrap();
    slow.commit("large");
    let script = host.temp().join("slowly");
    // A pack of some hundred kilobytes, a few at a time.
    fs::write(&script, "#!/bin/sh\npython3 -c 'import sys,time\nwhile True:\n b=sys.stdin.buffer.read1(20000)\n if not b: break\n sys.stdout.buffer.write(b); sys.stdout.flush(); time.sleep(0.05)' | git-receive-pack \"$@\"\n").unwrap();
    make_executable(&script);
    let pushing = std::thread::spawn({
        let (slow, script) = (slow.clone(), script.display().to_string());
        move || slow.git(&["push", &format!("--receive-pack={script}"), "dokuen", "master"])
    });
    let load = Load::on(&App { name: "other".into(), ..crate::host_app(&host, "third") }.clone());
    other.greeting("quick").push().ok().serving("quick");
    drop(load);
    pushing.join().unwrap().ok();
    slow.serves("Hello from types, version 1");
}
