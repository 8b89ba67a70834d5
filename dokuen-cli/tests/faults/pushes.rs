//! Pushes that end in the middle, by whatever hand.

use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually, make_executable};
use crate::load::Load;

/// An app that takes its time to start: what is done to a push then is done while it waits for readiness.
fn slow_app(millis: u32) -> App {
    let app = Host::new().app("hello", "slow");
    app.greeting("live").push().ok();
    app.dokuen("config_set", &[&format!("SLOW_START_MS={millis}")]).ok();
    app
}

/// A push in a process group of its own.
fn begin(app: &App) -> Child {
    let mut push = app.host.command("git");
    push.current_dir(&app.checkout).args(["push", "dokuen", "master"]).process_group(0);
    push.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The hook of the push that is under way, once it has the lock.
fn hook(app: &App) -> Pid {
    let mut found = None;
    eventually("the hook has the lock", || {
        let holder = std::fs::read_to_string(app.dir().join("lock")).unwrap_or_default();
        let pid = holder.strip_prefix("pid ").and_then(|rest| rest.split(' ').next()?.parse::<i32>().ok());
        found =
            pid.filter(|pid| holder.contains("deploying") && std::path::Path::new(&format!("/proc/{pid}")).exists());
        found.is_some()
    });
    Pid::from_raw(found.unwrap())
}

/// A new generation has a directory: the old one and another.
fn starting(app: &App) {
    eventually("the new release starts", || std::fs::read_dir(app.dir().join("instances")).unwrap().count() > 1);
}

fn said(mut push: Child) -> (bool, String) {
    use std::io::Read;
    let mut text = String::new();
    push.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (push.wait().unwrap().success(), text)
}

/// The push never was: what was live serves, and the next push works.
#[track_caller]
fn is_as_if_it_never_was(app: &App, before: &str) {
    app.serves("live");
    app.release("current");
    assert_eq!(app.pushed("master"), before);
    app.dokuen("config_set", &["SLOW_START_MS=1"]).ok();
    app.greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1"]);
    eventually("one port is reserved", || app.host.reserved().len() == 1);
}

/// `git push` runs this in the place of git-receive-pack.
fn receive_pack(app: &App, script: &str) -> String {
    let path = app.host.temp().join("receive-pack");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    make_executable(&path);
    format!("--receive-pack={}", path.display())
}

#[test]
fn k01_k02_and_k18_the_receiving_git_is_killed() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let load = Load::on(&crate::host_app(&app.host, "other"));
    let trace = app.host.temp().join("trace").display().to_string();
    let strace = format!("exec strace -f -qq -b execve -o '{trace}'");
    let watched = receive_pack(&app, &format!("{strace} -e trace=rename,mkdir git-receive-pack \"$@\""));
    app.greeting("seen").git(&["push", &watched, "dokuen", "master"]).ok().serving("seen");
    let renames = std::fs::read_to_string(&trace).unwrap().lines().filter(|l| l.contains("rename(")).count();
    let before = app.pushed("master");
    for script in
        ["kill -9 $$".to_owned(), format!("{strace} -e inject=mkdir:signal=SIGKILL:when=1 git-receive-pack \"$@\"")]
    {
        let killed = receive_pack(&app, &script);
        app.greeting("never").git(&["push", &killed, "dokuen", "master"]).fails();
        app.serves("seen");
        assert_eq!(app.pushed("master"), before, "{script}");
    }
    // After the hook has said yes: it is live, and git's branch is not moved. The next push brings them together.
    let killed =
        receive_pack(&app, &format!("{strace} -e inject=rename:signal=SIGKILL:when={renames} git-receive-pack \"$@\""));
    app.greeting("live, and git does not know").git(&["push", &killed, "dokuen", "master"]).fails();
    app.serves("live, and git does not know");
    let left = ["refs/heads/master.lock", "HEAD.lock"].map(|name| app.repo().join(name));
    std::fs::write(&left[1], "").unwrap();
    assert!(left.iter().all(|lock| lock.exists()), "git has left them");
    app.greeting("after").push().ok().serving("after").stderr_has("which a killed push has left, was removed");
    assert!(!left.iter().any(|lock| lock.exists()));
    assert_eq!(app.pushed("master"), app.git_says(&["rev-parse", "HEAD"]));
    load.none_failed_but_on_connections_that_a_reload_closed();
}

#[test]
fn k06_the_hook_is_killed_while_it_compiles() {
    let app = Host::new().app("hello", "types");
    let pack = app.host.buildpack_of(
        "sleepy",
        &[
            ("detect", b"#!/bin/sh\necho sleepy\n"),
            ("compile", b"#!/bin/sh\n[ ! -e $1/sleep ] || exec sleep 600\n"),
            ("release", b"#!/bin/sh\n"),
        ],
    );
    app.host.dokuen(&["install_buildpack", &pack.display().to_string()]).ok();
    app.git(&["rm", "-q", "--cached", "Procfile"]).ok();
    app.greeting("live").push().ok();
    app.with("sleep", "");
    let push = begin(&app);
    let hook = hook(&app);
    let sleeps = || children_of_any("sleep 600").len();
    eventually("it compiles", || sleeps() > 0);
    kill(hook, Signal::SIGKILL).unwrap();
    assert!(!said(push).0);
    app.serves("live");
    app.git(&["rm", "-q", "sleep"]).ok();
    app.greeting("after").push().ok().serving("after");
    assert_eq!(std::fs::read_dir(app.dir().join("releases")).unwrap().count(), 2);
    // What the killed hook ran is nobody's child any more, and is ended here.
    for pid in children_of_any("sleep 600") {
        let _ = kill(pid, Signal::SIGKILL);
    }
}

