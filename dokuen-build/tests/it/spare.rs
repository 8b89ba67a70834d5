//! Copies that are made ready for the next build.

use std::fs;
use std::path::{Path, PathBuf};

use dokuen_build::{SpareRoom, make_spares};

const AMPLE: SpareRoom = SpareRoom { cache: u64::MAX, bytes: u64::MAX, files: u64::MAX };

/// A cache with a kept tree of two files and a directory under this key.
fn cache(temp: &Path, key: &str) -> PathBuf {
    let cache = temp.join("cache");
    fs::create_dir_all(cache.join("kept/tree/dir")).unwrap();
    fs::write(cache.join("kept/tree/dir/a"), "abc").unwrap();
    fs::write(cache.join("kept/tree/b"), "de").unwrap();
    fs::write(cache.join("kept/key"), key).unwrap();
    cache
}

fn key(first: char) -> String {
    format!("{} 2 5\n", String::from(first).repeat(64))
}

fn spares(cache: &Path, temp: &Path, room: SpareRoom) -> bool {
    make_spares(cache, temp, room).unwrap();
    let left = fs::read_dir(temp).unwrap().filter(|e| e.as_ref().unwrap().file_name() != "cache").count();
    assert_eq!(left, 0, "the scratch is gone");
    cache.join("kept.spare/tree/dir/a").is_file()
}

#[test]
fn one_is_made_where_there_is_room() {
    let temp = tempfile::tempdir().unwrap();
    let cache = cache(temp.path(), &key('a'));
    for short in [SpareRoom { cache: 10, ..AMPLE }, SpareRoom { bytes: 4, ..AMPLE }, SpareRoom { files: 3, ..AMPLE }] {
        assert!(!spares(&cache, temp.path(), short), "{short:?}");
    }
    assert!(spares(&cache, temp.path(), AMPLE));
    assert_eq!(fs::read_to_string(cache.join("kept.spare/key")).unwrap(), key('a'));
    assert!(!cache.join("kept.spare.spare").exists());
}

#[test]
fn one_of_something_else_is_replaced_and_one_of_the_same_is_left() {
    let temp = tempfile::tempdir().unwrap();
    let cache = cache(temp.path(), &key('a'));
    assert!(spares(&cache, temp.path(), AMPLE));
    fs::write(cache.join("kept.spare/tree/mark"), "").unwrap();
    assert!(spares(&cache, temp.path(), AMPLE));
    assert!(cache.join("kept.spare/tree/mark").exists());
    fs::write(cache.join("kept/key"), key('b')).unwrap();
    assert!(spares(&cache, temp.path(), AMPLE));
    assert!(!cache.join("kept.spare/tree/mark").exists());
    // A build has taken it.
    fs::remove_dir_all(cache.join("kept.spare/tree")).unwrap();
    assert!(spares(&cache, temp.path(), AMPLE));
}

#[test]
fn what_other_buildpacks_keep_under_such_names_is_theirs() {
    let temp = tempfile::tempdir().unwrap();
    for text in ["", "v1 2 5\n", "not a key of ours", &key('a').replace(" 2 5", ""), &key('a').repeat(9)] {
        let cache = cache(temp.path(), text);
        assert!(!spares(&cache, temp.path(), AMPLE) && !cache.join("kept.spare").exists(), "{text:?}");
    }
}

#[test]
fn a_cache_that_is_purged_meanwhile_gets_none() {
    for round in 0..50 {
        let temp = tempfile::tempdir().unwrap();
        let cache = cache(temp.path(), &key('a'));
        std::thread::scope(|scope| {
            // One that it cannot finish is none.
            let makes = scope.spawn(|| drop(make_spares(&cache, temp.path(), AMPLE)));
            while !makes.is_finished() && !is_copied(temp.path()) {}
            fs::rename(&cache, temp.path().join("trash")).unwrap();
            fs::create_dir(&cache).unwrap();
        });
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{round}: {left:?}");
    }
}

fn is_copied(temp: &Path) -> bool {
    let names = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
    // The tree, and the key that is being written beside it.
    names(temp).any(|scratch| names(&scratch.path().join("copy")).count() > 1)
}
