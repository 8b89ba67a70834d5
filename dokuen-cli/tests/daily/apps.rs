//! What is known of apps and releases, and what becomes of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::http::Client;
use crate::outcome::{Outcome, run};
use crate::pem::Pem;

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.ok().out()).unwrap()
}

#[test]
fn an_app_is_named_with_or_without_an_option_and_known_well() {
    let host = Host::new();
    host.dokuen(&["apps:create", "hello"]).ok();
    host.dokuen(&["create"]).exits(2).stderr_has("<APP>");
    let app = App::copied(&host, "hello", "types");
    host.dokuen(&["apps:info", "hello"]).ok().stdout_has("state       empty");
    app.push().ok();
    let info = json(app.dokuen("apps:info", &["--json"]));
    assert_eq!(
        (&info["state"], &info["release"], &info["branch"]),
        (&"running".into(), &"v1".into(), &"master".into())
    );
    assert_eq!((&info["commit"], &info["formation"]["web"]), (&app.pushed("master").into(), &1.into()));
    assert!(info["disk_bytes"].as_u64().unwrap() > 1000 && info["url"].as_str().unwrap().contains(&app.domain()));
    host.dokuen(&["info", "-a", "hello"]).ok().stdout_has("release     v1\n").stdout_has("locked      no\n");
    host.dokuen(&["apps:info", "nosuch"]).exits(3).stderr_has("no such app: nosuch");
    app.dokuen("shutdown", &[]).ok();
    assert_eq!(json(app.dokuen("apps:info", &["--json"]))["state"], "stopped");
}

#[test]
fn a_locked_app_is_deployed_by_nobody_and_serves_on() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.greeting("two").push().ok().serving("two");
    app.dokuen("apps:lock", &["-m", "audit until Monday"]).ok().stdout_has("hello is locked");
    app.greeting("three");
    app.push().fails().stderr_has("hello is locked by").stderr_has("audit until Monday").still_serving("two");
    app.dokuen("deploy", &["--rev=master"]).exits(5).stderr_has("apps:unlock hello");
    app.dokuen("rollback", &[]).exits(5).still_serving("two");
    app.dokuen("config:set", &["A=1"]).ok().serving("two");
    app.dokuen("apps:lock", &["-m", "a\nb"]).exits(2);
    app.dokuen("apps:unlock", &[]).ok();
    app.dokuen("apps:unlock", &[]).ok().stdout_has("hello is not locked");
    app.push().ok().serving("three");
}

/// At a terminal, which is that of `script`, with these answers typed.
fn answered(host: &Host, words: &str, typed: &str) -> Outcome {
    let line = format!("'{}' {words}", host.program().display());
    let mut script = host.command("script");
    script.env("SHELL", "/bin/sh");
    run(script.args(["-qec", &line, "/dev/null"]), typed.as_bytes(), None)
}

#[test]
fn destroying_asks_a_person_and_nobody_else() {
    let host = Host::new();
    for name in ["one", "two", "three"] {
        host.dokuen(&["create", name]).ok();
    }
    host.dokuen(&["apps:destroy", "one"]).exits(2).stderr_has("--confirm=one");
    host.dokuen(&["apps:destroy", "one", "--confirm", "two"]).exits(2);
    answered(&host, "apps:destroy one", "two\n").exits(2).stdout_has("type one to go on: ");
    host.dokuen(&["apps"]).ok().stdout_is("one\nthree\ntwo\n");
    answered(&host, "apps:destroy one", "one\n").ok().stdout_has("destroyed one");
    host.dokuen(&["destroy", "-a", "two", "-c", "two"]).ok();
    host.dokuen(&["apps:destroy", "three", "--force"]).ok();
    host.dokuen(&["apps"]).ok().stdout_is("");
}

