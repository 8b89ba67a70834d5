//! Flask, Django, FastAPI.

use std::fs;

use crate::pushed::{host, push};

#[test]
fn flask_is_served_by_gunicorn_and_a_second_push_installs_nothing() {
    let host = host();
    let app = host.app("flask", "flask");
    push(&app).goes_live().says("name: python").says("url: built in").says("Installing packages with pip");
    app.serves("hello from flask");
    let first = app.release("current");

    app.greeting("hello again");
    push(&app).goes_live().says("requirements have not changed");
    app.serves("hello again");

    // What one release does to its packages is no other's business.
    let second = app.release("current");
    let script = |tree: &std::path::Path| fs::read_to_string(tree.join(".venv/bin/gunicorn")).unwrap();
    assert!(script(&second).contains(second.to_str().unwrap()) && !script(&second).contains(first.to_str().unwrap()));
    fs::write(second.join(".venv/bin/gunicorn"), "spoilt").unwrap();
    assert!(script(&first).contains("import") && script(&first).contains(first.to_str().unwrap()));

    app.dokuen("rollback", &[]).ok();
    app.serves("hello from flask");
    app.dokuen("builds:purge-cache", &[]).ok();
    app.dokuen("restart", &[]).ok();
    app.serves("hello from flask");
}

#[test]
fn django_is_installed_from_pyproject_with_its_static_files_collected() {
    let host = host();
    let app = host.app("shop", "django");
    push(&app).goes_live().says("display: Python (pyproject.toml)").says("1 static file copied");
    app.serves("hello from django, static files collected");
    let python = app.dokuen("run", &["python", "-c", "import sys; print(sys.prefix)"]).ok().out();
    assert_eq!(python.trim(), app.release("current").join(".venv").to_str().unwrap());
}

#[test]
fn fastapi_is_served_by_uvicorn() {
    let host = host();
    let app = host.app("api", "fastapi");
    push(&app).goes_live();
    app.serves("hello from fastapi");
    // A cache that lost half of its bytes is noticed, and made anew.
    let kept = app.dir().join("build/python-venv/tree/pyvenv.cfg");
    fs::write(&kept, "").unwrap();
    app.with("note.txt", "x");
    push(&app).goes_live().says("the cached .venv is damaged; making it anew");
    app.serves("hello from fastapi");
}

#[test]
fn a_version_that_is_not_here_is_named_with_what_to_do() {
    let host = host();
    let app = host.app("old", "flask");
    app.with(".python-version", "2.7.18\n");
    push(&app)
        .refused()
        .says("! .python-version asks for Python 2.7.18; this machine has 3.")
        .says("! install python2.7 with its venv module where PATH finds it, or change .python-version");
}
