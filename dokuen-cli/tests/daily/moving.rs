//! An app moves to another machine: `apps:export` here, `apps:import` there.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::app::App;
use crate::forged::Forged;
use crate::host::{Host, Options, eventually, fixtures};
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

#[test]
fn a_release_that_does_not_run_elsewhere_is_built_there() {
    let (here, other) = (Host::new(), Host::new());
    // As a virtual environment does it: the path of the tree is baked in.
    let compile = b"#!/bin/sh\nprintf '#!/bin/sh\\ncd %s && exec /usr/bin/python3 -S -E -B server.py\\n' \"$1\" > \"$1/start\"; chmod 755 \"$1/start\"\n";
    for host in [&here, &other] {
        let pack = host.buildpack_of(
            "buildpack-baked",
            &[("detect", b"#!/bin/sh\n"), ("compile", compile), ("release", b"#!/bin/sh\n")],
        );
        host.dokuen(&["buildpacks:install", &pack.display().to_string()]).ok();
    }
    let app = here.app("baked", "types");
    app.with("Procfile", "web: ./start\n").push().ok();
    let archive = export(&app, &["--releases"]);
    app.dokuen("apps:destroy", &["--force"]).ok();
    let built = import(&other, &archive, &[]).ok();
    built.stdout_has("do not run here: building it anew").stderr_has("! ").stdout_has("deployed baked v2");
    there(&other, &app, "baked").serves("Hello from types, version 1");
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
fn names_have_one_owner_and_nothing_comes_that_would_take_one() {
    let host = Host::new();
    let app = rich(&host);
    let archive = export(&app, &["--releases"]);
    let before = host.snapshot();
    import(&host, &archive, &[]).exits(1).stderr_has("the app shop exists already").stderr_has("--name OTHER");
    import(&host, &archive, &["--name=copy"]).exits(1).stderr_has("shop.test").stderr_has("--no-domains");
    import(&host, &archive, &["--name=../x"]).exits(2);
    before.unchanged_in(host.dir());
    import(&host, &archive, &["--name=copy", "--no-domains"]).ok();
    let copy = App { name: "copy".to_owned(), ..app.clone() };
    copy.serves("Hello from types, version 1");
    assert_eq!((copy.env("A"), copy.get("/env/ADDITIONAL_DOMAINS").status), (app.env("A"), 404));
    copy.dokuen("certs", &[]).ok().stdout_has("APP");
    app.serves("Hello from types, version 1");
}

#[test]
fn an_import_that_does_not_start_leaves_nothing() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "needs-env");
    app.dokuen("config:set", &["REQUIRED=1"]).ok();
    app.dokuen("storage:create", &[]).ok();
    app.push().ok();
    app.dokuen("config:unset", &["REQUIRED", "--no-restart"]).ok();
    let before = untouched(&other);
    for releases in [&[][..], &["--releases"]] {
        let failed = import(&other, &export(&app, releases), &[]).exits(6);
        failed.stderr_has("nothing was imported").stderr_has("--no-start");
        other.dokuen(&["apps"]).ok().stdout_is("");
        before.unchanged_in(other.dir());
        assert_eq!(other.reserved(), Vec::<u16>::new());
    }
}

#[test]
fn a_killed_import_is_no_app() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "types");
    app.push().ok();
    let archive = export(&app, &["--releases"]);
    let before = untouched(&other);
    for (sent, then) in [
        (archive.len() / 3, &["apps:info", "shop"][..]),
        (archive.len() * 2 / 3, &["apps"]),
        (archive.len() - 4096, &["boot"]),
        (archive.len() / 2, &["create", "other"]),
    ] {
        let mut command = other.command(other.program());
        command.arg("apps:import").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(&archive[..sent]).unwrap();
        eventually("it has begun", || other.dir().join("apps/shop/importing").exists());
        // While it is under way the name is taken, and nobody removes it.
        other.dokuen(&["create", "shop"]).exits(1).stderr_has("exists already");
        other.dokuen(&["apps:destroy", "shop", "--force"]).exits(5);
        child.kill().unwrap();
        child.wait().unwrap();
        let said = other.dokuen(then);
        assert_eq!(said.code, if then[0] == "apps:info" { 3 } else { 0 }, "{said}");
        other.dokuen(&["apps"]).ok();
        if then[0] == "create" {
            other.dokuen(&["apps:destroy", "other", "--force"]).ok();
        }
        before.unchanged_in(other.dir());
    }
    import(&other, &archive, &[]).ok();
    there(&other, &app, "shop").serves("Hello from types, version 1");
}

