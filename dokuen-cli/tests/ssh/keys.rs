//! `adduser`, `removeuser`, `keys`, and the file that sshd reads.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::door::{Door, Running};
use crate::host::eventually;

#[test]
fn a_removed_key_is_refused_at_once_and_open_sessions_are_named() {
    let door = Door::with_anna();
    door.add("bob", &[]).ok();
    let app = door.app("bob", "blog", "python");
    door.git("bob", &app, &["push", "dokuen", "master"]).ok();
    let mut session = door.ssh_command("bob", &[], &["dokuen run -a blog sleep 600"]);
    let session = Running::start(&mut session);
    eventually("the session is written down", || door.sessions().iter().any(|(_, doing)| doing == "run"));
    door.host.dokuen(&["removeuser", "bob"]).ok().stdout_has("still open: pid ").stdout_has("run since");
    door.ssh("bob", "dokuen apps").exits(255).stderr_has("Permission denied");
    door.ssh("anna", "dokuen access -a blog -q").ok().stdout_is("anna  admin\n");
    drop(session);
    door.host.dokuen(&["removeuser", "bob"]).exits(3).stderr_has("no such user: bob");
}

#[test]
fn doctor_finds_keys_that_sshd_lacks_and_gives_them_back() {
    let door = Door::with_anna();
    let whole = fs::read(door.authorized_keys()).unwrap();
    door.host.dokuen(&["doctor"]).stdout_has("sshd knows Dokuen's keys: 1");
    fs::remove_file(door.authorized_keys()).unwrap();
    door.host.dokuen(&["doctor"]).exits(9).stdout_has("does not have the keys that Dokuen has");
    door.host.dokuen(&["doctor", "--fix"]).stdout_has("does not have the keys");
    assert_eq!(fs::read(door.authorized_keys()).unwrap(), whole);
}

#[test]
fn the_lines_of_others_stay_and_the_file_is_closed_to_others() {
    let door = Door::new();
    let path = door.authorized_keys();
    door.add("anna", &[]).ok();
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(path.parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);
    let ours = fs::read_to_string(&path).unwrap();
    let theirs = "# mine \u{e9}\n\nssh-ed25519 AAAA broken on purpose";
    fs::write(&path, format!("{theirs}\n{ours}")).unwrap();
    door.add("bob", &[]).ok();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(theirs), "{text}");
    assert_eq!(text.matches("restrict,pty,command=").count(), 2);
    door.host.dokuen(&["removeuser", "anna"]).ok();
    door.host.dokuen(&["removeuser", "bob"]).ok();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{theirs}\n"));
    door.add("anna", &[]).ok();
    fs::remove_file(&path).unwrap();
    door.host.dokuen(&["keys:sync"]).ok();
    door.ssh("anna", "dokuen apps").ok();
}

#[test]
fn a_key_has_one_name_and_a_name_one_key() {
    let door = Door::with_anna();
    let key = |name: &str| fs::read(door.key(name).with_extension("pub")).unwrap();
    door.host.dokuen_given(&["adduser", "bob"], &key("anna")).exits(1).stderr_has("this key is anna's already");
    door.host.dokuen_given(&["adduser", "anna"], &key("bob")).exits(1).stderr_has("anna has another key already");
    door.host.dokuen_given(&["adduser", "anna", "--replace", "--admin"], &key("bob")).ok();
    door.ssh("anna", "dokuen keys").exits(255);
    door.ssh("bob", "dokuen keys").ok().stdout_has("anna  admin  SHA256:").stdout_has("bob@laptop");
    let foreign = [&key("carl")[..], &fs::read(door.authorized_keys()).unwrap()].concat();
    fs::write(door.authorized_keys(), foreign).unwrap();
    door.host.dokuen_given(&["adduser", "carl"], &key("carl")).exits(1).stderr_has("has a line of its own");
}

#[test]
fn fingerprints_are_those_of_openssh_for_every_type() {
    let door = Door::new();
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")] {
        let path = door.host.temp().join(format!("{kind}{bits}"));
        let mut keygen = door.host.command("ssh-keygen");
        keygen.args(["-q", "-N", "", "-t", kind, "-b", bits, "-f"]).arg(&path);
        crate::outcome::run(&mut keygen, b"", None).ok();
        let public = fs::read(path.with_extension("pub")).unwrap();
        let mut list = door.host.command("ssh-keygen");
        let listed = crate::outcome::run(list.args(["-l", "-f", "-"]), &public, None).ok().out();
        let fingerprint = listed.split(' ').nth(1).unwrap();
        door.host.dokuen_given(&["adduser", &format!("{kind}{bits}")], &public).ok().stdout_has(fingerprint);
        let private = fs::read(&path).unwrap();
        let refused = door.host.dokuen_given(&["adduser", "secret"], &private).exits(2).stderr_has("private key");
        assert!(!refused.err.contains(std::str::from_utf8(&private[40..80]).unwrap()));
    }
    let mut weak = door.host.command("ssh-keygen");
    let path = door.host.temp().join("weak");
    crate::outcome::run(weak.args(["-q", "-N", "", "-t", "rsa", "-b", "1024", "-f"]).arg(&path), b"", None).ok();
    let weak = fs::read(path.with_extension("pub")).unwrap();
    door.host.dokuen_given(&["adduser", "weak"], &weak).exits(2).stderr_has("2048");
}
