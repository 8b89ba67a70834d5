//! An app moves to another machine: `apps:export` here, `apps:import` there.

mod killed;
mod refused;

use std::fs;

use serde_json::Value;

use crate::app::App;
use crate::host::{Host, fixtures};
use crate::outcome::{Outcome, run};
use crate::pem::Pem;
use crate::snapshot::Snapshot;

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.ok().out()).unwrap()
}

fn export(app: &App, more: &[&str]) -> Vec<u8> {
    app.dokuen("apps:export", more).ok().stderr_lacks("!").out
}

fn import(host: &Host, archive: &[u8], more: &[&str]) -> Outcome {
    host.dokuen_given(&[&["apps:import"][..], more].concat(), archive)
}

/// The same checkout on another host.
fn there(host: &Host, app: &App, name: &str) -> App {
    let app = App { host: host.clone(), name: name.to_owned(), checkout: app.checkout.clone() };
    app.git(&["remote", "set-url", "dokuen", &app.repo().display().to_string()]).ok();
    app
}

/// An app with something of everything: two commits, rolled back to the first.
fn rich(host: &Host) -> App {
    let app = host.app("shop", "types");
    app.dokuen("config:set", &["A=one\ntwo 'three' $x", "B=", "ADDITIONAL_DOMAINS=old.shop.test"]).ok();
    app.dokuen_given("config:set", &["RAW=-"], b"\xff\x01\n").ok();
    app.dokuen("storage:create", &["data"]).ok();
    app.push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    app.dokuen("domains:add", &["www.shop.test"]).ok();
    app.dokuen("domains:add", &["--redirect-to=www.shop.test", "shop.test"]).ok();
    let pem = Pem::of(host, "shop", &["www.shop.test", &app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    app.dokuen("nginx:set", &["client-max-body-size=7m"]).ok();
    app.dokuen_given("nginx:set", &["page.502=-"], b"<p>away</p>").ok();
    let data = app.dir().join("storage/data");
    fs::create_dir(data.join("deep")).unwrap();
    fs::write(data.join("deep/file"), "kept").unwrap();
    std::os::unix::fs::symlink("file", data.join("deep/link")).unwrap();
    app.dokuen("webhooks:add", &["http://127.0.0.1:1/x", "--event=crash"]).ok();
    app.greeting("two").git(&["tag", "two"]).ok();
    app.push().ok().serving("two");
    app.git(&["push", "-q", "dokuen", "two"]).ok();
    app.dokuen("rollback", &["v1"]).ok();
    app
}

/// Its state, once the files are there that any command makes.
fn untouched(host: &Host) -> Snapshot {
    let first = host.app("first", "static-page");
    first.push().ok();
    first.dokuen("domains:add", &["first.test"]).ok();
    host.dokuen(&["apps:destroy", "first", "--force"]).ok();
    host.snapshot()
}

/// What the commands of an app say that must be the same wherever it is.
fn facets(app: &App) -> Vec<String> {
    let of = |command: &str, args: &[&str]| app.dokuen(command, args).ok().out();
    let certs = json(app.dokuen("certs", &["--json"]));
    let names = json(app.dokuen("domains", &["--json"]));
    let names: Vec<_> = names.as_array().unwrap().iter().filter(|name| name["from"] != "own").collect();
    vec![
        of("config:export", &["--format=shell"]),
        of("scale", &[]),
        of("webhooks", &[]),
        of("nginx:show", &["--json"]),
        format!("{names:?} {}", certs[0]["fingerprint"]),
    ]
}

#[test]
fn everything_of_an_app_moves_and_it_is_up() {
    let (here, other) = (Host::new(), Host::new());
    let app = rich(&here);
    let archive = export(&app, &["--releases", "--storage"]);
    let before = here.snapshot();
    let (said, releases) = (facets(&app), json(app.dokuen("releases", &["--json"])));
    import(&other, &archive, &[]).ok().stdout_has("* imported shop\n").stdout_has("https://shop.dokuen.test");
    let moved = there(&other, &app, "shop");
    moved.serves("Hello from types, version 1").comes_to_run(&["web.1", "worker.1"]);
    assert_eq!(facets(&moved), said);
    assert_eq!(json(moved.dokuen("releases", &["--json"])), releases);
    assert_eq!(moved.get_as("www.shop.test", "/").status, 200);
    assert_eq!(moved.get_as("shop.test", "/").status, 301);
    assert_eq!(moved.env("RAW"), b"\xff\x01\n");
    let storage = String::from_utf8(moved.env("STORAGE_DATA")).unwrap();
    assert_eq!(storage, moved.dir().join("storage/data").display().to_string());
    assert_eq!(fs::read_to_string(moved.dir().join("storage/data/deep/link")).unwrap(), "kept");
    // From here on it is an app like any other.
    moved.dokuen("rollback", &[]).ok();
    moved.dokuen("releases:info", &["v2"]).ok().stdout_has("kept        yes");
    moved.greeting("three").push().ok().serving("three");
    assert_eq!(moved.pushed("refs/tags/two"), app.pushed("refs/tags/two"));
    assert!(!moved.exists("importing"));
    before.unchanged_in(here.dir());
}

#[test]
fn it_comes_back_where_it_was_with_its_releases_as_they_were() {
    let host = Host::new();
    let app = rich(&host);
    let archive = export(&app, &["--releases"]);
    let trees = |app: &App| {
        let tree = app.release("current");
        run(
            host.command("sh")
                .args(["-c", "cd $0 && ls -lARn --time-style=+%s | grep -v '\\.pid$\\|complete$\\|^d\\|^total'"])
                .arg(tree),
            b"",
            None,
        )
        .ok()
        .out()
    };
    let before = trees(&app);
    host.dokuen(&["apps:destroy", "shop", "--force"]).ok();
    import(&host, &archive, &[]).ok();
    app.serves("Hello from types, version 1");
    assert_eq!(trees(&app), before);
    // It was built here: nothing has to be built again.
    app.git(&["commit", "-q", "--allow-empty", "-m", "again"]).ok();
    app.push().ok().stderr_has("nothing to build").serving("two");
    // Only the places of storage came along.
    assert_eq!(fs::read_dir(app.dir().join("storage/data")).unwrap().count(), 0);
}

#[test]
fn without_releases_it_is_built_from_the_commit_that_was_live() {
    let (here, other) = (Host::new(), Host::new());
    let app = rich(&here);
    let archive = export(&app, &[]);
    import(&other, &archive, &["--name", "store"]).ok().stdout_has("* deployed store v1").stdout_has("imported store");
    let moved = there(&other, &app, "store");
    moved.serves("Hello from types, version 1");
    assert_eq!(moved.pushed("master"), app.pushed("master"));
    moved.git(&["commit", "-q", "--allow-empty", "-m", "again"]).ok();
    moved.push().ok().serving("two");
    let events = other.dokuen(&["events", "-a", "store"]).ok().out();
    assert!(events.lines().any(|line| line.contains(" ok ") && line.ends_with(" apps:import")), "{events}");
}

/// As a virtual environment does it: the path of the tree is baked in.
fn install_baking(host: &Host) {
    let compile = b"#!/bin/sh\nprintf '#!/bin/sh\\ncd %s && exec /usr/bin/python3 -S -E -B server.py\\n' \"$1\" > \"$1/start\"; chmod 755 \"$1/start\"\n";
    let pack = host.buildpack_of(
        "buildpack-baked",
        &[("detect", b"#!/bin/sh\n"), ("compile", compile), ("release", b"#!/bin/sh\n")],
    );
    host.dokuen(&["buildpacks:install", &pack.display().to_string()]).ok();
}

#[test]
fn a_release_that_does_not_run_elsewhere_is_built_there() {
    let (here, other) = (Host::new(), Host::new());
    [&here, &other].into_iter().for_each(install_baking);
    let app = here.app("baked", "types");
    app.with("Procfile", "web: ./start\n").push().ok();
    let archive = export(&app, &["--releases"]);
    app.dokuen("apps:destroy", &["--force"]).ok();
    let built = import(&other, &archive, &[]).ok();
    built.stdout_has("do not run here: building it anew").stderr_has("! ").stdout_has("deployed baked v2");
    there(&other, &app, "baked").serves("Hello from types, version 1");
}

#[test]
fn a_copy_beside_the_original_runs_its_own_files() {
    let host = Host::new();
    install_baking(&host);
    let app = host.app("baked", "types");
    app.with("Procfile", "web: ./start\n").push().ok();
    let archive = export(&app, &["--releases"]);
    let built = import(&host, &archive, &["--name", "copy"]).ok();
    let copy = App { name: "copy".to_owned(), ..app.clone() };
    let start = fs::read_to_string(copy.release("current").join("start")).unwrap();
    assert!(start.contains(&copy.dir().display().to_string()), "{start}");
    built.stdout_has("which is another app's: building it anew").stdout_has("deployed copy v2");
    app.dokuen("apps:destroy", &["--force"]).ok();
    copy.dokuen("restart", &[]).ok().serving("Hello from types, version 1");
}

#[test]
fn an_app_without_a_push_moves_too_and_one_can_be_looked_at_first() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("fresh", "types");
    app.dokuen("config:set", &["A=1"]).ok();
    import(&other, &export(&app, &["--releases"]), &[]).ok().stdout_has("nothing is deployed: git push to it");
    let moved = there(&other, &app, "fresh");
    moved.push().ok().serving("Hello from types, version 1");
    for releases in [&[][..], &["--releases"]] {
        let archive = export(&moved, releases);
        moved.dokuen("apps:destroy", &["--force"]).ok();
        import(&other, &archive, &["--no-start"]).ok();
        assert_eq!((moved.get("/").status, other.app_processes().len()), (404, 0));
        moved.dokuen("config:set", &["A=2", "--no-restart"]).ok();
        let command = if releases.is_empty() { "deploy" } else { "boot" };
        moved.dokuen(command, &[]).ok().serving("Hello from types, version 1");
        assert_eq!(moved.env("A"), b"2");
    }
}

#[test]
fn a_clone_of_an_app_that_came_with_main_has_its_files() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "types");
    app.push_to("HEAD:main").ok();
    import(&other, &export(&app, &["--releases"]), &[]).ok();
    let (moved, into) = (there(&other, &app, "shop"), other.temp().join("clone"));
    moved.git(&["clone", "-q", &moved.repo().display().to_string(), into.to_str().unwrap()]).ok();
    assert!(into.join("Procfile").exists());
}

