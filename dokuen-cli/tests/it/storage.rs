//! `storage`: directories that outlive releases, and are found by name.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::app::App;
use crate::host::Host;

#[test]
fn storage_outlives_releases_and_every_process_finds_it() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    app.dokuen("storage:create", &["data"]).ok().stdout_has("* created storage data of hello");
    app.dokuen("storage:create", &["--no-restart"]).ok().stdout_has("STORAGE=").stdout_has("left alone");
    let path = app.dir().join("storage/data");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(String::from_utf8(app.env("STORAGE_DATA")).unwrap(), path.display().to_string());
    assert_eq!(app.get("/env/STORAGE").status, 404, "what runs was left alone");
    app.dokuen("run", &["sh", "-c", "echo kept > $STORAGE_DATA/file; echo $STORAGE"])
        .ok()
        .stdout_has("/storage/default\n");
    app.dokuen("config:set", &["DOKUEN_AFTER_BUILD=cat $STORAGE_DATA/file > seen"]).ok();
    app.greeting("two").push().ok();
    assert_eq!(fs::read_to_string(app.release("current").join("seen")).unwrap(), "kept\n");
    assert!(!app.env("STORAGE").is_empty());
    app.dokuen("rollback", &["v1"]).ok();
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "kept\n");
    let list: Value = serde_json::from_str(&app.dokuen("storage", &["--json"]).ok().out()).unwrap();
    assert_eq!(list[0]["name"], "data");
    assert_eq!(list[0]["variable"], "STORAGE_DATA");
    assert_eq!(list[0]["path"], path.display().to_string());
    assert!(list[0]["bytes"].as_u64().is_some_and(|bytes| bytes >= 5), "{list}");
    app.dokuen("storage:list", &[]).ok().stdout_has("STORAGE_DATA");
    app.dokuen("apps:destroy", &["--confirm", "hello"]).ok();
    assert!(!path.exists());
}

#[test]
fn storage_goes_only_when_its_name_is_typed_twice() {
    let app = Host::new().app("hello", "types");
    app.dokuen("storage:create", &["data"]).ok();
    app.push().ok();
    fs::write(app.dir().join("storage/data/file"), "x").unwrap();
    app.dokuen("storage:destroy", &["data"]).exits(2).stderr_has("for good").stderr_has("--confirm=data");
    app.dokuen("storage:destroy", &["data", "--confirm=hello"]).exits(2);
    assert!(app.exists("storage/data/file"));
    app.dokuen("storage:destroy", &["data", "--confirm=data"]).ok().stdout_has("destroyed storage data of hello");
    assert!(!app.exists("storage/data"));
    assert_eq!(app.get("/env/STORAGE_DATA").status, 404);
    app.dokuen("storage:destroy", &["data", "--confirm=data"]).exits(3).stderr_has("hello has no storage data");
}

#[test]
fn names_are_read_strictly_and_nothing_is_shadowed() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config:set", &["STORAGE_BUCKET=mine"]).ok();
    for bad in ["..", "a/b", "A", "a_b", "", "-a", " a", "a\n", "x;id", &"a".repeat(41)] {
        app.dokuen("storage:create", &["--", bad]).exits(2);
    }
    app.dokuen("storage:create", &["bucket"]).exits(2).stderr_has("STORAGE_BUCKET is a config var of hello");
    assert!(!app.exists("storage"));
    app.dokuen("storage:create", &["data"]).ok();
    app.dokuen("storage:create", &["data"]).exits(1).stderr_has("hello has a storage data already");
    let nobody = App { name: "nobody".to_owned(), ..app };
    nobody.dokuen("storage:create", &["data"]).exits(3).stderr_has("no such app: nobody");
}