#[test]
fn what_a_release_is_and_what_tells_two_apart() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("config:set", &["A=secret", "B=1"]).ok();
    app.dokuen("config:unset", &["B"]).ok();
    app.greeting("two").push().ok();
    let info = json(app.dokuen("releases:info", &["v2", "--json"]));
    assert_eq!((&info["what"], &info["live"], &info["kept"]), (&"set A, B".into(), &false.into(), &true.into()));
    assert_eq!(info["config"], serde_json::json!({"added": ["A", "B"], "changed": [], "removed": []}));
    let info = json(app.dokuen("releases:info", &["--json"]));
    assert_eq!((&info["release"], &info["what"]), (&"v4".into(), &"deploy".into()));
    assert!(info["build_seconds"].is_u64(), "{info}");
    app.dokuen("releases:info", &["v2"]).ok().stdout_has("config      +A +B\n").stdout_has("release     v2\n");
    app.dokuen("releases:info", &["v9"]).exits(3).stderr_has("hello has no release v9");
    app.dokuen("releases:info", &["latest"]).exits(2);
    let diff = json(app.dokuen("releases:diff", &["v1", "--json"]));
    assert_eq!((&diff["to"], &diff["config"]["added"]), (&"v4".into(), &serde_json::json!(["A"])));
    assert_eq!((diff["commits"].as_array().unwrap().len(), diff["commits_gone"].as_array().unwrap().len()), (1, 0));
    app.dokuen("releases:diff", &["v4", "v1"]).ok().stdout_has("v4 ").stdout_has("\n- ").stdout_has("config     -A\n");
    app.dokuen("releases:diff", &[]).ok().stdout_has("v3 ").stdout_has(" -> v4 ");
    let said = app.dokuen("releases:diff", &["v1"]).ok().out() + &app.dokuen("releases:info", &["v2"]).ok().out();
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn pruning_says_first_what_would_go_and_then_that_goes() {
    let app = Host::with(Options { conf: "stop_timeout: 3\n", ..Options::default() }).app("hello", "types");
    app.push().ok();
    let first = app.release("current");
    for text in ["two", "three"] {
        app.greeting(text).push().ok();
    }
    app.dokuen("releases:prune", &["--dry-run"]).ok().stdout_is("  = nothing to remove\n");
    let conf = app.host.dir().join("dokuen.conf");
    fs::write(&conf, fs::read_to_string(&conf).unwrap() + "keep_releases: 0\n").unwrap();
    let name = first.file_name().unwrap().to_string_lossy().into_owned();
    // The first one may be needed a little longer, by what drains.
    eventually("it would go", || {
        let said = app.dokuen("releases:prune", &["--dry-run"]).ok().out();
        assert!(first.is_dir() && !said.contains("removed"));
        said.starts_with(&format!("  = would remove {name} (")) && said.lines().count() == 1
    });
    let kept = || json(app.dokuen("releases:info", &["v1", "--json"]))["kept"].clone();
    assert_eq!(kept(), true);
    let events = |app: &App| app.host.dokuen(&["events"]).ok().out().matches("releases:prune").count();
    assert_eq!(events(&app), 0, "nothing was done");
    app.dokuen("releases:prune", &[]).ok().stdout_has(&format!("  = removed {name} ("));
    assert_eq!((first.exists(), kept(), events(&app)), (false, false.into(), 1));
    app.serves("three");
    // The previous one stays, also when nothing is left of what ran it.
    app.dokuen("restart", &[]).ok();
    app.comes_to_run(&["web.1"]);
    app.dokuen("restart", &[]).ok();
    app.dokuen("releases:prune", &[]).ok().stdout_is("  = nothing to remove\n");
    app.dokuen("rollback", &[]).ok().serving("two");
}

