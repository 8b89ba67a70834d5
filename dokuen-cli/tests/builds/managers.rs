//! Package managers that a machine need not have: uv, by the lock file it leaves. poetry has a stand-in: it comes with forty
//! packages of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::app::App;
use crate::host::{Host, make_executable};
use crate::pushed::{host, push};

/// A host that searches programs in a directory of the test's too.
fn host_with(bin: impl FnOnce(&Host) -> PathBuf) -> Host {
    let host = host();
    let conf = host.dir().join("dokuen.conf");
    let line = format!("bin_path: \"{}\"\n", bin(&host).display());
    fs::write(&conf, fs::read_to_string(&conf).unwrap() + &line).unwrap();
    host
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

const PROJECT: &str =
    "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"idna==3.7\"]\n";
const PYTHON_SERVER: &str = r#"import http.server, idna, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("idna " + idna.__version__).encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn python_app(host: &Host, name: &str) -> App {
    let app = host.app(name, "static-page");
    app.git(&["rm", "-rfq", "."]).ok();
    app.with("app.py", PYTHON_SERVER).with("pyproject.toml", PROJECT);
    app
}

#[test]
fn uv_installs_what_its_lock_file_says() {
    let host = host_with(|host| {
        let tools = host.temp().join("tools");
        succeeds(host.command("python3").args(["-m", "venv"]).arg(&tools));
        succeeds(host.command(tools.join("bin/pip")).args(["install", "--quiet", "uv"]));
        fs::create_dir(host.temp().join("only-uv")).unwrap();
        std::os::unix::fs::symlink(tools.join("bin/uv"), host.temp().join("only-uv/uv")).unwrap();
        host.temp().join("only-uv")
    });
    let app = python_app(&host, "uv");
    let uv = host.temp().join("only-uv/uv");
    succeeds(host.command(uv).env("UV_NATIVE_TLS", "true").current_dir(&app.checkout).args(["lock", "--quiet"]));
    app.commit("a lock file");
    push(&app).goes_live().says("Installing packages with uv");
    app.serves("idna 3.7");
}

#[test]
fn poetry_is_used_where_it_is_and_missed_where_it_is_not() {
    let host = host_with(|host| {
        let bin = host.temp().join("only-poetry");
        fs::create_dir(&bin).unwrap();
        let poetry = "#!/bin/sh\n[ \"$VIRTUAL_ENV\" = \"$PWD/.venv\" ] || exit 1\necho \"poetry $*\"\nexec python -m pip install --quiet idna==3.6\n";
        fs::write(bin.join("poetry"), poetry).unwrap();
        make_executable(&bin.join("poetry"));
        bin
    });
    let app = python_app(&host, "poems");
    app.with("poetry.lock", "# by poetry\n");
    push(&app).goes_live().says("poetry install --quiet --no-ansi --no-root --only main");
    app.serves("idna 3.6");
    fs::remove_file(host.temp().join("only-poetry/poetry")).unwrap();
    app.with("note.txt", "x");
    push(&app).goes_live().says("! poetry.lock is not read, since poetry is not installed");
    app.serves("idna 3.7");
}
