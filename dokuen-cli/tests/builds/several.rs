//! One directory of a monorepo; two buildpacks; a user's own before the built-in one.

use crate::pushed::{host, push};

#[test]
fn one_directory_of_a_monorepo() {
    let host = host();
    let app = host.app("mono", "monorepo");
    app.dokuen("config:set", &["DOKUEN_BUILD_DIR=services/web"]).ok();
    push(&app).goes_live().says("display: Python (requirements.txt)");
    app.serves("hello from a monorepo");
    assert!(!app.release("current").join("docs").exists());
    app.dokuen("config:set", &["DOKUEN_BUILD_DIR=../other"]).exits(2);
}

#[test]
fn node_builds_the_assets_and_python_serves_them() {
    let host = host();
    let app = host.app("two", "two-packs");
    push(&app).goes_live().says("name: node").says("name: python");
    app.serves("hello from node 3 and python");
}

#[test]
fn an_installed_buildpack_takes_the_place_of_the_built_in_one() {
    let host = host();
    let own = host.buildpack_of(
        "buildpack-static",
        &[
            ("detect", b"#!/bin/sh\necho mine\n"),
            ("compile", b"#!/bin/sh\necho 'my own way'\n"),
            (
                "release",
                b"#!/bin/sh\necho 'default_process_types: {web: exec python3 -m http.server --bind 127.0.0.1 $PORT}'\n",
            ),
        ],
    );
    host.dokuen(&["buildpacks:install", own.to_str().unwrap()]).ok();
    host.dokuen(&["buildpacks"]).ok().stdout_has("static: files with an index.html (replaced by your own)");
    let app = host.app("site", "static-site");
    push(&app).goes_live().says("my own way").says("display: mine");
    assert!(app.text("/").contains("hello from files"));
}
