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

/// As `django-admin startproject` makes it.
#[test]
fn django_without_a_place_for_static_files_collects_none() {
    let host = host();
    let app = host.app("plain", "django");
    let settings = fs::read_to_string(app.checkout.join("shop/settings.py")).unwrap();
    let plain: String =
        settings.lines().filter(|line| !line.starts_with("STATIC_ROOT")).map(|l| l.to_owned() + "\n").collect();
    app.with("shop/settings.py", plain);
    let urls = fs::read_to_string(app.checkout.join("shop/urls.py")).unwrap();
    app.with("shop/urls.py", urls.replace("(settings.STATIC_ROOT / \"shop/style.css\").exists()", "False"));
    let pushed = push(&app).goes_live();
    assert!(!pushed.text.contains("Collecting static files"), "{}", pushed.text);
    assert!(app.text("/").contains("hello from django"));
}

const OWN_PACKAGE: &str = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"
[project]\nname = \"own\"\nversion = \"1\"\n[project.scripts]\nown-serve = \"own:main\"
[tool.setuptools]\npackages = [\"own\"]\n";
const SERVES: &str = "import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'GREETING')
def main():
    http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
";

#[test]
fn an_app_that_is_a_package_of_its_own_is_installed_anew_by_each_build() {
    let app = host().app("own", "static-page");
    app.git(&["rm", "-rfq", "."]).ok();
    app.with("pyproject.toml", OWN_PACKAGE).with("requirements.txt", ".\n").with("Procfile", "web: own-serve\n");
    for greeting in ["one", "two"] {
        app.with("own/__init__.py", SERVES.replace("GREETING", greeting));
        push(&app).goes_live();
        assert_eq!(app.text("/"), greeting);
    }
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
