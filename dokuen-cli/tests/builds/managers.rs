//! Package managers that a machine need not have, by the lock files that they leave: yarn, pnpm, uv, poetry. Each is the
//! real one, installed into the test's own directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::app::App;
use crate::host::Host;
use crate::pushed::{host, push};

/// A host that searches programs in a directory of the test's too.
pub fn host_with(bin: impl FnOnce(&Host) -> PathBuf) -> Host {
    let host = host();
    let conf = host.dir().join("dokuen.conf");
    let line = format!("bin_path: \"{}\"\n", bin(&host).display());
    fs::write(&conf, fs::read_to_string(&conf).unwrap() + &line).unwrap();
    host
}

pub fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An app of these files and no others.
pub fn bare_app(host: &Host, name: &str, files: &[(&str, &str)]) -> App {
    let app = host.app(name, "static-page");
    app.git(&["rm", "-rfq", "."]).ok();
    for (path, text) in files {
        fs::write(app.checkout.join(path), text).unwrap();
    }
    app
}

const SERVER: &str = r#"const { existsSync, readFileSync } = require('fs');
const has = (name) => { try { require(name); return 'there'; } catch { return 'gone'; } };
const built = existsSync('built.txt') ? readFileSync('built.txt', 'utf8') : 'nothing';
const text = `1m is ${require('ms')('1m')}, built ${built}, is-odd ${has('is-odd')}`;
require('http').createServer((_, answer) => answer.end(text)).listen(process.env.PORT, '127.0.0.1');
"#;
const BUILD: &str = r#""build": "node build.js", "#;
const BUILD_SCRIPT: &str = "require('fs').writeFileSync('built.txt', 'odd ' + require('is-odd')(3));\n";

fn package(build: &str) -> String {
    format!(
        r#"{{"name": "app", "version": "1.0.0", "private": true, "license": "MIT", "scripts": {{{build}"start": "node server.js"}},
"dependencies": {{"ms": "2.1.3"}}, "devDependencies": {{"is-odd": "3.0.1"}}}}
"#
    )
}

/// A manager of Node's packages, how it makes a lock file, and what else is in the app.
struct Manager {
    package: &'static str,
    name: &'static str,
    lock: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
    /// Whether a second build copies what the first one has installed, and asks nobody.
    keeps: bool,
}

impl Manager {
    /// Production packages alone where nothing is built; all for the build where something is, and then without them; and
    /// a second build that installs nothing.
    fn is_used(&self) {
        let host = host_with(|host| {
            let tools = host.temp().join("tools");
            fs::create_dir(&tools).unwrap();
            fs::write(tools.join("package.json"), "{}").unwrap();
            // Not by --prefix: npm would look for its global configuration there as well.
            let install = ["install", "--no-audit", "--no-fund", "--silent", self.package];
            succeeds(host.command("npm").current_dir(&tools).args(install));
            tools.join("node_modules/.bin")
        });
        let app = bare_app(&host, "managed", self.files);
        let bin = host.temp().join("tools/node_modules/.bin").join(self.name);
        fs::write(app.checkout.join("package.json"), package("")).unwrap();
        // What the machine trusts; Node alone would trust what it came with.
        let certificates = ("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca-certificates.crt");
        let mut lock = host.command(bin);
        succeeds(lock.envs([certificates]).current_dir(&app.checkout).args(self.lock));
        for path in ["node_modules", ".yarn"] {
            let _ = fs::remove_dir_all(app.checkout.join(path));
        }
        let _ = fs::remove_file(app.checkout.join(".pnp.cjs"));
        app.with("server.js", SERVER).with("build.js", BUILD_SCRIPT);

        push(&app).goes_live().says(&format!("Installing packages with {}", self.name));
        app.serves("1m is 60000, built nothing, is-odd gone");
        app.with("package.json", package(BUILD));
        push(&app).goes_live().says("Running build");
        app.serves("1m is 60000, built odd true, is-odd gone");
        app.with("note.txt", "x");
        let again = push(&app).goes_live();
        app.serves("1m is 60000, built odd true, is-odd gone");
        assert_eq!(again.text.contains("dependencies have not changed"), self.keeps, "{}", again.text);
        assert_eq!(again.text.contains("Installing packages"), !self.keeps, "{}", again.text);

        // A lock file that does not fit package.json is nothing to guess about.
        app.with("package.json", package("").replace("2.1.3", "2.1.2"));
        push(&app).refused().says(&format!("! {} could not install the packages", self.name));
    }
}

#[test]
fn yarn_1_installs_what_its_lock_file_says() {
    let (package, lock): (_, &[_]) = ("yarn@1", &["install", "--silent"]);
    Manager { package, name: "yarn", lock, files: &[], keeps: true }.is_used();
}

#[test]
fn yarn_4_with_node_modules() {
    let files = &[(".yarnrc.yml", "nodeLinker: node-modules\nenableTelemetry: false\n")];
    Manager { package: "@yarnpkg/cli-dist@4", name: "yarn", lock: &["install"], files, keeps: true }.is_used();
}

