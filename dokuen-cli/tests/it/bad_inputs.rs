//! The project's list of bad inputs, `fixtures/bad_inputs.json`; `DOKUEN_BAD_INPUTS` names another file of that form.
//!
//! `reject`: an exit status, one line that shows the input escaped, in two seconds, and nothing has changed.
//! `accept-literally`: byte for byte where it belongs. Where a row cannot be as it says, the test says why.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::host::{Host, Options, eventually, fixtures};
use crate::outcome::{Outcome, run};
use crate::snapshot::Snapshot;

struct Row {
    id: String,
    words: Vec<Vec<u8>>,
    accept: bool,
}

/// The rows of one entry; `except` are those that the test treats by themselves.
fn rows(entry: &str, except: &[&str]) -> Vec<Row> {
    let path = std::env::var_os("DOKUEN_BAD_INPUTS").map_or_else(|| fixtures().join("bad_inputs.json"), PathBuf::from);
    let all: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let of_entry = all.as_array().unwrap().iter().filter(|row| row["entry"] == entry);
    let rows: Vec<_> = of_entry.map(row).filter(|row| !except.contains(&row.id.as_str())).collect();
    assert!(!rows.is_empty(), "no rows for {entry}");
    rows
}

fn row(row: &Value) -> Row {
    let words = match &row["input"] {
        Value::Array(words) => words.iter().map(|w| w.as_str().unwrap().as_bytes().to_vec()).collect(),
        one => vec![decoded(one.as_str().unwrap(), row["enc"].as_str())],
    };
    Row { id: row["id"].as_str().unwrap().to_owned(), words, accept: row["expect"] == "accept-literally" }
}

fn decoded(text: &str, how: Option<&str>) -> Vec<u8> {
    match how {
        None => text.as_bytes().to_vec(),
        Some("rep") => {
            let (count, piece) = text.split_once('*').unwrap();
            // `N` in a piece is its number, so that no two are alike.
            let numbered =
                |n: usize| if piece.contains('N') { piece.replace('N', &n.to_string()) } else { piece.to_owned() };
            (0..count.parse().unwrap()).map(numbered).collect::<String>().into_bytes()
        }
        Some("b64") => base64(text),
        Some(other) => panic!("unknown encoding {other}"),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|b| alphabet.iter().position(|a| *a == b));
    let (mut out, mut have, mut bits) = (Vec::new(), 0u32, 0);
    for digit in digits {
        (have, bits) = (have << 6 | digit as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((have >> bits) as u8);
        }
    }
    out
}

impl Row {
    fn bytes(&self) -> &[u8] {
        &self.words[0]
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn os(&self, before: &str) -> OsString {
        OsString::from_vec([before.as_bytes(), self.bytes()].concat())
    }

    /// A NUL cannot stand in an argv at all, and Linux takes no longer word than 128 KiB.
    fn fits_an_argv(&self) -> bool {
        !self.bytes().contains(&0) && self.bytes().len() < 131_000
    }
}

/// What is wrong with a table's rows, collected so that one failure does not hide the others.
#[derive(Default)]
struct Wrong {
    rows: Vec<String>,
    /// The state that nothing has changed since, as far as is known.
    before: Option<Snapshot>,
}

impl Wrong {
    fn note(&mut self, row: &Row, what: impl std::fmt::Display) {
        self.rows.push(format!("{} {:.200?}: {what}", row.id, row.text()));
    }

    /// Everything that a rejection must be.
    fn unless_rejected(&mut self, row: &Row, host: &Host, within: Duration, deliver: impl FnOnce() -> Outcome) {
        let before = self.before.take().unwrap_or_else(|| host.snapshot());
        let outcome = deliver();
        let first = outcome.err.lines().find(|l| l.contains("  ! ") || l.starts_with("error:")).unwrap_or_default();
        if outcome.code == 0 {
            self.note(row, format!("was accepted\n{outcome}"));
        } else if outcome.took > within {
            self.note(row, format!("took {:?}", outcome.took));
        } else if first.is_empty() || outcome.err.contains("panicked") {
            self.note(row, format!("says no word\n{outcome}"));
        } else if first.chars().any(|c| c.is_control() || c == '\u{202e}') || first.len() > 600 {
            self.note(row, format!("is shown raw: {first:?}"));
        }
        match before.changes_in(host.dir()) {
            changes if changes.is_empty() => self.before = Some(before),
            changes => self.note(row, format!("has changed on the disk:\n{}", changes.join("\n"))),
        }
        if fs::read_dir("/tmp").unwrap().any(|e| e.unwrap().file_name().to_string_lossy().starts_with("PWN")) {
            self.note(row, "was run");
        }
    }