#[test]
fn one_process_is_restarted_and_the_others_run_on() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("scale", &["web=2", "worker=1"]).ok();
    app.dokuen("ps:wait", &[]).ok().stdout_has("hello is up");
    let pids = || {
        let ps = json(app.dokuen("ps", &["--json"]));
        let up: Vec<_> = ps.as_array().unwrap().iter().filter(|one| one["state"] == "up").cloned().collect();
        up.iter()
            .map(|one| (one["name"].as_str().unwrap().to_owned(), one["pid"].as_i64().unwrap()))
            .collect::<Vec<_>>()
    };
    let before = pids();
    app.dokuen("ps:restart", &["web.1"]).ok().stdout_has("web.1 runs anew");
    let after = pids();
    assert_eq!(before.iter().zip(&after).map(|(b, a)| b == a).collect::<Vec<_>>(), [false, true, true], "{after:?}");
    app.dokuen("restart", &["-p", "worker"]).ok();
    assert_eq!(pids()[..2], after[..2]);
    app.dokuen("restart", &["worker", "clock.1"]).exits(3).stderr_has("hello runs no process \"clock.1\"");
    app.dokuen("ps:stop", &[]).ok();
    app.dokuen("ps:wait", &["--timeout=0"]).exits(6).stderr_has("hello is shut down");
    app.dokuen("restart", &["web"]).exits(3).stderr_has("nothing of hello runs");
    app.dokuen("ps:start", &[]).ok();
    app.dokuen("ps:wait", &["--timeout=10"]).ok();
}

#[test]
fn of_two_processes_that_are_restarted_one_answers() {
    let host = Host::new();
    let app = host.app("slow", "python");
    let told = host.temp().join("told");
    let (began, up) = (format!("echo began >> '{}'", told.display()), format!("echo up >> '{}'", told.display()));
    let server = fs::read_to_string(app.checkout.join("Procfile")).unwrap().replace("web: ", "");
    app.with("Procfile", format!("web: {began}; sleep 1; {up}; {server}")).push().ok();
    app.dokuen("scale", &["web=2"]).ok();
    fs::remove_file(&told).unwrap();
    app.dokuen("restart", &["web"]).ok();
    assert_eq!(fs::read_to_string(&told).unwrap(), "began\nup\nbegan\nup\n");
}

#[test]
fn a_renamed_app_has_everything_it_had_under_its_new_name_only() {
    let host = Host::new();
    let app = host.app("old", "types");
    app.push().ok();
    app.dokuen("config:set", &["A=1", "ADDITIONAL_DOMAINS=shop.test"]).ok();
    app.greeting("two").push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    host.dokuen(&["create", "other"]).ok();
    host.dokuen(&["apps:rename", "-a", "old", "other"]).exits(1).stderr_has("the app other exists already");
    host.dokuen(&["apps:rename", "-a", "old", "a/b"]).exits(2);
    host.dokuen(&["apps:rename", "-a", "old", "old"]).exits(1);
    app.serves("two");
    host.dokuen(&["apps:rename", "--app=old", "new"]).ok().stdout_has("renamed old to new").stdout_has("new.git");
    host.dokuen(&["apps"]).ok().stdout_is("new\nother\n");
    let new = App { name: "new".to_owned(), ..app.clone() };
    new.git(&["remote", "set-url", "dokuen", &new.repo().display().to_string()]).ok();
    new.serves("two").comes_to_run(&["web.1", "worker.1"]);
    assert_eq!(new.get_as("shop.test", "/").status, 200);
    assert_eq!((app.get_as(&app.domain(), "/").status, app.repo().exists()), (404, false));
    assert_eq!(new.env("A"), b"1");
    new.dokuen("logs", &["-p", "web.1"]).ok().stdout_has("[web.1]");
    new.greeting("three").push().ok().serving("three");
    new.dokuen("rollback", &["v1"]).ok().serving("Hello from types, version 1");
    host.dokuen(&["config", "-a", "old"]).exits(3);
    host.dokuen(&["create", "old"]).exits(1).stderr_has("old was renamed to new");
    host.dokuen(&["doctor", "--json"]);
    host.dokuen(&["apps:destroy", "new", "--force"]).ok();
    host.dokuen(&["create", "old"]).ok();
}

