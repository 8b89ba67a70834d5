//! Express, and a site that vite builds.

use std::fs;

use crate::pushed::{host, push};

#[test]
fn express_runs_as_npm_start_and_a_second_push_installs_nothing() {
    let host = host();
    let app = host.app("express", "express");
    let first = push(&app).goes_live().says("name: node").says("Installing packages with npm");
    assert!(!first.text.contains("npm warn"), "npm is told what only pnpm knows: {}", first.text);
    app.serves("hello from express");
    assert_eq!(app.text("/mode"), "production");

    app.greeting("hello again");
    push(&app).goes_live().says("dependencies have not changed");
    app.serves("hello again");
}

#[test]
fn vite_builds_files_that_are_served_and_what_only_the_build_needed_goes() {
    let host = host();
    let app = host.app("site", "vite");
    app.dokuen("config:set", &["VITE_WHOM=everybody"]).ok();
    push(&app).goes_live().says("Running build");
    let page = app.text("/");
    assert!(page.contains("hello from vite"), "{page}");
    let script = page.split('"').find(|part| part.starts_with("/assets/")).unwrap().to_owned();
    assert!(app.text(&script).contains("everybody"), "config vars reach the build");
    // A path of the page's own.
    assert_eq!(app.text("/some/view"), page);
    assert!(!app.release("current").join("node_modules/vite").exists());
}

#[test]
fn ranges_of_engines_are_read_as_npm_reads_them() {
    let facts = crate::host::fixtures().join("../dokuen-build/buildpacks/node/facts.js");
    let temp = tempfile::tempdir().unwrap();
    let fits = |range: &str| {
        let text = format!(r#"{{"engines": {{"node": "{range}"}}}}"#);
        fs::write(temp.path().join("package.json"), text).unwrap();
        let out = std::process::Command::new("node").arg(&facts).current_dir(temp.path()).output().unwrap();
        String::from_utf8(out.stdout).unwrap().contains("fits='yes'")
    };
    let out = std::process::Command::new("node").arg("--version").output().unwrap();
    let version = String::from_utf8(out.stdout).unwrap();
    let mut numbers = version.trim().trim_start_matches('v').split('.').map(|n| n.parse::<u32>().unwrap());
    let (major, minor) = (numbers.next().unwrap(), numbers.next().unwrap());
    let next = major + 1;
    for range in [
        "*".to_owned(),
        format!("{major}"),
        format!("{major}.x"),
        format!("^{major}.0.0"),
        format!("~{major}.{minor}.0"),
        format!(">={major} <{next}"),
        format!(">= {major}.0"),
        format!("4 || {major}"),
        format!("4 - {major}"),
        format!("<={major}"),
        format!(">{}", major - 1),
        format!("v{}", version.trim().trim_start_matches('v')),
    ] {
        assert!(fits(&range), "{range} takes {version}");
    }
    for range in [
        format!("{next}.x"),
        format!(">{major}"),
        format!("<{major}"),
        format!("^{next}"),
        format!(">={major} <{major}.0.1 || {next}"),
        "4 - 6".to_owned(),
        "0.10.x".to_owned(),
        "nonsense".to_owned(),
    ] {
        assert!(!fits(&range), "{range} does not take {version}");
    }
}

#[test]
fn a_node_that_is_not_here_is_named_with_what_to_do() {
    let host = host();
    let app = host.app("old", "express");
    app.with("package.json", r#"{"engines": {"node": "0.10.x"}}"#);
    push(&app).refused().says("! package.json asks for Node 0.10.x; this machine has v");
}
