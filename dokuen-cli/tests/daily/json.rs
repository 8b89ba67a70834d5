//! Everything that prints data prints it as JSON too, in the shape that `docs/schemas` promises.

use serde_json::Value;

use crate::app::App;
use crate::home;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::pem::Pem;
use crate::schema::complaints;

/// A command that prints data, and the schema of what it prints.
const ROWS: [(&str, &[&str], &str); 24] = [
    ("apps", &[], "apps"),
    ("config", &["-a", "hello"], "config"),
    ("domains", &["-a", "hello"], "domains"),
    ("certs", &[], "certs"),
    ("nginx:show", &["-a", "hello"], "nginx-show"),
    ("ps", &["-a", "hello"], "ps"),
    ("ps", &[], "ps"),
    ("scale", &["-a", "hello"], "scale"),
    ("releases", &["-a", "hello"], "releases"),
    ("apps:info", &["hello"], "apps-info"),
    ("releases:info", &["-a", "hello"], "releases-info"),
    ("releases:diff", &["-a", "hello"], "releases-diff"),
    ("run:list", &["-a", "hello"], "run-list"),
    ("builds", &["-a", "hello"], "builds"),
    ("buildpacks", &[], "buildpacks"),
    ("keys", &[], "keys"),
    ("access", &["-a", "hello"], "access"),
    ("cron", &["-a", "hello"], "cron"),
    ("storage", &["-a", "hello"], "storage"),
    ("webhooks", &["-a", "hello"], "webhooks"),
    ("version", &[], "version"),
    ("doctor", &[], "doctor"),
    ("logs", &["-a", "hello"], "log"),
    ("events", &[], "event"),
];

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTFqk1FoXc7Wy4r1cLWJ2x5Mv0m3l1UqkVnF9q5Xb1n a laptop";

fn documents(text: &str, schema: &str) -> Vec<Value> {
    // What follows one another is one object a line; the rest is one document.
    let pieces: Vec<&str> = if schema == "event" || schema == "log" { text.lines().collect() } else { vec![text] };
    pieces.iter().map(|piece| serde_json::from_str(piece).unwrap_or_else(|e| panic!("{e} in {piece:?}"))).collect()
}

/// There is no release yet: said, and no JSON.
fn return_of_nothing(out: Outcome) -> String {
    out.exits(3).stderr_has("has no release yet").out()
}

#[test]
fn every_kind_of_data_is_json_that_fits_its_schema() {
    let host = home::host();
    let app: App = host.app("hello", "types");
    for (command, args, schema) in ROWS {
        // Before there is anything to show, too.
        let out = match host.dokuen(&[&[command, "--json"], args].concat()) {
            out if schema.starts_with("releases-") => return_of_nothing(out),
            out => out.ok().out(),
        };
        if out.is_empty() {
            continue;
        }
        documents(&out, schema).iter().for_each(|one| assert_eq!(complaints(schema, one), [""; 0], "{command}: {out}"));
    }
    app.with("app.json", r#"{"cron": [{"name": "j", "schedule": "@yearly", "command": "true"}]}"#);
    app.push().ok();
    let pem = Pem::of(&host, "own", &[&app.domain()]);
    app.dokuen_given("certs:add", &[], &pem.text()).ok();
    app.dokuen("cron:run", &["j"]).ok();
    // As the machine's scheduler does; otherwise the doctor finds that nobody looks for jobs.
    host.dokuen(&["cron:tick"]).ok();
    app.dokuen("storage:create", &["data"]).ok();
    app.dokuen("webhooks:add", &["http://127.0.0.1:1/x", "--event=crash"]).ok();
    host.dokuen_given(&["adduser", "anna", "--admin"], KEY.as_bytes()).ok();
    app.dokuen("config:set", &["A=one\ntwo", "B=\u{fc}"]).ok();
    app.dokuen("run:detached", &["true"]).ok();
    app.dokuen_given("config:set", &["RAW=-"], b"\xff\x01").ok();
    for (command, args, schema) in ROWS {
        let out = host.dokuen(&[&[command, "--json"], args].concat()).ok().out();
        let documents = documents(&out, schema);
        assert!(!documents.is_empty(), "{command}");
        for one in &documents {
            assert_eq!(complaints(schema, one), [""; 0], "{command}: {out}");
            assert!(one.as_array().is_none_or(|all| !all.is_empty()), "{command} shows nothing");
        }
        if !matches!(command, "ps" | "logs" | "events" | "doctor" | "run:list") {
            // Of these the numbers change from one moment to the next.
            host.dokuen(&[&[command, "--format=json"], args].concat()).ok().stdout_is(&out);
        }
    }
    let config: Value = serde_json::from_str(&app.dokuen("config", &["-j"]).ok().out()).unwrap();
    assert_eq!(config["A"], "one\ntwo");
    assert_eq!(config["RAW"]["base64"], "/wE=");
    let ps: Value = serde_json::from_str(&app.dokuen("ps", &["--json"]).ok().out()).unwrap();
    let live = ps.as_array().unwrap().iter().find(|one| one["release"] == "v3").unwrap();
    assert_eq!((&live["name"], &live["state"]), (&"web.1".into(), &"up".into()));
    assert!(live["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000), "{ps}");
}

#[test]
fn tables_have_titles_unless_less_is_asked_for_and_no_colour_in_a_pipe() {
    let app = Host::new().app("hello", "types");
    app.push().ok();
    let all = app.dokuen("releases", &[]).ok().out();
    let quiet = app.dokuen("releases", &["-q"]).ok().out();
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(all.starts_with("  release"), "{all}");
    assert!(quiet.starts_with("* v1  20") && quiet.lines().count() == 1, "{quiet}");
    assert!(!all.contains('\x1b'));
    app.dokuen("restart", &["--quiet"]).ok().stdout_is("");
    app.dokuen("scale", &["--quiet", "web=0=1"]).exits(2).stderr_has("web=0=1");
    app.dokuen("ps", &["--json", "--format=text"]).exits(2).stderr_has("cannot be used with");
    app.dokuen("ps", &["--format=yaml"]).exits(2).stderr_has("[possible values: text, json]");
}
