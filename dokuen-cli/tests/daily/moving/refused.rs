//! What is not taken, and what is not given away.

use std::fs;

use serde_json::Value;

use super::{export, import, rich, untouched};
use crate::app::App;
use crate::forged::Forged;
use crate::host::{Host, Options};
use crate::outcome::run;

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