/// GETs and POSTs of one name on connections of their own, without a pause, until `change` is done: how many, and which failed.
fn asked_during(app: &App, name: &str, change: impl FnOnce()) -> (usize, Vec<String>) {
    let over = AtomicBool::new(false);
    let ask = |post: bool| {
        let (mut count, mut failed) = (0, Vec::new());
        while !over.load(Ordering::Relaxed) {
            let client = Client::connect(app.host.listen(), name);
            let answer = client.and_then(|mut client| match post {
                true => client.post("/echo", b"text"),
                false => client.get("/", "Connection: close\r\n"),
            });
            count += 1;
            match answer {
                Ok(response) if response.status == 200 => {}
                Ok(response) => failed.push(response.status.to_string()),
                Err(e) => failed.push(e.to_string()),
            }
        }
        (count, failed)
    };
    std::thread::scope(|scope| {
        let askers = [true, false].map(|post| scope.spawn(move || ask(post)));
        let changed = catch_unwind(AssertUnwindSafe(change));
        over.store(true, Ordering::Relaxed);
        let done = askers.map(|asker| asker.join().unwrap());
        changed.unwrap_or_else(|panic| resume_unwind(panic));
        (done.iter().map(|(count, _)| count).sum(), done.into_iter().flat_map(|(_, failed)| failed).collect())
    })
}

#[test]
fn renames_lose_no_request_by_the_apps_own_names() {
    let host = Host::new();
    let app = host.app("old", "slow");
    app.push().ok();
    app.dokuen("config:set", &["SLOW_START_MS=300"]).ok();
    app.dokuen("domains:add", &["shop.test"]).ok();
    let rename = |(from, to): (&str, &str)| drop(host.dokuen(&["apps:rename", "-a", from, to]).ok());
    let (count, failed) = asked_during(&app, "shop.test", || {
        // Away, further, and back, where a link of the first one is.
        [("old", "new"), ("new", "newest"), ("newest", "old")].into_iter().for_each(rename);
    });
    assert_eq!((failed.len(), failed.first()), (0, None), "of {count}");
    assert!(count > 100, "{count}");
    app.text("/");
}