    /// For rows that are accepted: the state is another one from then on.
    fn unless(&mut self, row: &Row, so: bool, what: impl std::fmt::Display) {
        self.before = None;
        if !so {
            self.note(row, what);
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.rows.is_empty(), "{} rows:\n{}", self.rows.len(), self.rows.join("\n"));
    }
}

const SOON: Duration = Duration::from_secs(2);
/// A push also runs git, and a build.
const BY_PUSH: Duration = Duration::from_secs(20);

fn host() -> Host {
    Host::with(Options { base: "dokuen", ..Options::default() })
}

fn live(host: &Host) -> App {
    let app = host.app("app", "types");
    app.push().ok();
    app
}

/// `dokuen WORDS...`, of which some are no text.
fn dokuen(host: &Host, words: &[OsString], input: &[u8]) -> Outcome {
    run(host.command(host.program()).args(words), input, None)
}

fn words(fixed: &[&str], last: OsString) -> Vec<OsString> {
    fixed.iter().map(OsString::from).chain([last]).collect()
}

#[test]
fn app_names() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    for row in rows("app_name", &[]).iter().filter(|row| row.fits_an_argv()) {
        if row.accept {
            let made = dokuen(&host, &words(&["create"], row.os("--application=")), b"");
            wrong.unless(row, made.code == 0 && host.dir().join("apps").join(row.text()).is_dir(), made);
            continue;
        }
        for fixed in [&["create"][..], &["config"], &["shutdown"], &["deploy"]] {
            wrong.unless_rejected(row, &host, SOON, || dokuen(&host, &words(fixed, row.os("--application=")), b""));
        }
        let repo = host.dir().join("repos").join(OsString::from_vec([row.bytes(), b".git"].concat()));
        let pushed = run(
            host.command("git").current_dir(&app.checkout).arg("push").arg("--").arg(repo).arg("master"),
            b"",
            None,
        );
        if pushed.code == 0 {
            wrong.note(row, pushed);
        }
    }
    app.serves("Hello from types, version 1");
    wrong.none();
}

#[test]
fn config_var_names() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    let (accepted, rejected): (Vec<_>, Vec<_>) =
        rows("env_name", &[]).into_iter().filter(Row::fits_an_argv).partition(|row| row.accept);
    for row in &rejected {
        let last = OsString::from_vec([row.bytes(), b"=SECRET_v"].concat());
        let set = || dokuen(&host, &words(&["config_set", "--application=app", "OK=1"], last), b"");
        wrong.unless_rejected(row, &host, SOON, set);
    }
    let all: Vec<_> = accepted.iter().map(|row| format!("{}=v", row.text())).collect();
    app.dokuen("config_set", &all.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    for row in &accepted {
        let file = fs::read(app.dir().join("env").join(row.text())).unwrap_or_default();
        wrong.unless(row, file == b"v", "is not in its file");
        // A shell sets IFS itself, whatever it was given; and it runs every Procfile line.
        if row.text() != "IFS" {
            wrong.unless(row, app.env(&row.text()) == b"v", "is not what the app has");
        }
    }
    // None of them changes what Dokuen itself runs.
    app.greeting("after").push().ok().serving("after");
    wrong.none();
}