#[test]
fn an_import_killed_while_it_starts_is_no_app_either() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("slow", "slow");
    app.dokuen("config:set", &["SLOW_START_MS=1"]).ok();
    app.push().ok();
    app.dokuen("config:set", &["SLOW_START_MS=60000", "--no-restart"]).ok();
    let archive = export(&app, &["--releases"]);
    let mut command = other.command(other.program());
    command.arg("apps:import").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&archive).unwrap();
    eventually("its process runs", || other.app_processes().iter().any(|p| p.words.contains("web.py")));
    child.kill().unwrap();
    child.wait().unwrap();
    other.dokuen(&["logs", "-a", "slow"]).exits(3).stderr_has("no such app: slow");
    assert_eq!((other.app_processes().len(), other.reserved().len()), (0, 0));
    other.dokuen(&["create", "slow"]).ok();
}

#[test]
fn only_what_apps_export_could_have_written_is_taken() {
    let (here, other) = (Host::new(), Host::new());
    let app = here.app("shop", "types");
    app.with("sub/file", "x").push().ok();
    app.dokuen("config:set", &["A=1"]).ok();
    app.dokuen("storage:create", &["data"]).ok();
    fs::write(app.dir().join("storage/data/file"), "kept").unwrap();
    let archive = export(&app, &["--releases", "--storage"]);
    // A copy of it that is put together again is taken: what follows differs in one thing each.
    import(&other, &Forged::of(&archive).whole(), &[]).ok();
    other.dokuen(&["apps:destroy", "shop", "--force"]).ok();
    let before = untouched(&other);
    let tree = app.release("current").file_name().unwrap().to_str().unwrap().to_owned();
    let outside = other.temp().join("planted");
    let inside = |name: &str| format!("trees/{tree}/{name}");
    let keys = other.dir().join("keys").display().to_string();
    let forged = |change: &dyn Fn(&mut Forged)| {
        let mut forged = Forged::of(&archive);
        change(&mut forged);
        forged.whole()
    };
    let manifest = |field: &str, value: Value| {
        forged(&|f| {
            f.edit("dokuen-export.json", |text| {
                let mut all: Value = serde_json::from_slice(text).unwrap();
                all[field] = value.clone();
                all.to_string().into_bytes()
            })
        })
    };
    let mut flipped = archive.clone();
    let at = archive.windows(3).position(|bytes| bytes == b"A=1").unwrap();
    flipped[at + 2] = b'2';
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "something is missing"),
        ("text", b"this is no tar".repeat(100), "the archive is refused"),
        ("cut at a block", archive[..archive.len() / 1024 * 512].to_vec(), "the archive is refused"),
        ("cut before its end", Forged::of(&archive).cut(), "something is missing"),
        ("a flipped bit", flipped, "its sum is another one"),
        ("another order", forged(&|f| f.entries.swap(0, 1)), "does not begin with"),
        ("no config", forged(&|f| f.remove("config")), "config vars are missing"),
        ("a future format", manifest("format", 2.into()), "its format is 2"),
        ("an unknown field", manifest("more", 1.into()), "unknown field"),
        ("an unknown entry", forged(&|f| f.add("env/A", b"1")), "is not known"),
        ("an unknown page", forged(&|f| f.add("pages/x.html", b"1")), "no page"),
        ("an unknown release", forged(&|f| f.add("releases/v9", b"A=1\0")), "there is no release"),
        ("an unknown tree", forged(&|f| f.add("trees/20200101T000000/x", b"1")), "does not name"),
        ("an unknown storage", forged(&|f| f.add("storage/other/x", b"1")), "does not name"),
        ("something twice", forged(&|f| f.add("config", b"A=2\0")), "is not known"),
        ("a file twice", forged(&|f| f.add("storage/data/file", b"1")), "File exists"),
        ("a tree twice", forged(&|f| f.add(&inside("new"), b"1")), "twice"),
        ("a mark", forged(&|f| f.insert(&inside(".dokuen/complete"), b"")), "nothing that a tree brings along"),
        ("a way up", forged(&|f| f.insert(&inside("../../../env/A"), b"1")), "outside itself"),
        ("a way down and up", forged(&|f| f.insert(&inside("sub/../../x"), b"1")), "outside itself"),
        ("from the root", forged(&|f| f.insert(&outside.display().to_string(), b"1")), "is not known"),
        ("a link out", forged(&|f| f.link(&inside("l"), "../../../../keys")), "the link"),
        ("a link to keys", forged(&|f| f.link(&inside("l"), &keys)), "the link"),
        (
            "through a link",
            forged(&|f| {
                f.link(&inside("sub2"), "sub");
                f.insert(&inside("sub2/x"), b"1");
            }),
            "Not a directory",
        ),
        (
            "a link in place of config",
            forged(&|f| {
                f.remove("config");
                f.link("config", "/etc/passwd");
            }),
            "no file",
        ),
        ("a device", forged(&|f| f.kind(&inside("dev"), tar::EntryType::Char)), "neither a file"),
        ("a hard link", forged(&|f| f.kind(&inside("hard"), tar::EntryType::Link)), "neither a file"),
        ("pax", forged(&|f| f.kind("pax", tar::EntryType::XHeader)), "neither a file"),
        ("a long name", forged(&|f| f.long(&inside(&"n/".repeat(3000)))), "longer than 4096"),
        ("a name for the app", manifest("app", "../x".into()), "application name"),
        ("config vars of Dokuen's", forged(&|f| f.edit("config", |_| b"PORT=1\0".to_vec())), "PORT"),
        ("half a config var", forged(&|f| f.edit("config", |_| b"A".to_vec())), "no config var"),
        ("a scale", forged(&|f| f.edit("config", |_| b"DOKUEN_SCALE=web=x\0".to_vec())), "web=x"),
        ("a domain of the host", manifest("domains", serde_json::json!(["other.dokuen.test"])), "belong to the apps"),
        ("a setting", manifest("settings", serde_json::json!({"client-max-body-size": "1;x"})), "client-max-body-size"),
        ("no repository", forged(&|f| f.edit("repository.bundle", |_| b"junk".to_vec())), "its repository"),
        (
            "a broken repository",
            forged(&|f| {
                f.edit("repository.bundle", |bytes| {
                    let mut bytes = bytes.to_vec();
                    let at = bytes.len() - 30;
                    bytes[at] ^= 1;
                    bytes
                })
            }),
            "its repository",
        ),
    ];
    for (what, bytes, said) in rows {
        let out = import(&other, &bytes, &[]);
        assert!(matches!(out.code, 1 | 2), "{what}: {out}");
        assert!(out.err.contains(said), "{what}: {out}");
        assert!(!out.err.contains("panicked"), "{what}: {out}");
        let changes = before.changes_in(other.dir());
        assert!(changes.is_empty() && !outside.exists(), "{what}: {changes:?}");
    }
    other.dokuen(&["apps"]).ok().stdout_is("");
}