#[test]
fn what_began_before_a_rename_does_nothing_under_the_old_name() {
    let host = Host::new();
    let app = host.app("old", "types");
    app.push().ok();
    let mut command = host.command(host.program());
    command
        .args(["config:set", "-a", "old", "A=-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let waiting = command.spawn().unwrap();
    let asleep_at = format!("/proc/{}/wchan", waiting.id());
    eventually("it reads its input", || fs::read_to_string(&asleep_at).unwrap().contains("pipe_read"));
    host.dokuen(&["apps:rename", "-a", "old", "new"]).ok();
    // Closed by being dropped: the value is empty.
    let said = waiting.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(3), "{errors}");
    assert!(errors.contains("app old was renamed or destroyed meanwhile"), "{errors}");
    let new = App { name: "new".to_owned(), ..app };
    new.serves("Hello from types, version 1");
    assert_eq!(new.dokuen("ps", &[]).ok().out().lines().filter(|line| line.contains("web.1")).count(), 1);
}

#[test]
fn a_rename_that_was_killed_is_finished_by_the_next_command() {
    let host = Host::new();
    let app = host.app("old", "types");
    app.push().ok();
    // As it is right after the rename that decides, on a file system that cannot swap names.
    fs::write(app.dir().join("renaming"), "old\nnew\n").unwrap();
    fs::rename(app.dir(), host.dir().join("apps/new")).unwrap();
    host.dokuen(&["apps"]).ok().stdout_is("new\n");
    let new = App { name: "new".to_owned(), ..app.clone() };
    new.dokuen("restart", &[]).ok();
    new.serves("Hello from types, version 1");
    new.git(&["remote", "set-url", "dokuen", &new.repo().display().to_string()]).ok();
    new.greeting("two").push().ok().serving("two");
    assert!(!new.exists("renaming") && !app.repo().exists());
    // And as it is right before: nothing has happened.
    fs::write(new.dir().join("renaming"), "new\nnewest\n").unwrap();
    symlink("newest", host.dir().join("apps/newest")).unwrap();
    new.dokuen("restart", &[]).ok().serving("two");
    assert!(!new.exists("renaming"));
    assert_eq!(links(&host), ["old -> new"]);
    // Or somebody else has that name by now.
    fs::write(new.dir().join("renaming"), "new\nnewest\n").unwrap();
    symlink("newest", host.dir().join("apps/newest")).unwrap();
    let other = host.app("newest", "types");
    other.push().ok();
    new.dokuen("restart", &[]).ok().serving("two");
    other.serves("Hello from types, version 1");
}

/// Names that it gives itself in config, what lies about, who waits, and who hears of it.
#[test]
fn a_rename_takes_all_along_and_holds_up_nobody() {
    let host = Host::new();
    let app = host.app("old", "slow");
    app.push().ok();
    app.dokuen("config:set", &[&format!("ADDITIONAL_DOMAINS={},shop.test", app.domain()), "SLOW_START_MS=3000"]).ok();
    app.dokuen("webhooks:add", &["http://127.0.0.1:9/"]).ok();
    fs::create_dir_all(host.dir().join("run/new/i")).unwrap();
    let new = App { name: "new".to_owned(), ..app.clone() };
    let (count, failed) = asked_during(&app, "shop.test", || {
        std::thread::scope(|scope| {
            let rename = scope.spawn(|| host.dokuen(&["apps:rename", "-a", "old", "new"]).ok().out());
            eventually("it has its name", || new.dir().join("current").exists());
            host.dokuen(&["create", "other"]).ok();
            assert!(!rename.is_finished(), "nobody waits for its processes");
            assert!(rename.join().unwrap().contains("renamed old to new"));
        });
    });
    assert_eq!((failed.len(), failed.first()), (0, None), "of {count}");
    new.dokuen("restart", &[]).ok();
    assert_eq!(["old.dokuen.test", "new.dokuen.test"].map(|name| new.get_as(name, "/").status), [404, 200]);
    eventually("its webhook is told", || {
        let log = fs::read_to_string(host.dir().join("notify.log")).unwrap_or_default();
        log.lines().any(|line| line.contains("apps"))
    });
    host.dokuen(&["ps", "-a", "old"]).exits(3).stderr_has("it is called new now: --application=new");
}

#[test]
fn a_name_is_free_again_after_a_rename_to_it_that_could_not_tell_nginx() {
    let host = Host::new();
    let app = host.app("old", "types");
    app.push().ok();
    // nginx has gone, and somebody else has its port.
    let pid = fs::read_to_string(host.dir().join("nginx/own/nginx.pid")).unwrap();
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGTERM).unwrap();
    let mut taken = None;
    eventually("its port is free", || {
        taken = std::net::TcpListener::bind(host.listen()).ok();
        taken.is_some()
    });
    host.dokuen(&["apps:rename", "-a", "old", "new"]).exits(8).stderr_has("it is called old still");
    drop(taken);
    host.dokuen(&["nginx:rebuild"]).ok();
    app.serves("Hello from types, version 1");
    host.dokuen(&["create", "new"]).ok();
    assert_eq!((links(&host), app.exists("renaming")), (vec![], false));
    app.dokuen("restart", &[]).ok().serving("Hello from types, version 1");
}

#[test]
fn a_rename_that_fails_has_changed_nothing() {
    let host = Host::new();
    let app = host.app("old", "slow");
    app.push().ok();
    app.dokuen("domains:add", &["--redirect-to", &app.domain(), "shop.test"]).ok();
    // What runs runs on, but what is started no longer answers.
    fs::write(app.dir().join("env/SLOW_START_MS"), "60000").unwrap();
    fs::write(app.dir().join("env/DOKUEN_BOOT_TIMEOUT"), "2").unwrap();
    let (count, failed) = asked_during(&app, &app.domain(), || {
        host.dokuen(&["apps:rename", "-a", "old", "new"]).exits(6).stderr_has("it is called old still");
    });
    assert_eq!((failed.len(), failed.first()), (0, None), "of {count}");
    host.dokuen(&["apps"]).ok().stdout_is("old\n");
    assert_eq!((links(&host), app.exists("renaming")), (vec![], false));
    let redirects = json(app.dokuen("domains", &["--json"]));
    assert!(redirects.to_string().contains("old.dokuen.test"), "{redirects}");
    assert!(app.repo().exists() && !host.dir().join("repos/new.git").exists());
    app.text("/");
    fs::write(app.dir().join("env/SLOW_START_MS"), "0").unwrap();
    app.dokuen("apps:rename", &["new"]).ok();
    assert_eq!(app.get_as("new.dokuen.test", "/").status, 200);
}