#[test]
fn yarn_4_without_node_modules() {
    let files = &[(".yarnrc.yml", "enableTelemetry: false\n")];
    Manager { package: "@yarnpkg/cli-dist@4", name: "yarn", lock: &["install"], files, keeps: false }.is_used();
}

#[test]
fn pnpm_installs_what_its_lock_file_says() {
    let (package, lock): (_, &[_]) = ("pnpm@9", &["install", "--lockfile-only", "--silent"]);
    Manager { package, name: "pnpm", lock, files: &[], keeps: true }.is_used();
}

pub const PROJECT: &str = r#"[project]
name = "app"
version = "1"
requires-python = ">=3.9"
dependencies = ["idna==3.7"]

[dependency-groups]
dev = ["iniconfig==2.0.0"]
"#;
pub const PYTHON_SERVER: &str = r#"import http.server, idna, importlib.util, os
dev = "there" if importlib.util.find_spec("iniconfig") else "gone"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("idna %s, iniconfig %s" % (idna.__version__, dev)).encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A directory with these tools from PyPI in it and nothing else.
pub fn tools(host: &Host, names: &[&str]) -> PathBuf {
    let (venv, only) = (host.temp().join("tools"), host.temp().join("only"));
    succeeds(host.command("python3").args(["-m", "venv"]).arg(&venv));
    succeeds(host.command(venv.join("bin/pip")).args(["install", "--quiet", "uv"]));
    let mut uv = host.command(venv.join("bin/uv"));
    let install = ["pip", "install", "--quiet", "--python"];
    succeeds(uv.env("UV_SYSTEM_CERTS", "true").args(install).arg(venv.join("bin/python")).args(names));
    fs::create_dir(&only).unwrap();
    for name in names {
        std::os::unix::fs::symlink(venv.join("bin").join(name), only.join(name)).unwrap();
    }
    only
}

pub fn python_app(host: &Host, name: &str) -> App {
    bare_app(host, name, &[("app.py", PYTHON_SERVER), ("pyproject.toml", PROJECT)])
}

#[test]
fn uv_installs_what_its_lock_file_says() {
    let host = host_with(|host| tools(host, &["uv"]));
    let app = python_app(&host, "uv");
    let mut uv = host.command(host.temp().join("only/uv"));
    succeeds(uv.env("UV_SYSTEM_CERTS", "true").current_dir(&app.checkout).args(["lock", "--quiet"]));
    app.commit("a lock file");
    push(&app).goes_live().says("Installing packages with uv");
    app.serves("idna 3.7, iniconfig gone");

    app.with("note.txt", "x");
    let again = push(&app).goes_live().says("requirements have not changed");
    app.serves("idna 3.7, iniconfig gone");
    assert!(!again.text.contains("Installing packages"), "{}", again.text);
    let lib = fs::read_dir(app.dir().join("build/python-venv/tree/lib")).unwrap().next().unwrap().unwrap().path();
    let compiled = lib.join("site-packages/idna/__pycache__").is_dir();
    assert!(compiled, "no release has to compile what all of them have");

    fs::write(app.checkout.join("pyproject.toml"), PROJECT.replace("3.7", "3.8")).unwrap();
    let mut uv = host.command(host.temp().join("only/uv"));
    succeeds(uv.env("UV_SYSTEM_CERTS", "true").current_dir(&app.checkout).args(["lock", "--quiet"]));
    app.commit("a later idna");
    push(&app).goes_live().says("Installing packages with uv");
    app.serves("idna 3.8, iniconfig gone");
}

#[test]
fn poetry_is_used_where_it_is_and_missed_where_it_is_not() {
    let host = host_with(|host| tools(host, &["poetry"]));
    let app = python_app(&host, "poems");
    // Where pip looks: poetry's own way to ask there is not spoken by every mirror.
    let index = "from pip._internal.models.index import PyPI; print(PyPI.simple_url, end='')";
    let index = succeeds(host.command(host.temp().join("tools/bin/python")).args(["-c", index]));
    let source = format!("\n[[tool.poetry.source]]\nname = \"index\"\nurl = \"{index}/\"\npriority = \"primary\"\n");
    fs::write(app.checkout.join("pyproject.toml"), format!("{PROJECT}{source}")).unwrap();
    let mut poetry = host.command(host.temp().join("only/poetry"));
    let certificates = ("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt");
    succeeds(poetry.envs([certificates]).current_dir(&app.checkout).args(["lock", "--no-interaction"]));
    app.commit("a lock file");
    push(&app).goes_live().says("Installing packages with poetry");
    app.serves("idna 3.7, iniconfig gone");
    app.with("note.txt", "x");
    push(&app).goes_live().says("requirements have not changed");
    app.serves("idna 3.7, iniconfig gone");

    fs::remove_file(host.temp().join("only/poetry")).unwrap();
    app.with("note.txt", "y");
    push(&app).goes_live().says("! poetry.lock is not read, since poetry is not installed");
    app.serves("idna 3.7, iniconfig gone");
}