#[test]
fn an_import_has_its_limit() {
    let conf = "stop_timeout: 3\ndrain_timeout: 3\nimport_bytes: 100000\n";
    let (here, other) = (Host::new(), Host::with(Options { conf, ..Options::default() }));
    let app = here.app("shop", "types");
    app.with("large", vec![b'x'; 200_000]).push().ok();
    import(&other, &export(&app, &["--releases"]), &[]).exits(2).stderr_has("import_bytes");
    other.dokuen(&["apps"]).ok().stdout_is("");
}

#[test]
fn what_is_secret_does_not_go_to_a_terminal_and_a_lost_reader_is_told() {
    let host = Host::new();
    let app = host.app("shop", "types");
    let secret = "a".repeat(100_000);
    app.dokuen("config:set", &[&format!("A={secret}")]).ok();
    let words = |line: &str| {
        let mut script = host.command("script");
        script.env("SHELL", "/bin/sh");
        run(script.args(["-qec", &format!("'{}' {line}", host.program().display()), "/dev/null"]), b"", None)
    };
    words("apps:export shop").exits(2).stdout_has("does not go to a terminal");
    words("apps:import").exits(2).stdout_has("reads a tar on standard input");
    let mut cut = host.command("sh");
    cut.args(["-c", "{ \"$0\" apps:export shop; echo $? >&2; } | head -c 1000 > /dev/null"]).arg(host.program());
    run(&mut cut, b"", None).ok().stderr_has("failed to export shop").stderr_has("not whole").stderr_has("\n1\n");
    host.dokuen(&["apps:export", "nosuch"]).exits(3).says_nothing_else();
    // What is no file cannot go along, and that is said.
    app.dokuen("storage:create", &["data"]).ok();
    nix::unistd::mkfifo(&app.dir().join("storage/data/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    app.dokuen("apps:export", &["--storage"]).ok().stderr_has("left out, since it is no file").stderr_has("data/pipe");
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
