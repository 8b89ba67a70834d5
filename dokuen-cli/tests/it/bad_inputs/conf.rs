//! `dokuen.conf`, and the ports that it names.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{SOON, Wrong, dokuen, host, rows};
use crate::host::{Host, Options};

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
