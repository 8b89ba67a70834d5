//! The rows of `fixtures/bad_inputs.json` through the doors that came later: imports, files, names without an option.

use std::fs;

use serde_json::Value;

use crate::host::{Host, fixtures};

/// Rows that are plain text; others are for the runner of the walk, which knows their encodings.
fn rows(entry: &str) -> Vec<(String, String, bool)> {
    let path = std::env::var_os("DOKUEN_BAD_INPUTS").map_or_else(|| fixtures().join("bad_inputs.json"), Into::into);
    let all: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let text = |row: &Value| {
        let input = row["input"].as_str().filter(|_| row["enc"].is_null())?.to_owned();
        Some((row["id"].as_str()?.to_owned(), input, row["expect"] == "accept-literally"))
    };
    let rows: Vec<_> = all.as_array().unwrap().iter().filter(|row| row["entry"] == entry).filter_map(text).collect();
    assert!(!rows.is_empty(), "no rows for {entry}");
    rows
}

#[test]
fn names_of_config_vars_through_an_import() {
    let host = Host::new();
    let app = host.app("hello", "types");
    let mut wrong = Vec::new();
    // A name with an end of line in it is two lines, one with a # a comment, and a reserved one is refused later.
    for (id, name, accept) in
        rows("env_name").iter().filter(|row| !row.1.contains(['\n', '#', '=']) && !row.1.trim().is_empty())
    {
        let outcome = app.dokuen_given("config:import", &["-"], format!("OK=1\n{name}=x\n").as_bytes());
        if (outcome.code == 0) != *accept || outcome.err.contains("panicked") {
            wrong.push(format!("{id} {name:?}: {outcome}"));
        }
        if !accept && app.dokuen("config:get", &["OK"]).code == 0 {
            wrong.push(format!("{id} {name:?} set something"));
        }
        if *accept {
            app.dokuen("config:unset", &["OK", name]).ok();
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn values_of_config_vars_through_files_and_exports() {
    let host = Host::new();
    let app = host.app("hello", "types");
    let file = host.temp().join("value");
    let mut wrong = Vec::new();
    for (id, value, _) in rows("env_value").iter().filter(|row| row.2 && !row.1.contains('\0')) {
        fs::write(&file, value).unwrap();
        app.dokuen("config:set", &[&format!("A=@{}", file.display())]).ok();
        let exported = app.dokuen("config:export", &[]).ok().out;
        app.dokuen("config:unset", &["A"]).ok();
        app.dokuen_given("config:import", &["-"], &exported).ok();
        let got = app.dokuen("config:get", &["A"]).ok().out;
        if got != format!("{value}\n").as_bytes() {
            wrong.push(format!("{id} {value:?} became {:?}", String::from_utf8_lossy(&got)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn names_of_apps_wherever_they_stand() {
    let host = Host::new();
    host.dokuen(&["create", "hello"]).ok();
    let before = host.snapshot();
    for (id, name, _) in rows("app_name").iter().filter(|row| !row.2 && !row.1.contains('\0')) {
        for words in [
            &["apps:info", "--", name][..],
            &["apps:lock", "--", name],
            &["apps:destroy", "--force", "--", name],
            &["apps:rename", "-a", "hello", "--", name],
        ] {
            let outcome = host.dokuen(words).fails().stderr_lacks("panicked");
            assert!(!outcome.err.chars().any(|c| c.is_control() && c != '\n'), "{id}: {outcome}");
        }
    }
    assert_eq!(before.changes_in(host.dir()), Vec::<String>::new());
}
