//! One-offs have a cgroup of their own, as processes of the Procfile have: nothing that they start hides from their end.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::cgroups::Groups;
use crate::host::{Host, eventually};
use crate::processes::is_alive;

/// An app on a host whose conf names a directory of cgroups.
fn live_app(groups: &Groups) -> App {
    let host = Host::new();
    let conf = host.dir().join("dokuen.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, format!("{text}cgroup: {}\n", groups.dir().display())).unwrap();
    let app = host.app("hello", "types");
    let json = r#"{"cron": [{"name": "job", "schedule": "@yearly", "command": "sh hide; sleep 986"}]}"#;
    // It leaves its parent, its session and its environment, and closes its ears: nothing but its cgroup leads to it.
    let hide =
        "(env -i setsid sh -c \"trap : TERM HUP; echo \\$\\$ > $HOME/$PS.pid; while :; do sleep 0.1; done\" &)\n";
    app.with("app.json", json).with("hide", hide).push().ok();
    app
}

fn hidden(app: &App, name: &str) -> i32 {
    let file = app.release("current").join(format!("{name}.pid"));
    eventually("it hides", || fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
    fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

fn kill_attendant(app: &App, name: &str) {
    let is_its = |words: &str| words.contains("run:attend") && words.ends_with(&format!("{name} "));
    let attendant = app.host.processes().into_iter().find(|process| is_its(&process.words)).unwrap();
    kill(Pid::from_raw(attendant.pid), Signal::SIGKILL).unwrap();
    eventually("it is gone", || !is_alive(attendant.pid));
}

#[test]
fn one_in_the_background_ends_with_all_that_it_has_started_however_it_hides() {
    let Some(groups) = Groups::new("one-offs in a cgroup") else { return };
    let app = live_app(&groups);
    let sleeps = ["sh", "-c", "sh hide; exec sleep 986"];
    // Told to end; a job of the schedule; ended by itself.
    for (command, args, name) in [
        ("run:detached", &sleeps[..], "run.1"),
        ("cron:run", &["job", "--detached"], "cron.2"),
        ("run:detached", &["sh", "-c", "sh hide; while ! test -e done; do sleep 0.05; done"], "run.3"),
    ] {
        app.dokuen(command, args).ok();
        let hidden = hidden(&app, name);
        let members = groups.members(&format!("hello.{name}"));
        assert!(members.contains(&hidden) && members.len() >= 2, "{name}: {members:?}");
        match name {
            "run.3" => fs::write(app.release("current").join("done"), "").unwrap(),
            _ => drop(app.dokuen("run:stop", &[name]).ok()),
        }
        eventually("it is ended", || !is_alive(hidden));
        eventually("its cgroup is gone", || !groups.has(&format!("hello.{name}")));
    }
}

#[test]
fn a_killed_attendant_leaves_a_cgroup_that_is_tidied_up() {
    let Some(groups) = Groups::new("one-offs whose attendant was killed, in a cgroup") else { return };
    let app = live_app(&groups);
    // What runs of it still is ended by whoever ends it.
    app.dokuen("run:detached", &["sh", "-c", "sh hide; exec sleep 987"]).ok();
    let first = hidden(&app, "run.1");
    kill_attendant(&app, "run.1");
    app.dokuen("restart", &[]).ok();
    assert!(is_alive(first) && groups.has("hello.run.1"), "nobody has asked for its end");
    app.dokuen("run:stop", &["run.1"]).ok();
    assert!(!is_alive(first) && !groups.has("hello.run.1"));
    // Where nothing does, the next command on the app, boot and doctor remove the directory.
    for (number, tidies) in [(2, &["restart", "-a", "hello"][..]), (3, &["boot"]), (4, &["doctor", "--fix"])] {
        app.dokuen("run:detached", &["sleep", "988"]).ok();
        let (name, group) = (format!("run.{number}"), format!("hello.run.{number}"));
        eventually("it runs", || groups.members(&group).len() == 1);
        kill_attendant(&app, &name);
        groups.members(&group).iter().for_each(|pid| kill(Pid::from_raw(*pid), Signal::SIGKILL).unwrap());
        eventually("it is over", || groups.members(&group).is_empty());
        assert!(groups.has(&group));
        if tidies[0] == "doctor" {
            app.host.dokuen(&["doctor"]).stdout_has("the cgroup hello.run.4 is left of a one-off");
        }
        app.host.dokuen(tidies);
        assert!(!groups.has(&group), "{tidies:?}");
        app.dokuen("run:stop", &[&name]).ok();
    }
}

#[test]
fn one_that_somebody_is_attached_to_is_in_a_cgroup_too() {
    let Some(groups) = Groups::new("attached one-offs in a cgroup") else { return };
    let app = live_app(&groups);
    let inside = format!("{}/hello.run.1\n", groups.dir().file_name().unwrap().to_string_lossy());
    app.dokuen("run", &["sh", "-c", "grep ^0:: /proc/self/cgroup"]).ok().stdout_has(&inside);
    assert!(groups.has("hello.run.1"), "nobody was left to remove it");
    assert!(!app.host.dokuen(&["doctor"]).out().contains("hello.run.1"), "nothing to speak of");
    app.dokuen("restart", &[]).ok();
    assert!(!groups.has("hello.run.1"));
    // What it was to leave running goes on, and the next one is not mixed up with it.
    app.dokuen("run", &["sh", "-c", "sh hide > /dev/null 2>&1"]).ok();
    let left = hidden(&app, "run.1");
    app.dokuen("run", &["sh", "-c", "echo $PS"]).ok().stdout_is("run.2\n");
    assert_eq!(groups.members("hello.run.1").first(), Some(&left));
    app.host.dokuen(&["doctor"]).stdout_has(&format!("left running by the one-off hello.run.1, and in hiding: {left}"));
    // Told to end, all of it ends.
    let mut command = app.host.command(app.host.program());
    let mut attached = command.args(["run", "-a", "hello", "sh", "-c", "sh hide; exec sleep 989"]).spawn().unwrap();
    let hidden = hidden(&app, "run.2");
    app.dokuen("run:stop", &["run.2"]).ok();
    attached.wait().unwrap();
    assert!(!is_alive(hidden) && !groups.has("hello.run.2") && is_alive(left));
}

/// The command that an app or a one-off runs leaves its cgroup, and so does what it starts.
#[test]
fn what_a_one_off_has_restarted_is_not_ended_with_it() {
    let Some(groups) = Groups::new("commands of one-offs in a cgroup") else { return };
    let app = live_app(&groups);
    let other = app.host.app("other", "types");
    other.push().ok();
    let nginx = || fs::read_to_string(app.host.dir().join("nginx/own/nginx.pid")).ok()?.trim().parse::<i32>().ok();
    let old = nginx().unwrap();
    kill(Pid::from_raw(old), Signal::SIGQUIT).unwrap();
    eventually("nginx is gone", || !is_alive(old));
    let dokuen = app.host.program().display().to_string();
    let line = format!("{dokuen} restart -a other && {dokuen} boot && echo done; exec sleep 986");
    app.dokuen("run:detached", &["sh", "-c", &line]).ok();
    eventually("it has done it", || app.dokuen("run:logs", &["run.1"]).ok().out().contains("[run.1] done"));
    let pid = other.text("/pid");
    app.dokuen("run:stop", &["run.1"]).ok();
    eventually("its cgroup is gone", || !groups.has("hello.run.1"));
    assert_eq!(other.text("/pid"), pid);
    other.comes_to_run(&["web.1"]);
}

/// No controller is on in this directory, so no limit can be in force.
#[test]
fn limits_that_are_not_in_force_are_said() {
    let Some(groups) = Groups::new("limits of one-offs") else { return };
    let app = live_app(&groups);
    app.dokuen("config:set", &["DOKUEN_PIDS_CRON=50", "DOKUEN_MEMORY_RUN=64M"]).ok();
    app.dokuen("run", &["echo", "runs"])
        .ok()
        .stdout_is("runs\n")
        .stderr_has("limits are not in force")
        .stderr_has("memory.max");
    app.dokuen("cron:run", &["job", "--detached"]).ok();
    eventually("it is said", || app.dokuen("cron:logs", &["job"]).out().contains("the limits are not in force"));
    // Nothing but a cgroup finds what hides like this, and it had none.
    let hidden = hidden(&app, "cron.1");
    app.dokuen("run:stop", &["--all"]).ok();
    assert!(groups.members("hello.cron.1").is_empty());
    kill(Pid::from_raw(hidden), Signal::SIGKILL).unwrap();
}
