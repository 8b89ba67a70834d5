//! Packages that lie there from the build before: who may have them again, and what is made anew all the same.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::managers::{PROJECT, PYTHON_SERVER, bare_app, host_with, python_app, succeeds, tools};
use crate::pushed::{host, push};

const SAYS: &str = "requirements have not changed";

fn lock(host: &Host, app: &App) {
    let mut uv = host.command(host.temp().join("only/uv"));
    succeeds(uv.env("UV_SYSTEM_CERTS", "true").current_dir(&app.checkout).args(["lock", "--quiet"]));
    app.commit("a lock file");
}

fn inode(path: &Path) -> u64 {
    path.metadata().unwrap().ino()
}

/// A package of the app's own, which no lock file tells of.
fn own_package(app: &App, says: &str) {
    let dir = app.checkout.join("libs/own");
    fs::create_dir_all(dir.join("own")).unwrap();
    let project = "[project]\nname = \"own\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n\n\
                   [build-system]\nrequires = [\"flit_core>=3.12\"]\nbuild-backend = \"flit_core.buildapi\"\n\
                   [tool.flit.module]\nname = \"own\"\n";
    let project = project.replace("version = \"1\"", "version = \"1\"\ndescription = \"x\"");
    fs::write(dir.join("pyproject.toml"), project).unwrap();
    fs::write(dir.join("own/__init__.py"), format!("SAYS = \"{says}\"\n")).unwrap();
}

#[test]
fn with_uv_the_packages_of_the_lock_file_are_there_again_and_those_of_the_app_are_made_anew() {
    let host = host_with(|host| tools(host, &["uv"]));
    let app = python_app(&host, "uv");
    let project = PROJECT.replace("\"idna==3.7\"", "\"idna==3.7\", \"own\"");
    fs::write(
        app.checkout.join("pyproject.toml"),
        format!("{project}\n[tool.uv.sources]\nown = {{ path = \"libs/own\" }}\n"),
    )
    .unwrap();
    let server = PYTHON_SERVER.replace("\"idna %s, iniconfig %s\" % (idna.__version__, dev)", "own.SAYS");
    fs::write(app.checkout.join("app.py"), server.replace("import http.server,", "import http.server, own,")).unwrap();
    own_package(&app, "first");
    lock(&host, &app);
    push(&app).goes_live().says("Installing packages with uv").says("Installing own with uv");
    app.serves("first");

    own_package(&app, "second");
    app.commit("our own package");
    push(&app).goes_live().says(SAYS).says("Installing own with uv");
    app.serves("second");
}

#[test]
fn a_spare_copy_becomes_the_release_s_own_and_a_torn_one_is_not_used() {
    let host = host();
    let app = bare_app(&host, "spare", &[("app.py", PYTHON_SERVER), ("requirements.txt", "idna==3.7\n")]);
    app.commit("the app");
    push(&app).goes_live();
    app.serves("idna 3.7, iniconfig gone");
    let spare = app.dir().join("build/python-venv.spare/tree");
    eventually("there is a copy for the next build", || spare.is_dir());

    let (kept, ready) = (inode(&app.dir().join("build/python-venv/tree")), inode(&spare));
    app.with("note.txt", "x");
    push(&app).goes_live().says(SAYS);
    app.serves("idna 3.7, iniconfig gone");
    let venv = app.release("current").join(".venv");
    assert_eq!(inode(&venv), ready, "it was renamed, not copied");
    fs::write(venv.join("pyvenv.cfg"), "spoilt").unwrap();
    assert_eq!(inode(&app.dir().join("build/python-venv/tree")), kept);
    eventually("there is one for the next build again", || spare.is_dir());
    for path in [&spare, &app.dir().join("build/python-venv/tree")] {
        assert!(fs::read_to_string(path.join("pyvenv.cfg")).unwrap().contains("home = "), "{}", path.display());
    }

    fs::write(spare.join("pyvenv.cfg"), "").unwrap();
    app.with("note.txt", "y");
    push(&app).goes_live().says("the cached .venv is damaged").says(SAYS);
    app.serves("idna 3.7, iniconfig gone");

    // Other packages: what is ready is of no use, and the next one is of those.
    app.with("requirements.txt", "idna==3.8\n");
    push(&app).goes_live().says("Installing packages with pip");
    app.serves("idna 3.8, iniconfig gone");
    let key = |name: &str| fs::read(app.dir().join("build").join(name).join("key")).unwrap_or_default();
    eventually("the copy is of them", || key("python-venv.spare") == key("python-venv"));
}

#[test]
fn a_cache_that_has_no_room_for_a_spare_copy_goes_without() {
    let conf = "stop_timeout: 3\nboot_timeout: 60\ncache_bytes: 40000000\n";
    let host = Host::with(crate::host::Options { conf, ..crate::host::Options::default() });
    let app = host.app("full", "python");
    let kept = app.dir().join("build/large");
    fs::create_dir_all(kept.join("tree")).unwrap();
    fs::write(kept.join("tree/file"), vec![0; 30_000_000]).unwrap();
    fs::write(kept.join("key"), format!("{} 1 30000000\n", "a".repeat(64))).unwrap();
    let small = app.dir().join("build/small");
    fs::create_dir_all(small.join("tree")).unwrap();
    fs::write(small.join("key"), format!("{} 0 0\n", "b".repeat(64))).unwrap();
    host.dokuen(&["tidy"]).ok();
    assert!(app.exists("build/small.spare/tree") && !app.exists("build/large.spare"));
    assert!(app.exists("build/large/tree/file"));
}

#[test]
fn a_list_that_a_list_names_counts_wherever_it_is() {
    let host = host();
    let app = bare_app(&host, "lists", &[("app.py", PYTHON_SERVER), ("requirements.txt", "-r needs/web.txt\n")]);
    app.with("needs/web.txt", "--requirement ../more/names.txt # all of them\n").with("more/names.txt", "idna==3.7\n");
    push(&app).goes_live();
    app.serves("idna 3.7, iniconfig gone");
    app.with("more/names.txt", "idna==3.8\n");
    push(&app).goes_live().says("Installing packages with pip");
    app.serves("idna 3.8, iniconfig gone");
    app.with("note.txt", "x");
    push(&app).goes_live().says(SAYS);
}
