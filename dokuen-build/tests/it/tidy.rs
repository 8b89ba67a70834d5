//! Copies of buildpacks that nobody uses any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::host::{Host, commit, git};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The clones of that name.
fn clones(host: &Host, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(&host.store.clones).unwrap().map(|entry| entry.unwrap().path());
    let is_one = |path: &PathBuf| path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with(name);
    entries.filter(is_one).collect()
}

fn checkouts(host: &Host, name: &str) -> usize {
    clones(host, name).iter().map(|clone| fs::read_dir(clone.join("at")).unwrap().count()).sum()
}

fn age(path: &Path, days: u32) {
    let times = [path.join("url"), path.join("at")]
        .into_iter()
        .chain(fs::read_dir(path.join("at")).unwrap().map(|entry| entry.unwrap().path()));
    times.for_each(|path| fs::File::open(path).unwrap().set_modified(SystemTime::now() - DAY * days).unwrap());
}

#[test]
fn what_was_not_used_for_long_goes_and_is_fetched_again() {
    let host = Host::new().with("Procfile", "web: x\n");
    let pack = host.repo("old", "echo '-----> built'");
    host.build_with(&pack).slug();
    host.store.tidy(0, SystemTime::now() + DAY).unwrap();
    host.store.tidy(u64::MAX, SystemTime::now() + DAY * 59).unwrap();
    assert!(!host.build_with(&pack).text().contains("fetching"), "it stayed");
    host.store.tidy(u64::MAX, SystemTime::now() + DAY * 61).unwrap();
    assert_eq!(clones(&host, "old"), Vec::<PathBuf>::new());
    assert!(host.build_with(&pack).text().contains("  + built"));
    host.store.tidy(u64::MAX, SystemTime::now() + DAY).unwrap();
    assert_eq!(checkouts(&host, "old"), 1);
}

#[test]
fn a_commit_that_was_replaced_goes_before_the_one_in_use() {
    let host = Host::new().with("Procfile", "web: x\n");
    let pack = host.repo("two", "true");
    host.build_with(&pack).slug();
    age(&clones(&host, "two")[0], 61);
    fs::write(pack.join("README"), "x").unwrap();
    commit(&pack);
    host.build_with(&pack).slug();
    assert_eq!(checkouts(&host, "two"), 2);
    host.store.tidy(u64::MAX, SystemTime::now()).unwrap();
    assert_eq!(checkouts(&host, "two"), 1);
    assert!(!host.build_with(&pack).text().contains("fetching"));
}

#[test]
fn of_too_much_the_least_recently_used_goes_first_and_what_a_build_may_run_in_stays() {
    let host = Host::new().with("Procfile", "web: x\n");
    let packs = ["one", "two", "three"].map(|name| host.repo(name, "true"));
    packs.iter().for_each(|pack| assert!(host.build_with(pack).result.is_ok()));
    age(&clones(&host, "one")[0], 9);
    age(&clones(&host, "two")[0], 5);
    let size = |name| -> u64 {
        let sum = |path: &Path| walk(path);
        clones(&host, name).iter().map(|clone| sum(clone)).sum()
    };
    host.store.tidy(size("two") + size("three") + size("one") / 2, SystemTime::now()).unwrap();
    assert!(clones(&host, "one").is_empty() || checkouts(&host, "one") == 0);
    assert_eq!(checkouts(&host, "two"), 1);
    host.store.tidy(0, SystemTime::now()).unwrap();
    assert_eq!((clones(&host, "two").len(), checkouts(&host, "three")), (0, 1));
    // git is still content with what stayed.
    git(&clones(&host, "three")[0].join("git"), &["rev-parse", "--is-bare-repository"]);
}

fn walk(path: &Path) -> u64 {
    let meta = path.symlink_metadata().unwrap();
    let below =
        if meta.is_dir() { fs::read_dir(path).unwrap().map(|entry| walk(&entry.unwrap().path())).sum() } else { 0 };
    meta.len() + below
}