#[test]
fn an_app_with_an_old_history_moves() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "types");
    let tree = app.git_says(&["rev-parse", "HEAD^{tree}"]);
    let text = format!("tree {tree}\nauthor A<a@b.test> 1 +1234567\ncommitter A <a@b.test> 1 +1234567\n\nold\n");
    let old = app.git_given(&["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text.as_bytes());
    app.push_to(&format!("{}:refs/heads/master", old.ok().out().trim())).ok();
    import(&other, &export(&app, &["--releases"]), &[]).ok();
    assert_eq!(there(&other, &app, "shop").pushed("master"), app.pushed("master"));
}

#[test]
fn a_history_that_nobody_can_push_is_not_imported_either() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "types");
    app.push().ok();
    let raw = |id: &str| (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect();
    let id: Vec<u8> = raw(&app.git_says(&["rev-parse", "HEAD^{tree}"]));
    let bytes = [b"40000 .git\0", &id[..]].concat();
    let tree = app.git_given(&["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &bytes).ok().out();
    let commit = app.git_says(&["commit-tree", "-m", "bad", "-p", "HEAD", tree.trim()]);
    app.push_to(&format!("{commit}:refs/heads/bad")).fails();
    let unlooked = "--receive-pack=git -c core.hooksPath=/nowhere -c receive.fsckObjects=false receive-pack";
    app.git(&["push", "-q", unlooked, "dokuen", &format!("{commit}:refs/heads/bad")]).ok();
    import(&other, &export(&app, &["--releases"]), &[]).exits(2).stderr_has("hasDotgit");
    other.dokuen(&["apps"]).ok().stdout_is("");
}

/// `fixtures/exports/v1.tar` was written by the first Dokuen that could; `DOKUEN_BLESS=1` writes it anew.
#[test]
fn an_export_of_format_1_is_taken_for_ever() {
    let path = fixtures().join("exports/v1.tar");
    if std::env::var_os("DOKUEN_BLESS").is_some() {
        let host = Host::new();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, export(&rich(&host), &["--releases", "--storage"])).unwrap();
    }
    let host = Host::new();
    // Its certificate is over by now, which keeps nothing of it away.
    import(&host, &fs::read(path).unwrap(), &[]).ok().stdout_has("imported shop");
    let app = App { host: host.clone(), name: "shop".to_owned(), checkout: host.temp().join("none") };
    app.serves("Hello from types, version 1").comes_to_run(&["web.1", "worker.1"]);
    assert_eq!((app.env("A"), app.env("RAW")), (b"one\ntwo 'three' $x".to_vec(), b"\xff\x01\n".to_vec()));
    assert_eq!(fs::read_to_string(app.dir().join("storage/data/deep/link")).unwrap(), "kept");
    app.dokuen("domains", &[]).ok().stdout_has("www.shop.test").stdout_has("shop.test");
    app.dokuen("rollback", &[]).ok();
}
