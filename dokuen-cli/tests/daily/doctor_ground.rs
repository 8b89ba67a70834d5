//! `doctor` on broken ground: each thing that is not Dokuen's own is made to fail, and the line, what mends it, the exit
//! status and the JSON say so. A disk that is full and a machine that systemd runs are real ones, in a namespace where
//! that breaks nothing of the machine's own; of a program that must fail a stand-in comes first in the search path.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::app::App;
use crate::home;
use crate::host::{Host, Options, eventually, make_executable};
use crate::outcome::{Outcome, run};
use crate::processes;

/// The one finding of a check in this state, as JSON and as people read it, with the exit status that belongs to it.
struct Report {
    json: Outcome,
    text: Outcome,
}

impl Report {
    fn of(host: &Host) -> Self {
        Self::by(|args| host.dokuen(args))
    }

    fn by(doctor: impl Fn(&[&str]) -> Outcome) -> Self {
        Self { json: doctor(&["doctor", "--json"]), text: doctor(&["doctor"]) }
    }

    #[track_caller]
    fn has(&self, check: &str, state: &str, says: &str, mend: Option<&str>) -> &Self {
        let report: Value = serde_json::from_str(&self.json.out()).unwrap_or_else(|_| panic!("{}", self.json));
        let is_it = |found: &&Value| {
            found["check"] == check && found["state"] == state && found["says"].as_str().unwrap().contains(says)
        };
        let found = report["checks"].as_array().unwrap().iter().find(is_it);
        let found = found.unwrap_or_else(|| panic!("no {state} of {check} says {says:?}: {}", self.json));
        assert!(found["mend"].as_str().unwrap_or_default().contains(mend.unwrap_or_default()), "{found}");
        assert_eq!(found["mend"].is_null(), mend.is_none(), "{found}");
        // A line for people says it too (the time of day in it is a later one), with its mend in the next line.
        let text = self.text.out();
        let is_it = |line: &&str| line.starts_with(state) && line.contains(check) && line.contains(says);
        let mut lines = text.lines().skip_while(|line| !is_it(line));
        assert!(lines.next().is_some(), "{}", self.text);
        if let Some(mend) = mend {
            let next = lines.next().unwrap_or_default();
            assert!(next.trim_start().starts_with("-> ") && next.contains(mend), "{}", self.text);
        }
        self
    }

    #[track_caller]
    fn exits(&self, code: i32) -> &Self {
        assert_eq!((self.json.code, self.text.code), (code, code), "{}", self.text);
        let report: Value = serde_json::from_str(&self.json.out()).unwrap();
        assert_eq!(report["healthy"], code == 0, "{}", self.json);
        self
    }
}

/// `doctor` in a mount namespace of its own, after `script` has changed what is mounted there.
fn beneath(host: &Host, script: &str) -> Report {
    let root = if nix::unistd::geteuid().is_root() { "--mount" } else { "--map-root-user" };
    Report::by(|args| {
        let mut command = host.command("unshare");
        command.args([root, "--mount", "sh", "-ec", &format!("{script}\nexec \"$0\" \"$@\"")]);
        run(command.arg(host.program()).args(args), b"", None)
    })
}

/// The dokuen directory on a file system of its own.
fn on_a_disk(host: &Host, options: &str) -> Report {
    let dir = host.dir().display();
    let script = format!(
        "mkdir -p {dir}.disk; mount -t tmpfs -o mode=755,size=2g none {dir}.disk; cp -a {dir}/. {dir}.disk; \
         used=$(df -k --output=used {dir}.disk | tail -n 1); \
         inodes=$(df --output=iused {dir}.disk | tail -n 1); \
         mount -o remount,{options} {dir}.disk; mount --bind {dir}.disk {dir}"
    );
    beneath(host, &script)
}

#[test]
fn a_disk_that_is_nearly_full_is_said_before_and_when_it_is() {
    let host = home::host();
    let mend = Some("dokuen releases:prune");
    on_a_disk(&host, "size=$((used + 4000000))k").has("disk", "ok", "MiB are free", None).exits(0);
    on_a_disk(&host, "size=$((used + 512000))k").has("disk", "warning", "MiB are free", mend).exits(0);
    on_a_disk(&host, "size=$((used + 51200))k").has("disk", "problem", "MiB are free", mend).exits(9);
}

#[test]
fn a_disk_without_inodes_is_said_although_it_has_room() {
    let host = home::host();
    let few = on_a_disk(&host, "size=4g,nr_inodes=$((inodes + 1 + inodes / 33))");
    few.has("disk", "ok", "MiB are free", None).has("disk", "warning", "inodes are free", Some("prune")).exits(0);
    let none = on_a_disk(&host, "size=4g,nr_inodes=$((inodes))");
    none.has("disk", "problem", "0 of", Some("dokuen releases:prune")).exits(9);
}

