//! Looks at `current` in a tight loop while releases change, beside a link that is removed and made again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::host::Host;

pub fn measure(looks: Option<usize>) {
    let wanted = looks.unwrap_or(1_000_000) as u64;
    let app = Host::new().app("hello", "hello").built_once();
    app.push().ok();
    app.greeting("two").push().ok();
    let rounds = AtomicU64::new(0);
    let next = || {
        app.dokuen("rollback", &[]).ok();
        rounds.fetch_add(1, Relaxed);
    };
    let (seen, missing) = reader(&app.dir().join("current/.dokuen/complete"), wanted, next);
    println!(
        "dokuen: {} rollbacks, {missing} of {seen} looks at `current` found nothing (target: 0 of 10^6)",
        rounds.load(Relaxed)
    );

    let dir = app.host.temp().join("by-hand");
    for tree in ["a", "b"] {
        fs::create_dir_all(dir.join(tree)).unwrap();
    }
    symlink("a", dir.join("current")).unwrap();
    let changes = AtomicU64::new(0);
    let next = || {
        for tree in ["b", "a"] {
            fs::remove_file(dir.join("current")).unwrap();
            symlink(tree, dir.join("current")).unwrap();
            changes.fetch_add(1, Relaxed);
        }
    };
    let (seen, missing) = reader(&dir.join("current"), wanted.min(100_000), next);
    println!("rm and ln -s: {} changes, {missing} of {seen} looks found nothing", changes.load(Relaxed));
}

/// Looks until it has looked so often, while `next` changes what is there, at least five times.
fn reader(path: &Path, wanted: u64, next: impl Fn()) -> (u64, u64) {
    let (over, seen, missing) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                seen.fetch_add(1, Relaxed);
                if path.metadata().is_err() {
                    missing.fetch_add(1, Relaxed);
                }
            }
        });
        let mut changes = 0;
        while seen.load(Relaxed) < wanted || changes < 5 {
            next();
            changes += 1;
        }
        over.store(true, Relaxed);
    });
    (seen.load(Relaxed), missing.load(Relaxed))
}