#[test]
fn config_var_values() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    let name = |row: &Row| row.id.replace('-', "_");
    let (accepted, rejected): (Vec<_>, Vec<_>) = rows("env_value", &[]).into_iter().partition(|row| row.accept);
    for row in &rejected {
        // By standard input: no argv could carry it.
        wrong.unless_rejected(row, &host, SOON, || app.dokuen_given("config_set", &["K=-"], row.bytes()));
    }
    let mut set = host.command(host.program());
    set.args(["config_set", "--application=app"]).args(accepted.iter().map(|row| row.os(&format!("{}=", name(row)))));
    run(&mut set, b"", None).ok();
    let shown = app.dokuen("config", &[]).ok().out;
    for row in &accepted {
        let line = [name(row).as_bytes(), b"=", row.bytes(), b"\n"].concat();
        wrong.unless(row, shown.windows(line.len()).any(|at| at == line), "is not what config shows");
        let file = fs::read(app.dir().join("env").join(name(row))).unwrap();
        wrong.unless(row, file == row.bytes(), "is not in its file");
        wrong.unless(row, app.env(&name(row)) == row.bytes(), "is not what the app has");
    }
    host.dokuen(&["shutdown"]).ok();
    host.dokuen(&["boot"]).ok();
    for row in &accepted {
        wrong.unless(row, app.env(&name(row)) == row.bytes(), "did not survive a boot");
        let one_off = app.dokuen("run_command", &["sh", "-c", &format!("printf %s \"${}\"", name(row))]).out;
        wrong.unless(row, one_off == row.bytes(), "is not what a one-off has");
    }
    wrong.none();
}

#[test]
fn sets_of_config_vars() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    for row in rows("env_set", &["ENVS-011", "ENVS-013"]) {
        let given = row.words.iter().map(|w| OsString::from_vec(w.clone()));
        let all: Vec<_> = ["config_set", "--application=app"].map(OsString::from).into_iter().chain(given).collect();
        wrong.unless_rejected(&row, &host, SOON, || dokuen(&host, &all, b""));
    }
    // ENVS-011: each is legal, together no process could be given them. One argv could not carry them either.
    let value = "x".repeat(130_000);
    let many = |from: usize, to: usize| (from..to).map(|n| format!("V{n}={value}")).collect::<Vec<_>>();
    let set = |vars: &[String]| app.dokuen("config_set", &vars.iter().map(String::as_str).collect::<Vec<_>>());
    set(&many(0, 9)).ok();
    let before = host.snapshot();
    set(&many(9, 17)).exits(2).stderr_has("the config vars hold 22").stderr_has("are allowed");
    before.unchanged_in(host.dir());
    // ENVS-013
    let pid = app.text("/pid");
    app.dokuen("config_delete", &["NOT_SET"]).ok().stdout_has("NOT_SET is not set");
    assert_eq!(app.text("/pid"), pid);
    wrong.none();
}

#[test]
fn scales() {
    let host = host();
    let app = live(&host);
    let mut wrong = Wrong::default();
    for row in rows("scale_spec", &[]) {
        if row.accept {
            let spec = row.text();
            let scaled = app.dokuen("scale", &spec.split(' ').collect::<Vec<_>>());
            wrong.unless(&row, scaled.code == 0, scaled);
            continue;
        }
        wrong.unless_rejected(&row, &host, SOON, || {
            dokuen(&host, &words(&["scale", "--application=app"], row.bytes_os()), b"")
        });
        if row.id != "SCALE-027" {
            // A type that the Procfile lacks is left out of a config var: the next push may bring it.
            let set = || dokuen(&host, &words(&["config_set", "--application=app"], row.os("DOKUEN_SCALE=")), b"");
            wrong.unless_rejected(&row, &host, SOON, set);
        }
    }
    wrong.none();
}

impl Row {
    fn bytes_os(&self) -> OsString {
        self.os("")
    }
}