#[test]
fn a_clock_that_was_put_back_is_seen_by_what_was_done_after_it() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    Report::of(&host).has("clock", "ok", "it is 2", None);
    let record = app.dir().join("ledger/v1/release.yml");
    let text = fs::read_to_string(&record).unwrap();
    let at = text.lines().find(|line| line.starts_with("at:")).unwrap();
    fs::write(&record, text.replace(at, &at.replacen("20", "29", 1))).unwrap();
    Report::of(&host).has("clock", "warning", "v1 of hello is of 29", Some("timedatectl set-ntp true")).exits(0);
}

#[test]
fn ports_that_others_have_are_counted_and_none_left_is_a_problem() {
    let host = home::with(Options { ports: 4, ..Options::default() });
    Report::of(&host).has("ports", "ok", "are free; processes have 0, other programs", None).exits(0);
    let ports = host.min_port()..=host.max_port();
    let _others: Vec<_> = ports.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).collect();
    Report::of(&host).has("ports", "problem", "0 of the ports", Some("widen min_port and max_port in")).exits(9);
}

/// As the account of a host with the machine's nginx, whose `sudo` ends with this status.
fn with_sudo(host: &Host, status: u8) -> Report {
    let sudo = host.temp().join("bin/sudo");
    fs::write(&sudo, format!("#!/bin/sh\n[ \"$*\" != \"-n -l $3 -s reload\" ] || exit {status}\nexit 77\n")).unwrap();
    make_executable(&sudo);
    let conf = host.dir().join("dokuen.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let others = text.lines().filter(|line| !line.starts_with("nginx:") && !line.starts_with("app_user:"));
    let of_nobody = others.chain(["nginx: system", "app_user: nobody"]).collect::<Vec<_>>().join("\n");
    fs::write(&conf, of_nobody).unwrap();
    let report = Report::by(|args| {
        let mut command = host.command("unshare");
        command.args(["--user", "--map-user=65534", "--map-group=65534"]);
        run(command.arg(host.program()).args(args), b"", None)
    });
    fs::write(&conf, text).unwrap();
    report
}

#[test]
fn an_account_that_may_not_reload_nginx_is_named() {
    let host = home::with(Options { spoilable_nginx: true, ..Options::default() });
    with_sudo(&host, 1).has("sudo", "problem", "may not reload nginx", Some("setup")).exits(9);
    with_sudo(&host, 0).has("sudo", "ok", "may reload nginx", None);
}

#[test]
fn a_boot_unit_that_is_missing_changed_or_not_enabled_is_named() {
    let host = home::with(Options { spoilable_nginx: true, ..Options::default() });
    let systemctl = host.temp().join("bin/systemctl");
    let is_enabled = |status: u8| {
        fs::write(&systemctl, format!("#!/bin/sh\nexit {status}\n")).unwrap();
        make_executable(&systemctl);
    };
    let machine = "mkdir -p /run/systemd/system 2>/dev/null || { mount -t tmpfs none /run; mkdir -p /run/systemd/system; }\n\
                   mount -t tmpfs none /etc/systemd/system";
    let installed = |more: &str| {
        let unit = host.dir().join("boot/dokuen.service").display().to_string();
        beneath(&host, &format!("{machine}\ncp {unit} /etc/systemd/system/\n{more}"))
    };
    is_enabled(0);
    beneath(&host, machine).has("boot", "warning", "nothing starts the apps at boot", Some("systemctl")).exits(0);
    installed("").has("boot", "ok", "systemd starts everything at boot", None).exits(0);
    installed("echo '# mine' >>/etc/systemd/system/dokuen.service")
        .has("boot", "warning", "is not what setup wrote", Some("systemctl daemon-reload"))
        .exits(0);
    is_enabled(1);
    installed("").has("boot", "problem", "is not enabled", Some("systemctl enable dokuen.service")).exits(9);
}

#[test]
fn a_cgroup_that_cannot_be_used_is_named() {
    let host = home::host();
    Report::of(&host).has("cgroups", "ok", "none asked for", None).exits(0);
    let conf = host.dir().join("dokuen.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let (mend, here) = (Some("a directory of cgroup v2"), host.temp().display());
    fs::create_dir(host.temp().join("no-cgroup")).unwrap();
    for (cgroup, says) in [
        ("d/dokuen.conf", format!("`{here}/d/dokuen.conf` takes no cgroup: Not a directory")),
        ("missing", format!("`{here}/missing` takes no cgroup: No such file or directory")),
        ("no-cgroup", format!("processes cannot be moved into `{here}/no-cgroup`")),
    ] {
        fs::write(&conf, format!("{text}cgroup: {here}/{cgroup}\n")).unwrap();
        Report::of(&host).has("cgroups", "warning", &says, mend).exits(0);
    }
    assert!(!host.temp().join("missing").exists(), "a check makes nothing");
    assert_eq!(fs::read_dir(host.temp().join("no-cgroup")).unwrap().count(), 0);
}

#[test]
fn an_nginx_that_is_too_old_is_named() {
    let host = home::with(Options { spoilable_nginx: true, ..Options::default() });
    let path = host.temp().join("bin/nginx");
    let script = fs::read_to_string(&path).unwrap();
    let old = "case \"$1\" in -v|-V) echo 'nginx version: nginx/1.14.2' >&2; exit;; esac\n";
    fs::write(&path, script.replacen("#!/bin/sh\n", &format!("#!/bin/sh\n{old}"), 1)).unwrap();
    let found = Report::of(&host);
    found.has("nginx", "problem", "nginx 1.14.2 is too old: 1.15.3 or later", Some("install nginx")).exits(9);
}

/// What an app runs, without its wrapper.
fn child(app: &App) -> i32 {
    let is_wrapper = |p: &processes::Process| p.words.contains("/bin/dokuen-wrapper ");
    app.host.app_processes().into_iter().find(|p| !is_wrapper(p)).unwrap().pid
}

fn end(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    eventually("it has gone", || !processes::is_alive(pid));
}

#[test]
fn a_process_without_a_wrapper_or_an_instance_is_found_and_ended() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    Report::of(&host).has("processes", "ok", "each belongs to an instance or a one-off", None).exits(0);
    let lost = child(&app);
    let wrapper = host.app_processes().into_iter().find(|p| p.words.contains("/bin/dokuen-wrapper ")).unwrap();
    end(wrapper.pid);
    let instance = app.dir().join("instances").join(wrapper.words.trim_end().rsplit('/').next().unwrap());
    fs::remove_dir_all(&instance).unwrap();
    let says = format!("process {lost}, {} of hello, has no wrapper", instance.file_name().unwrap().display());
    Report::of(&host).has("processes", "warning", &says, Some(&format!("kill {lost}"))).exits(9);
    host.dokuen(&["doctor", "--fix"]).ok().stdout_has("mended   processes");
    assert!(!processes::is_alive(lost));
    app.serves("Hello from types, version 1");
}

#[test]
fn what_a_one_off_left_behind_is_named_and_left_to_a_person() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    let pid = app.dokuen("run", &["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"]).ok().out();
    let pid: i32 = pid.trim().parse().unwrap();
    let mend = format!("kill {pid}");
    let left = Report::of(&host);
    left.has("processes", "warning", "run.1 of hello, was left when its one-off ended", Some(&mend)).exits(0);
    host.dokuen(&["doctor", "--fix"]).ok();
    assert!(processes::is_alive(pid));
    end(pid);
    Report::of(&host).has("processes", "ok", "each belongs", None).exits(0);
}

