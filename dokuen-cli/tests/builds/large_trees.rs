//! A large tree of which little has changed begins with a spare of the one before, and is what git makes of it all the same.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::host::{Host, eventually};
use crate::managers::bare_app;
use crate::pushed::{host, push};

const FILES: usize = 1100;

fn large_app(host: &Host) -> App {
    let app = bare_app(host, "large", &[("Procfile", "worker: exec sleep 100000\n")]);
    for n in 0..FILES {
        write(&app, format!("d{}/f{n}", n % 10), "as it was\n");
    }
    app
}

fn write(app: &App, path: impl AsRef<Path>, text: &str) {
    let path = app.checkout.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The spare of what was pushed last.
fn spare(app: &App) -> PathBuf {
    let head = app.git_says(&["rev-parse", "HEAD"]);
    let found = || {
        let entries = fs::read_dir(app.dir().join("source")).ok()?.filter_map(Result::ok);
        entries.map(|entry| entry.path()).find(|path| path.file_stem() == Some(OsStr::new(head.trim())))
    };
    eventually("there is a spare tree", || found().is_some());
    found().unwrap()
}

fn inode(path: &Path) -> u64 {
    path.symlink_metadata().unwrap().ino()
}

type Entry = (u32, Vec<u8>);

/// Mode and content of all that is in a tree, but of what a build adds.
fn entries(tree: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![tree.to_owned()];
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(tree).unwrap().to_owned();
            if [".dokuen", ".env"].iter().any(|added| name == Path::new(added)) {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            let content = match meta.file_type() {
                kind if kind.is_dir() => {
                    dirs.push(path);
                    Vec::new()
                }
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec(),
                _ => fs::read(&path).unwrap(),
            };
            all.insert(name, (meta.mode(), content));
        }
    }
    all
}

/// What git makes of the commit that was pushed.
#[track_caller]
fn is_what_git_says(app: &App) {
    let (tree, tar) = (app.host.temp().join("whole"), app.host.temp().join("whole.tar"));
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir(&tree).unwrap();
    app.git(&["archive", "--output", tar.to_str().unwrap(), "HEAD"]).ok();
    let unpacked = app.host.command("tar").arg("-C").arg(&tree).arg("-xf").arg(&tar).status().unwrap();
    assert!(unpacked.success());
    let (is, wanted) = (entries(&app.release("current")), entries(&tree));
    let differs =
        |name: &&PathBuf| is.get(*name).map(|e| (e.0 & 0o111, &e.1)) != wanted.get(*name).map(|e| (e.0 & 0o111, &e.1));
    let all = is.keys().chain(wanted.keys());
    assert_eq!(all.filter(differs).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

#[test]
fn a_large_tree_of_which_little_has_changed_is_a_spare_brought_up_to_date() {
    let host = host();
    let app = large_app(&host);
    let odd = Path::new(OsStr::from_bytes(b"d1/odd \xff\n*"));
    for path in [Path::new("gone/only/x"), Path::new("run.sh"), Path::new("link/inside"), Path::new("file"), odd] {
        write(&app, path, "first\n");
    }
    app.commit("the app");
    push(&app).goes_live();
    is_what_git_says(&app);
    let waiting = inode(&spare(&app).join("d3/f3"));
    let before = app.release("current").join("d3/f3");

    for path in [Path::new("d0/f0"), odd, Path::new("new/deep/x"), Path::new(":(glob)d*"), Path::new("d2/--all")] {
        write(&app, path, "second\n");
    }
    for path in ["gone", "link", "file"] {
        app.git(&["rm", "-rq", path]).ok();
    }
    symlink("d0", app.checkout.join("link")).unwrap();
    write(&app, "file/inside", "a directory now\n");
    fs::set_permissions(app.checkout.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    app.commit("this and that");
    push(&app).goes_live();
    is_what_git_says(&app);
    let now = app.release("current").join("d3/f3");
    assert_eq!(inode(&now), waiting, "it was not taken");
    assert_ne!(inode(&now), inode(&before));

    // One that somebody has spoilt is not what is deployed.
    let outside = host.temp().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f0"), "somebody else's").unwrap();
    for spoilt in ["a file", "a link", "a gap"] {
        let waiting = spare(&app).join(if spoilt == "a gap" { "d5" } else { "d0" });
        fs::remove_dir_all(&waiting).unwrap();
        match spoilt {
            "a file" => fs::write(&waiting, "a file").unwrap(),
            "a link" => symlink(&outside, &waiting).unwrap(),
            _ => {}
        }
        write(&app, "d0/f0", spoilt);
        app.commit("one file");
        push(&app).goes_live();
        is_what_git_says(&app);
    }
    assert_eq!(fs::read_to_string(outside.join("f0")).unwrap(), "somebody else's");
}

#[test]
fn of_a_large_tree_all_is_written_where_much_has_changed_or_attributes_say_what_files_hold() {
    let host = host();
    let app = large_app(&host);
    app.commit("the app");
    push(&app).goes_live();
    let waiting = inode(&spare(&app).join("d3/f3"));
    for n in (0..FILES).filter(|n| n % 10 != 3) {
        write(&app, format!("d{}/f{n}", n % 10), "changed\n");
    }
    app.commit("nearly all");
    push(&app).goes_live();
    is_what_git_says(&app);
    assert_ne!(inode(&app.release("current").join("d3/f3")), waiting);

    spare(&app);
    write(&app, ".gitattributes", "d3/f3 export-subst\nd3/f13 export-ignore\n");
    write(&app, "d3/f3", "$Format:%H$\n");
    app.commit("attributes");
    push(&app).goes_live();
    is_what_git_says(&app);
    eventually("there is no spare of it", || !app.dir().join("source").exists());
    write(&app, "d4/f4", "changed once more\n");
    app.commit("with attributes");
    push(&app).goes_live();
    is_what_git_says(&app);

    app.git(&["rm", "-q", ".gitattributes"]).ok();
    app.commit("without");
    push(&app).goes_live();
    spare(&app);
    app.dokuen("builds:purge-cache", &[]).ok();
    assert!(!app.exists("source"), "the purge has left it");
}
