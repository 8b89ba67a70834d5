//! `boot` while something keeps nginx from an app: the app starts all the same, and what is in the way is said.

use std::fs;
use std::net::TcpListener;

use crate::host::Host;

#[test]
fn an_app_starts_although_nginx_has_to_be_told_of_it_and_cannot() {
    let host = Host::new();
    let (app, other) = (host.app("hello", "types"), host.app("other", "types"));
    app.push().ok();
    other.push().ok();
    host.dokuen(&["shutdown"]).ok();
    // A change that failed has left its note, and a file is missing.
    fs::remove_file(host.dir().join(format!("nginx/{}.conf", app.domain()))).unwrap();
    fs::write(host.dir().join("nginx/.pending"), "00-default.conf\n").unwrap();
    let thief = TcpListener::bind(host.listen()).unwrap();
    let booted = host.dokuen(&["boot"]).fails().stdout_has("hello: started").stdout_has("other: started");
    booted.stderr_has("failed to start nginx").stderr_has("nginx does not lead to them");
    app.comes_to_run(&["web.1"]);
    other.comes_to_run(&["web.1"]);
    let pid = fs::read_to_string(app.dir().join("instances/g2.web.1/state")).unwrap();
    drop(thief);
    host.dokuen(&["boot"]).ok();
    app.serves("Hello from types, version 1");
    other.serves("Hello from types, version 1");
    assert_eq!(fs::read_to_string(app.dir().join("instances/g2.web.1/state")).unwrap(), pid, "it was left alone");
}

#[test]
fn an_app_starts_although_its_settings_cannot_be_read() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    let settings = app.dir().join("front/settings");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    for garbage in ["", "{\"client-max"] {
        fs::write(&settings, garbage).unwrap();
        host.dokuen(&["shutdown"]).ok();
        let booted = host.dokuen(&["boot"]).exits(8).stdout_has("hello: started");
        let said = booted.stderr_has("front/settings").err.matches("front/settings").count();
        assert_eq!(said, 1, "it is said once");
        app.serves("Hello from types, version 1").comes_to_run(&["web.1"]);
        // Whoever changes it is refused.
        app.dokuen("restart", &[]).fails().stderr_has("front/settings");
        app.serves("Hello from types, version 1");
    }
    fs::remove_file(&settings).unwrap();
    host.dokuen(&["boot"]).ok().stdout_has("hello: runs");
}