/// Links in the directory of apps, and where they lead.
fn links(host: &Host) -> Vec<String> {
    let entries = fs::read_dir(host.dir().join("apps")).unwrap().map(|entry| entry.unwrap().path());
    let link = |path: std::path::PathBuf| {
        let target = fs::read_link(&path).ok()?;
        Some(format!("{} -> {}", path.file_name()?.to_str()?, target.display()))
    };
    let mut all: Vec<String> = entries.filter_map(link).collect();
    all.sort();
    all
}

#[test]
fn names_and_certificates_move_with_a_renamed_app_and_it_can_go_back() {
    let host = Host::new();
    let app = host.app("old", "types");
    app.push().ok();
    let pem = Pem::of(&host, "own", &["www.shop.test", &app.domain()]);
    app.dokuen("domains:add", &["www.shop.test"]).ok();
    app.dokuen("domains:add", &["--redirect-to", &app.domain(), "shop.test"]).ok();
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    app.dokuen("nginx:set", &["client-max-body-size=7m"]).ok();
    let named = |name: &str| App { name: name.to_owned(), ..app.clone() };
    let (new, newest) = (named("new"), named("newest"));
    let said = app.dokuen("apps:rename", &["new"]).ok();
    said.stdout_has("the certificate is not good for new.dokuen.test, which http alone answers");
    let names = json(new.dokuen("domains", &["--json"]));
    let of = |name: &str| names.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!(
        (&of("shop.test")["redirects_to"], &of("new.dokuen.test")["certificate_until"]),
        (&"new.dokuen.test".into(), &Value::Null)
    );
    assert!(of("www.shop.test")["certificate_until"].is_string());
    let answer = new.get_as("shop.test", "/x");
    assert_eq!((answer.status, new.get_as(&app.domain(), "/").status), (301, 404));
    new.serves("Hello from types, version 1").dokuen("nginx:show", &[]).ok().stdout_has("7m");
    // Others cannot have what it has, neither by its new name nor by the old one.
    let other = host.app("other", "types");
    other.dokuen("domains:add", &["www.shop.test"]).exits(1).stderr_has("a name of the app new already");
    other.dokuen("apps:rename", &["old"]).exits(1).stderr_has("old was renamed to new");
    new.dokuen("apps:rename", &["newest"]).ok();
    assert_eq!(links(&host), ["new -> newest", "old -> newest"]);
    // Back under the name it had first, where its trees were built.
    let said = newest.dokuen("apps:rename", &["old"]).ok().out();
    assert!(!said.contains("not good for"), "{said}");
    assert_eq!(links(&host), ["new -> old", "newest -> old"]);
    app.serves("Hello from types, version 1").dokuen("domains", &[]).ok().stdout_has("old.dokuen.test");
    app.greeting("two").push().ok().serving("two");
    // Killed between the link that makes room and the rename that decides: nothing has happened.
    for target in [None, Some("new")] {
        fs::write(app.dir().join("renaming"), "old\nnew\nback\n").unwrap();
        fs::remove_file(host.dir().join("apps/new")).unwrap();
        target.into_iter().for_each(|target| symlink(target, host.dir().join("apps/new")).unwrap());
        app.dokuen("restart", &[]).ok().serving("two");
        assert_eq!(links(&host), ["new -> old", "newest -> old"]);
    }
    app.dokuen("apps:destroy", &["--force"]).ok();
    assert_eq!(links(&host), [""; 0]);
    host.dokuen(&["create", "new"]).ok();
}
