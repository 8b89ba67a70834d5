//! What a change does not do: nginx is reloaded once for all apps, and the files of other apps are not written again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::host::{Host, Options, make_executable};

/// The nginx of other tests, which writes down how it is called.
struct Counted {
    host: Host,
    calls: PathBuf,
    _dir: tempfile::TempDir,
}

impl Counted {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("dk").tempdir_in("/tmp").unwrap();
        let (script, calls) = (dir.path().join("nginx"), dir.path().join("calls"));
        let real = Options::default().nginx.unwrap_or_else(|| dokuen_nginx::find_program("").unwrap());
        let text = format!("#!/bin/sh\necho \"$*\" >> {}\nexec {} \"$@\"\n", calls.display(), real.display());
        fs::write(&script, text).unwrap();
        make_executable(&script);
        Self { host: Host::with(Options { nginx: Some(script), ..Options::default() }), calls, _dir: dir }
    }

    /// How often it was started and how often reloaded since the last time.
    fn since(&self) -> (usize, usize) {
        let calls = fs::read_to_string(&self.calls).unwrap_or_default();
        let _ = fs::remove_file(&self.calls);
        let reloads = calls.lines().filter(|line| line.ends_with(" -s reload")).count();
        let starts = calls.lines().filter(|line| line.starts_with("-c ") && line.split(' ').count() == 4).count();
        (starts, reloads)
    }
}

fn apps(host: &Host) -> Vec<App> {
    let names = ["one", "two", "three", "four", "five", "six"];
    let apps = names.map(|name| {
        let app = host.app(name, "python");
        app.push().ok();
        app
    });
    apps.into()
}

/// Which file it is, and when it was written, for everything that nginx reads.
fn files(host: &Host) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let dir = fs::read_dir(host.dir().join("nginx")).unwrap().map(|entry| entry.unwrap().path());
    let confs = dir.filter(|path| path.extension().is_some_and(|extension| extension == "conf"));
    let seen = |path: &Path| fs::metadata(path).map(|meta| (meta.ino(), meta.mtime(), meta.mtime_nsec())).unwrap();
    confs.map(|path| (path.clone(), seen(&path))).collect()
}

#[test]
fn boot_reloads_nginx_once_for_all_apps_and_not_at_all_when_nothing_is_to_change() {
    let counted = Counted::new();
    let host = &counted.host;
    let apps = apps(host);
    counted.since();
    let before = files(host);
    assert_eq!(before.len(), apps.len() + 1);
    host.dokuen(&["boot"]).ok();
    assert_eq!(counted.since(), (0, 0));
    assert_eq!(files(host), before);

    // All of it is derived, and may be deleted.
    before.keys().for_each(|path| fs::remove_file(path).unwrap());
    host.dokuen(&["boot"]).ok();
    assert_eq!(counted.since(), (0, 1));
    // As after a restart of the machine.
    let pid = fs::read_to_string(host.dir().join("nginx/own/nginx.pid")).unwrap();
    let nginx = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
    nix::sys::signal::kill(nginx, nix::sys::signal::Signal::SIGTERM).unwrap();
    crate::host::eventually("nginx has gone", || nix::sys::signal::kill(nginx, None).is_err());
    before.keys().for_each(|path| fs::remove_file(path).unwrap());
    host.dokuen(&["boot"]).ok();
    assert_eq!(counted.since(), (1, 0), "started with everything there, not started and then reloaded");
    for app in &apps {
        app.serves("Hello from Python, version 1");
    }
    let names = apps.iter().map(|app| format!("/{}.conf", app.domain()));
    let there = files(host);
    assert!(
        names.clone().all(|name| there.keys().any(|path| path.display().to_string().ends_with(&name))),
        "{there:?}"
    );
}

#[test]
fn what_changes_of_one_app_writes_no_file_of_another() {
    let counted = Counted::new();
    let host = &counted.host;
    let apps = apps(host);
    let mut before = files(host);
    counted.since();
    for (command, words, reloads) in [
        ("domains:add", &["a.example", "b.example"][..], 1),
        ("nginx:set", &["client-max-body-size=7m"], 1),
        ("maintenance:on", &[], 1),
        ("maintenance:off", &[], 1),
        ("domains:clear", &[], 1),
        ("config_set", &["A=1"], 0),
        ("restart", &[], 0),
        ("scale", &["web=2"], 0),
    ] {
        apps[0].dokuen(command, words).ok();
        let after = files(host);
        let own = |path: &Path| path.ends_with(format!("{}.conf", apps[0].domain()));
        let written: Vec<_> = after.iter().filter(|(path, seen)| before.get(*path) != Some(*seen)).collect();
        assert_eq!(counted.since(), (0, reloads), "{command}");
        assert!(written.iter().all(|(path, _)| own(path)), "{command}: {written:?}");
        assert_eq!((written.len(), after.len()), (reloads, before.len()), "{command}");
        before = after;
    }
}