#[test]
fn domains() {
    let host = host();
    let app = live(&host);
    let other = host.app("other", "static-page");
    other.dokuen("config_set", &["ADDITIONAL_DOMAINS=taken.example"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("domain", &[]) {
        let set = || app.dokuen_given("config_set", &["ADDITIONAL_DOMAINS=-"], row.bytes());
        if !row.accept {
            wrong.unless_rejected(&row, &host, SOON, set);
            continue;
        }
        let outcome = set();
        wrong.unless(&row, outcome.code == 0, outcome);
        for name in row.text().split(',') {
            wrong.unless(&row, app.get_as(name, "/").body == b"Hello from types, version 1\n", name);
        }
    }
    app.dokuen("config_set", &["ADDITIONAL_DOMAINS=taken.example"]).fails().stderr_has("of the app other already");
    assert_eq!(app.get_as("unknown.example", "/").status, 404);
    wrong.none();
}

#[test]
fn buildpack_urls_and_names() {
    let host = host();
    let app = live(&host);
    let fresh = host.app("fresh", "types");
    let other = host.app("other", "static-page");
    other.push().ok();
    let mut wrong = Wrong::default();
    for row in rows("buildpack_url", &["BPU-007"]).iter().filter(|row| row.fits_an_argv()) {
        if row.accept {
            // Installing would ask the network; that it is taken as it is shows here.
            let set = dokuen(&host, &words(&["config_set", "--application=fresh"], row.os("BUILDPACK_URL=")), b"");
            wrong.unless(row, set.code == 0 && !set.out().contains("token") && !set.err.contains("token"), set);
            wrong.unless(row, fs::read(fresh.dir().join("env/BUILDPACK_URL")).unwrap() == row.bytes(), "is not kept");
            continue;
        }
        wrong.unless_rejected(row, &host, SOON, || {
            dokuen(&host, &words(&["install_buildpack", "--"], row.bytes_os()), b"")
        });
        if !row.bytes().is_empty() {
            let set = || dokuen(&host, &words(&["config_set", "--application=app"], row.os("BUILDPACK_URL=")), b"");
            wrong.unless_rejected(row, &host, SOON, set);
        }
    }
    for row in rows("buildpack_name", &[]) {
        wrong.unless_rejected(&row, &host, SOON, || {
            dokuen(&host, &words(&["remove_buildpack", "--"], row.bytes_os()), b"")
        });
        wrong.unless_rejected(&row, &host, SOON, || dokuen(&host, &words(&["remove_buildpack"], row.bytes_os()), b""));
    }
    // BPU-007: a path of this machine is allowed to who may log in there, but not another app's repository.
    app.with(".buildpacks", format!("{}\n", other.repo().display()));
    let row = Row { id: "BPU-007".to_owned(), words: vec![b"repos/other.git".to_vec()], accept: false };
    wrong.unless_rejected(&row, &host, BY_PUSH, || app.push());
    wrong.none();
}

/// Commits what `change` makes of the checkout, pushes, and forgets it again when it was refused.
fn push_of(app: &App, change: impl FnOnce(&Path)) -> Outcome {
    app.git(&["reset", "-q", "--hard", "dokuen/master"]).ok();
    change(&app.checkout);
    app.commit("a row");
    app.push()
}

/// A buildpack that does `script` in the build directory, named by the pushed tree.
fn built_by(host: &Host, script: &str, release: &[u8]) -> String {
    let compile = format!("#!/bin/sh\ncd \"$1\"\n{script}\n");
    let pack = host.buildpack_of(
        "buildpack-row",
        &[
            ("detect", b"#!/bin/sh\n"),
            ("compile", compile.as_bytes()),
            ("release", b"#!/bin/sh\nexec \"$(dirname \"$0\")/say\"\n"),
            ("say", b"#!/bin/sh\ncat \"$(dirname \"$0\")/yaml\"\n"),
            ("yaml", release),
        ],
    );
    format!("{}\n", pack.display())
}

#[test]
fn procfiles() {
    let host = host();
    let app = live(&host);
    app.dokuen("config_set", &["DOKUEN_SCALE=web=0"]).ok();
    app.git(&["fetch", "-q", "dokuen"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("procfile", &[]) {
        let change = |dir: &Path| {
            let path = dir.join("Procfile");
            fs::remove_file(&path).unwrap();
            match row.text().as_str() {
                "<symlink to /etc/passwd>" => symlink("/etc/passwd", path).unwrap(),
                "<fifo created by the build>" => {
                    fs::write(dir.join(".buildpacks"), built_by(&host, "mkfifo Procfile", b"--- {}\n")).unwrap();
                }
                _ if row.id == "PROC-019" => fs::write(path, format!("{}: x\n", row.text())).unwrap(),
                _ => fs::write(path, row.bytes()).unwrap(),
            }
        };
        if !row.accept {
            wrong.unless_rejected(&row, &host, BY_PUSH, || push_of(&app, change));
            continue;
        }
        let pushed = push_of(&app, change);
        wrong.unless(&row, pushed.code == 0, pushed);
        let procfile = fs::read_to_string(app.release("current").join("Procfile")).unwrap();
        let read = dokuen_core::Procfile::parse(&procfile).unwrap();
        for line in row.text().lines() {
            let (name, command) = line.split_once(": ").unwrap();
            let name = dokuen_core::ProcessType::parse(name).unwrap();
            wrong.unless(&row, read.command(&name) == Some(command.trim_end_matches('\r')), &procfile);
        }
    }
    app.greeting("after").commit("after");
    wrong.none();
}

#[test]
fn dotenvs() {
    let host = host();
    let app = live(&host);
    app.dokuen("config_set", &["SECRET=SECRET_other"]).ok();
    app.git(&["fetch", "-q", "dokuen"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("dotenv", &[]) {
        let change = |dir: &Path| match row.text().as_str() {
            "<symlink to ../../other/env/SECRET>" => symlink("../../env/SECRET", dir.join(".env")).unwrap(),
            "<fifo>" => fs::write(dir.join(".buildpacks"), built_by(&host, "mkfifo .env", b"--- {}\n")).unwrap(),
            "<missing>" => {}
            _ => fs::write(dir.join(".env"), row.bytes()).unwrap(),
        };
        if !row.accept {
            wrong.unless_rejected(&row, &host, BY_PUSH, || push_of(&app, change));
            continue;
        }
        let pushed = push_of(&app, change);
        wrong.unless(&row, pushed.code == 0, pushed);
        if let Some((name, value)) = row.text().lines().find_map(|l| l.split_once('=')) {
            wrong.unless(&row, app.env(name) == value.trim_end().as_bytes(), "is not what the app has");
        }
    }
    app.dokuen("config_set", &["A=by config_set"]).ok();
    assert_eq!(app.env("A"), b"by config_set", "DOTENV-021");
    wrong.none();
}

#[test]
fn release_yaml() {
    let host = host();
    let app = live(&host);
    app.git(&["fetch", "-q", "dokuen"]).ok();
    let mut wrong = Wrong::default();
    for row in rows("release_yaml", &[]) {
        let list = built_by(&host, "", row.bytes());
        let say = Path::new(list.trim()).join("bin/say");
        match row.text().as_str() {
            "<exit 1>" => fs::write(&say, "#!/bin/sh\nexit 1\n").unwrap(),
            "<prints 1 GB>" => fs::write(&say, "#!/bin/sh\nexec head -c 1000000000 /dev/zero\n").unwrap(),
            _ => {}
        }
        run(
            host.command("git").current_dir(list.trim()).args(["commit", "-q", "--allow-empty", "-am", "row"]),
            b"",
            None,
        )
        .ok();
        let change = |dir: &Path| fs::write(dir.join(".buildpacks"), &list).unwrap();
        if row.accept {
            let pushed = push_of(&app, change);
            wrong.unless(&row, pushed.code == 0, pushed);
            let procfile = fs::read_to_string(app.release("current").join("Procfile")).unwrap();
            wrong.unless(&row, procfile.starts_with("web: exec /usr/bin/python3"), procfile);
        } else {
            wrong.unless_rejected(&row, &host, BY_PUSH, || push_of(&app, change));
        }
    }
    app.serves("Hello from types, version 1");
    wrong.none();
}

#[test]
fn confs() {
    let host = host();
    let root = nix::unistd::geteuid().is_root();
    let mut wrong = Wrong::default();
    for row in rows("dokuen_conf", &[]) {
        let path = host.temp().join(format!("{}.conf", row.id));
        let text = row.text();
        match text.as_str() {
            "<fifo>" => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
            "<file owned by another user>" => {
                fs::write(&path, complete(&host, "")).unwrap();
                // Only root can give a file away; to anybody else root's own files are as good as theirs.
                let owned = nix::unistd::chown(&path, Some(nix::unistd::Uid::from_raw(65534)), None);
                if owned.is_err() {
                    continue;
                }
            }
            "<mode 0000>" => {
                fs::write(&path, complete(&host, "")).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
            }
            // Keys beside which all that must be there is there: the row alone is what is wrong.
            _ if text.contains(": ") && !text.starts_with(['-', '\t']) && row.bytes().is_ascii() => {
                fs::write(&path, complete(&host, &text)).unwrap();
            }
            _ => fs::write(&path, row.bytes()).unwrap(),
        }
        let apps = || dokuen(&host, &["--config".into(), path.clone().into(), "apps".into()], b"");
        // Nothing is closed to root; everybody else is told which file it is.
        if row.accept || (root && text == "<mode 0000>") {
            let outcome = apps();
            wrong.unless(&row, outcome.code == 0, outcome);
        } else {
            wrong.unless_rejected(&row, &host, SOON, apps);
            let outcome = apps();
            if outcome.code != 9 || !outcome.err.contains(&*path.to_string_lossy()) {
                wrong.note(&row, outcome);
            }
        }
    }
    wrong.none();
}

/// A conf in which the given keys are the only unusual ones.
fn complete(host: &Host, text: &str) -> String {
    let mut all = format!("{text}\n");
    for (key, value) in
        [("base_domain_name", "example.com".to_owned()), ("dokuen_dir", host.dir().display().to_string())]
    {
        if !text.contains(key) {
            all += &format!("{key}: {value}\n");
        }
    }
    all
}

#[test]
fn port_ranges() {
    let host = host();
    let mut wrong = Wrong::default();
    for row in rows("port_range", &["PORT-005", "PORT-007", "PORT-009"]) {
        let range: Value = serde_json::from_slice(row.bytes()).unwrap();
        let path = host.temp().join("ports.conf");
        let keys = format!("min_port: {}\nmax_port: {}", range["min"], range["max"]);
        fs::write(&path, complete(&host, &keys)).unwrap();
        let apps = || dokuen(&host, &["--config".into(), path.clone().into(), "apps".into()], b"");
        wrong.unless_rejected(&row, &host, SOON, apps);
    }
    wrong.none();
}

/// PORT-005 and PORT-009: ports that others listen on are passed over, and both ends of the range are used.
#[test]
fn taken_ports() {
    let host = Host::with(Options { ports: 3, ..Options::default() });
    let listen = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (low, high) = (listen(host.min_port()), listen(host.max_port()));
    let app = host.app("hello", "types");
    app.push().ok();
    assert_eq!(host.reserved(), [host.min_port() + 1]);
    let other = host.app("other", "types");
    other.push().fails().stderr_has("no free port between");
    assert_eq!(host.reserved(), [host.min_port() + 1]);
    drop(high);
    other.push().ok().serving("Hello from types, version 1");
    drop(low);
    let third = host.app("third", "types");
    third.push().ok().serving("Hello from types, version 1");
    assert_eq!(host.reserved(), [host.min_port(), host.min_port() + 1, host.max_port()]);
}

#[test]
fn files_planted_among_the_config_vars() {
    let host = host();
    let app = live(&host);
    let path = app.dir().join("env/FOO");
    fs::create_dir(&path).unwrap();
    refused_by_name(&app, &path);
    fs::remove_dir(&path).unwrap();
    symlink("/etc/shadow", &path).unwrap();
    refused_by_name(&app, &path);
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused_by_name(&app, &path);
    fs::remove_file(&path).unwrap();
    for leftover in ["FOO.swp", "FOO~", ".DS_Store", ".new-FOO"] {
        fs::write(app.dir().join("env").join(leftover), "x").unwrap();
    }
    app.dokuen("restart", &[]).ok();
    assert_eq!(app.dokuen("config", &[]).ok().out(), "");
    // ENVD-009 would drop a final newline; contract.md section 1 has the value as any bytes, and so it is.
    fs::write(&path, "by hand\n").unwrap();
    app.dokuen("restart", &[]).ok();
    assert_eq!(app.env("FOO"), b"by hand\n");
}

#[track_caller]
fn refused_by_name(app: &App, path: &Path) {
    let name = path.display().to_string();
    let pid = app.text("/pid");
    for (command, args) in [("restart", &[][..]), ("config", &[]), ("config_set", &["A=1"]), ("run_command", &["env"])]
    {
        let outcome = app.dokuen(command, args).exits(1).stderr_has(&name).says_nothing_else();
        assert!(outcome.took < SOON, "{outcome}");
    }
    app.commit("next").push().fails().stderr_has(&name);
    assert_eq!(app.text("/pid"), pid);
}

/// Reports in the release are written for people and never read to decide anything: whatever an app puts there, only
/// its own processes are signalled.
#[test]
fn planted_pid_files() {
    let host = host();
    let app = live(&host);
    let mut bystander = Bystander::new();
    for row in rows("pidfile", &[]) {
        let path = app.release("current").join(".dokuen/dokuen.app.web.1.pid");
        let _ = fs::remove_file(&path);
        match row.text().as_str() {
            // A wrapper that drains may write its last report there in between.
            "<directory>" => eventually("it is a directory", || {
                let _ = fs::remove_file(&path);
                fs::create_dir(&path).is_ok()
            }),
            "<1 GB file>" => fs::File::create(&path).unwrap().set_len(1 << 30).unwrap(),
            // Never the row's own pid: should this fail, it must not end the machine.
            text => {
                fs::write(&path, text.replace("pid: -1\n", &bystander.line()).replace("pid: 1\n", &bystander.line()))
                    .unwrap()
            }
        }
        app.dokuen("ps", &[]).ok().stdout_has("web.1");
        app.dokuen("restart", &[]).ok().serving("Hello from types, version 1");
        assert!(bystander.is_alive(), "{}", row.id);
        let _ = fs::remove_dir(&path);
    }
    app.dokuen("shutdown", &[]).ok();
    assert_eq!(host.app_processes(), []);
    assert!(bystander.is_alive());
}

/// A process that nobody may signal.
struct Bystander(std::process::Child);

impl Bystander {
    fn new() -> Self {
        let mut sleep = std::process::Command::new("sleep");
        Self(sleep.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn line(&self) -> String {
        format!("pid: {}\n", self.0.id())
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_off_commands() {
    let host = host();
    let app = live(&host);
    host.app("other", "types");
    let mut wrong = Wrong::default();
    for row in rows("run_command", &["RUN-007", "RUN-017"]) {
        let texts: Vec<_> = row.words.iter().map(|w| String::from_utf8(w.clone()).unwrap()).collect();
        let words: Vec<_> = texts.iter().map(String::as_str).collect();
        let ran = || app.dokuen_given("run_command", &words, b"from stdin");
        match row.id.as_str() {
            "RUN-009" => wrong.unless(&row, ran().ok().out() == "a b\n", ran()),
            "RUN-011" => wrong.unless(&row, ran().exits(7).out() == "\n", ran()),
            "RUN-013" => wrong.unless(&row, ran().ok().out().contains("Procfile"), ran()),
            "RUN-015" => wrong.unless(&row, ran().ok().out() == "from stdin", ran()),
            "RUN-003" => wrong.unless(&row, ran().exits(127).err.contains("nosuchprogram"), ran()),
            _ => wrong.unless_rejected(&row, &host, SOON, ran),
        }
    }
    wrong.none();
}

#[test]
fn the_table_can_decode_itself() {
    assert_eq!(base64("QQBC"), b"A\0B");
    assert_eq!(base64("Y29uZmlnX3ZhcnM6IHtBOiD/fQo="), b"config_vars: {A: \xff}\n");
    assert_eq!(decoded("3*tN: x\n", Some("rep")), b"t0: x\nt1: x\nt2: x\n");
    assert_eq!(decoded("3*ab", Some("rep")), b"ababab");
}
