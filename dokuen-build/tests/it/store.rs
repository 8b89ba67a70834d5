//! The machine's own buildpacks.

use dokuen_build::{BuildError, Choice};
use dokuen_core::{Collected, Silent};

use crate::host::{Host, commit, script, url};

fn installed(host: &Host) -> Vec<String> {
    host.redacted(host.store.list().unwrap().into_iter().map(|i| format!("{}: {}", i.name, i.url)).collect())
}

#[test]
fn installing_listing_updating_removing() {
    let host = Host::new();
    assert!(installed(&host).is_empty());
    let (b, a) = (host.repo("b", "true"), host.pack("a", "true", "true"));
    for path in [&b, &a] {
        host.store.install(&url(path.to_str().unwrap()), &host.env, &mut Silent).unwrap();
    }
    assert_eq!(installed(&host), ["a: ROOT/packs/buildpack-a", "b: ROOT/packs/buildpack-b"]);
    assert!(host.store.dir.join("b/bin/detect").is_file());
    let second = commit(&b);
    let update = host
        .store
        .install(&url(&format!("file://{}#main", b.display())), &host.env, &mut Collected::default())
        .unwrap();
    assert_eq!(update.commit.as_deref(), Some(second.as_str()));
    assert_eq!(installed(&host), ["a: ROOT/packs/buildpack-a", "b: file://ROOT/packs/buildpack-b#main"]);
    host.store.remove("b").unwrap();
    assert_eq!(installed(&host), ["a: ROOT/packs/buildpack-a"]);
    let names: Vec<_> =
        std::fs::read_dir(host.store.dir.join(".at")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "the files, their origin, the lock: {names:?}");
}

#[test]
fn what_a_killed_install_left_goes_with_the_next_one() {
    let host = Host::new();
    std::fs::create_dir_all(host.store.dir.join(".at/.new-a1b2c3/files")).unwrap();
    std::os::unix::fs::symlink(".at/null.a1b2c3", host.store.dir.join(".new-d4e5f6")).unwrap();
    let pack = host.pack("a", "true", "true");
    host.store.install(&url(pack.to_str().unwrap()), &host.env, &mut Silent).unwrap();
    let left = |dir: &str| dokuen_core::fs::names(&host.store.dir.join(dir)).unwrap();
    assert_eq!(left("."), [".at", "a"]);
    assert!(left(".at").iter().all(|name| !name.starts_with(".new-")), "{:?}", left(".at"));
}

#[test]
fn only_what_is_installed_can_be_removed() {
    let host = Host::new();
    std::fs::create_dir_all(host.store.dir.join("mine/bin")).unwrap();
    for name in ["nope", "..", "../..", "/etc", ".at", "", "-rf", "~", "$(id)", "ruby\n"] {
        let error = host.store.remove(name).unwrap_err();
        assert!(
            matches!(error, BuildError::NotInstalled { .. })
                && error.to_string().ends_with(" buildpack is not installed"),
            "{error}"
        );
    }
    host.store.remove("mine").unwrap();
    assert!(host.root().exists() && !host.store.dir.join("mine").exists());
}

#[test]
fn the_first_that_wants_the_tree_is_used() {
    let host = Host::new().with("Procfile", "web: x\n").with("go.mod", "");
    for (name, detect) in
        [("a", "exit 1"), ("b", r#"[ -f "$1/go.mod" ] && printf 'Go \033[1m1.2\033[0m\nmore\n'"#), ("c", "echo C")]
    {
        let pack = host.pack(name, "echo \"-----> $PWD\"", "true");
        script(&pack.join("bin/detect"), detect);
        host.store.install(&url(pack.to_str().unwrap()), &host.env, &mut Silent).unwrap();
    }
    let outcome = host.build(Choice::Detect);
    insta::assert_snapshot!(outcome.text(), @r"
    * detecting buildpack... done
      = name: b
      = url: ROOT/packs/buildpack-b
      = display: Go 1.2
    * compiling...
      caching in ROOT/cache
      + ROOT/app
    ");
    std::fs::remove_file(host.app().join("go.mod")).unwrap();
    host.store.remove("c").unwrap();
    assert!(host.build(Choice::Detect).text().contains("no buildpack: the Procfile is run as it is"));
    std::fs::remove_file(host.app().join("Procfile")).unwrap();
    assert_eq!(
        host.build(Choice::Detect).error(),
        "no valid buildpack detected\nasked: a, b; add a Procfile, set BUILDPACK_URL, or install a buildpack"
    );
}

#[test]
fn installs_at_once_leave_one_whole_buildpack() {
    let host = Host::new();
    let pack = host.pack("x", "true", "true");
    std::fs::create_dir_all(host.store.dir.join(".at/.new-stale")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| host.store.install(&url(pack.to_str().unwrap()), &host.env, &mut Silent).unwrap());
        }
    });
    assert!(host.store.dir.join("x/bin/detect").is_file());
    assert!(!host.store.dir.join(".at/.new-stale").exists());
}

#[test]
fn a_link_of_somebody_s_own_leads_to_files_that_no_name_stands_for() {
    let host = Host::new().with("Procfile", "web: x\n");
    let pack = host.pack("mine", "true", "true");
    std::fs::create_dir_all(&host.store.dir).unwrap();
    std::os::unix::fs::symlink(&pack, host.store.dir.join("mine")).unwrap();
    let recipe = |host: &Host| host.plan(Choice::Detect).recipe(&mut Silent).unwrap();
    assert!(recipe(&host).is_none(), "they may change under it, and then a slug must not be taken again");
    host.build(Choice::Detect).slug();
    host.store.remove("mine").unwrap();
    assert!(pack.join("bin/compile").exists());
    host.store.install(&url(pack.to_str().unwrap()), &host.env, &mut Silent).unwrap();
    assert!(recipe(&host).is_some());
}