fn children_of_any(words: &str) -> Vec<Pid> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is = |pid: &i32| {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ").trim() == words
    };
    all.filter(is).map(Pid::from_raw).collect()
}

#[test]
fn k11_and_k19_killed_during_the_readiness_wait_alone_and_with_all_of_the_push() {
    for whole_group in [false, true] {
        let app = slow_app(1500);
        let before = app.pushed("master");
        let push = begin(&app.greeting("never").clone());
        let hook = hook(&app);
        starting(&app);
        let whom = if whole_group { Pid::from_raw(-(push.id() as i32)) } else { hook };
        kill(whom, Signal::SIGKILL).unwrap();
        assert!(!said(push).0);
        is_as_if_it_never_was(&app, &before);
    }
}

#[test]
fn k22_signals_that_end_a_hook_politely() {
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];
    for signal in signals.into_iter().step_by(crate::size(3, 1)) {
        let app = slow_app(1500);
        let before = app.pushed("master");
        let push = begin(&app.greeting("never").clone());
        let hook = hook(&app);
        starting(&app);
        kill(hook, signal).unwrap();
        let (done, _) = said(push);
        assert!(!done, "{signal}");
        is_as_if_it_never_was(&app, &before);
    }
}

#[test]
fn k23_a_stopped_hook_keeps_the_lock_and_says_who_it_is() {
    let app = slow_app(800);
    let push = begin(&app.greeting("live").clone());
    let hook = hook(&app);
    starting(&app);
    kill(hook, Signal::SIGSTOP).unwrap();
    let begun = Instant::now();
    app.push().fails().stderr_has(&format!("busy: pid {hook} has been deploying since"));
    assert!(begun.elapsed() < Duration::from_secs(10), "it waited");
    kill(hook, Signal::SIGCONT).unwrap();
    assert!(said(push).0);
    app.serves("live").comes_to_run(&["web.1"]);
}

#[test]
fn t04_everything_of_a_push_stands_still_for_a_while() {
    let app = slow_app(800);
    let push = begin(&app.greeting("later").clone());
    let group = Pid::from_raw(-(push.id() as i32));
    hook(&app);
    starting(&app);
    kill(group, Signal::SIGSTOP).unwrap();
    std::thread::sleep(Duration::from_secs(crate::size(2, 60) as u64));
    app.serves("live");
    kill(group, Signal::SIGCONT).unwrap();
    assert!(said(push).0);
    app.serves("later");
}

#[test]
fn u01_the_pusher_goes_away_at_each_step() {
    for millis in (0..crate::size(3, 24)).map(|n| 20 + 60 * n as u64) {
        let app = slow_app(300);
        let mut push = begin(&app.greeting("perhaps").clone());
        std::thread::sleep(Duration::from_millis(millis));
        let _ = push.kill();
        push.wait().unwrap();
        eventually("nobody deploys any more", || app.dokuen("releases", &[]).ok().out().len() > 1 && is_free(&app));
        let text = app.text("/").trim_end().to_owned();
        assert!(text == "live" || text == "perhaps", "{text}");
        app.greeting("after");
        // git may have started the hook after we looked.
        eventually("the next push is taken", || app.push().code == 0);
        app.serves("after").comes_to_run(&["web.1"]);
    }
}

fn is_free(app: &App) -> bool {
    std::fs::OpenOptions::new().write(true).open(app.dir().join("lock")).unwrap().try_lock().is_ok()
}

#[test]
fn u02_a_pusher_that_reads_nothing_does_not_hold_the_app_for_ever() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let noise = b"#!/bin/sh\ni=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; i=$((i+1)); done\n";
    let scripts: [(&str, &[u8]); 3] =
        [("detect", b"#!/bin/sh\necho noisy\n"), ("compile", noise), ("release", b"#!/bin/sh\n")];
    let pack = app.host.buildpack_of("loud", &scripts);
    app.dokuen("config_set", &[&format!("BUILDPACK_URL={}", pack.display())]).ok();
    let push = begin(&app.greeting("next").clone());
    hook(&app);
    kill(Pid::from_raw(push.id() as i32), Signal::SIGSTOP).unwrap();
    eventually("the lock has its end", || is_free(&app));
    kill(Pid::from_raw(push.id() as i32), Signal::SIGCONT).unwrap();
    said(push);
    let text = app.text("/").trim_end().to_owned();
    assert!(text == "live" || text == "next", "{text}");
    app.greeting("after").push().ok().serving("after");
}
