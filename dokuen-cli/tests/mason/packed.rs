//! What mason leaves: kinds, places, and files as they were.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::bench::Bench;

#[test]
fn the_kind_is_asked_for_or_read_from_the_name() {
    let bench = Bench::new();
    let pack = bench.pack("null", "true", "");
    for (args, kind, place) in [
        (&["-o", "x.tgz"][..], "tgz", "x.tgz"),
        (&["-o", "x.zip"], "dir", "x.zip"),
        (&["-o", "y.tgz", "-t", "dir"], "dir", "y.tgz"),
        (&["-t", "tgz"], "tgz", "app.tgz"),
        (&["-t", "tgz", "-o", "z"], "tgz", "z"),
    ] {
        let said = bench.mason(&[&["build", "app", "-b", &pack], args].concat()).ok();
        assert!(said.out.ends_with(&format!("  = type: {kind}\n  = location: ROOT/{place}")), "{}", said.out);
        assert_eq!(bench.root().join(place).is_dir(), kind == "dir", "{place}");
    }
}

#[test]
fn an_archive_depends_on_nothing_but_the_tree() {
    let bench = Bench::new();
    let pack = bench.pack("null", "mkdir \"$1/made\" && echo x >\"$1/made/file\"", "");
    for to in ["one.tgz", "two.tgz"] {
        bench.mason(&["build", "app", "-b", &pack, "-o", to]).ok();
        // Another second, which must not be told from the archive.
        std::thread::sleep(Duration::from_millis(1100));
    }
    let bytes = |name| fs::read(bench.root().join(name)).unwrap();
    assert_eq!(bytes("one.tgz"), bytes("two.tgz"));
    let list = Command::new("tar").arg("-tzvf").arg(bench.root().join("one.tgz")).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(names, [".env", "hello.txt", "made/", "made/file"]);
    assert!(list.lines().all(|line| line.contains(" 0/0 ") || line.contains(" root/root ")), "{list}");
}

#[test]
fn only_a_build_that_succeeded_replaces_what_is_there() {
    let bench = Bench::new().with("out/old.txt", "old");
    let bad = bench.pack("bad", "exit 1", "");
    bench.mason(&["build", "app", "-b", &bad, "-o", "out"]).fails("  ! compile failed");
    assert_eq!(bench.read("out/old.txt"), "old");
    let good = bench.pack("good", "true", "");
    bench.mason(&["build", "app", "-b", &good, "-o", "out"]).ok();
    assert!(!bench.exists("out/old.txt"));
    bench.assert_clean();
}

#[test]
fn every_kind_of_file_survives() {
    let bench = Bench::new();
    let app = bench.root().join("app");
    let every: Vec<u8> = (1..=255).filter(|b| *b != b'/').collect();
    let name = std::ffi::OsStr::from_bytes(&every[..200]);
    fs::write(app.join(name), "odd").unwrap();
    fs::write(app.join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(app.join("run"), fs::Permissions::from_mode(0o4755)).unwrap();
    symlink("nowhere", app.join("dangling")).unwrap();
    fs::create_dir(app.join("closed")).unwrap();
    fs::write(app.join("closed/in"), "in").unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(app.join("run")).unwrap().set_modified(then).unwrap();
    fs::set_permissions(app.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let pack = bench.pack("null", "true", "");
    bench.mason(&["build", "app", "-b", &pack, "-o", "out"]).ok();
    let out = bench.root().join("out");
    assert_eq!(fs::read(out.join(name)).unwrap(), b"odd");
    let meta = out.join("run").metadata().unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.modified().unwrap()), (0o4755, then));
    assert_eq!(out.join("closed").metadata().unwrap().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_link(out.join("dangling")).unwrap().to_str(), Some("nowhere"));
}

#[test]
fn a_cache_named_relative_to_the_caller_is_used_again() {
    let bench = Bench::new();
    let pack = bench.pack("count", "echo x >>\"$2/builds\"; wc -l <\"$2/builds\" | tr -d ' '", "");
    bench.mason(&["build", "app", "-b", &pack, "-c", "kept"]).ok();
    let said = bench.mason(&["build", "app", "-b", &pack, "-c", "kept"]).ok();
    assert!(said.out.contains("\n2\n"), "{}", said.out);
    assert_eq!(bench.read("kept/builds"), "x\nx\n");
}