#[test]
fn what_runs_in_a_renamed_app_is_not_lost() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    app.push().ok();
    app.dokuen("run:detached", &["sleep", "1000"]).ok();
    host.dokuen(&["apps:rename", "--application=hello", "other"]).ok();
    Report::of(&host).has("processes", "ok", "each belongs", None).exits(0);
}

#[test]
fn directories_and_programs_that_are_gone_or_closed_are_named() {
    let host = Host::new();
    host.app("hello", "types").push().ok();
    let (dir, bin) = (host.dir().to_owned(), host.dir().join("bin"));
    fs::rename(bin.join("dokuen-shell"), bin.join("aside")).unwrap();
    Report::of(&host).has("places", "problem", "nobody can come in over ssh", Some("dokuen setup ")).exits(9);
    fs::rename(bin.join("aside"), bin.join("dokuen-shell")).unwrap();
    for gone in ["ports", "tmp", "events"] {
        fs::remove_dir_all(dir.join(gone)).unwrap();
        let says = format!("there is no directory `{}`", dir.join(gone).display());
        Report::of(&host).has("places", "problem", &says, Some("dokuen doctor --fix")).exits(9);
        host.dokuen(&["doctor", "--fix"]).ok();
        assert_eq!(dir.join(gone).metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    let releases = dir.join("apps/hello/releases");
    fs::set_permissions(&releases, fs::Permissions::from_mode(0o500)).unwrap();
    Report::of(&host).has("places", "problem", "is closed to its own account: mode 500", Some("chmod u+rwX ")).exits(9);
    fs::set_permissions(&releases, fs::Permissions::from_mode(0o700)).unwrap();
    Report::of(&host).has("places", "ok", "every directory and program is there", None).exits(0);
}
