//! Whatever is in a tree, mason's result holds it as it was.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use dokuen_build::{Format, package};
use dokuen_core::{Environment, Silent};
use proptest::prelude::*;

use crate::host::{Host, named};

/// What can lie in a directory.
#[derive(Debug, Clone)]
enum Node {
    File { bytes: Vec<u8>, mode: u32, at: u32 },
    Link { to: OsString },
    Dir { mode: u32, at: u32, nodes: BTreeMap<OsString, Node> },
}

/// Every byte but `/` and NUL.
fn name() -> impl Strategy<Value = OsString> {
    let byte = (1..=255u8).prop_filter("no separator", |byte| *byte != b'/');
    let bytes = prop::collection::vec(byte, 1..40).prop_map(OsString::from_vec);
    bytes.prop_filter("no name of the system or of ours", |name| {
        ![".", "..", ".env", "Procfile"].map(OsStr::new).contains(&name.as_os_str())
    })
}

fn node() -> impl Strategy<Value = Node> {
    // The owner may read: who builds is not always root.
    let file = (prop::collection::vec(any::<u8>(), 0..2000), 0..0o1000u32, any::<u32>())
        .prop_map(|(bytes, mode, at)| Node::File { bytes, mode: mode | 0o400, at });
    // Most of them lead nowhere.
    let link = name().prop_map(|to| Node::Link { to });
    prop_oneof![3 => file, 1 => link].prop_recursive(3, 24, 6, |inner| {
        let mode = prop::sample::select(vec![0o700, 0o755, 0o750, 0o711, 0o1777]);
        (mode, any::<u32>(), prop::collection::btree_map(name(), inner, 0..6)).prop_map(|(mode, at, nodes)| Node::Dir {
            mode,
            at,
            nodes,
        })
    })
}

fn plant(path: &Path, node: &Node) {
    let time = |path: &Path, at: u32| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at.into());
        File::open(path).unwrap().set_modified(at).unwrap();
    };
    match node {
        Node::File { bytes, mode, at } => {
            fs::write(path, bytes).unwrap();
            time(path, *at);
            fs::set_permissions(path, Permissions::from_mode(*mode)).unwrap();
        }
        Node::Link { to } => symlink(to, path).unwrap(),
        Node::Dir { mode, at, nodes } => {
            fs::create_dir(path).unwrap();
            nodes.iter().for_each(|(name, node)| plant(&path.join(name), node));
            fs::set_permissions(path, Permissions::from_mode(*mode)).unwrap();
            time(path, *at);
        }
    }
}

/// Kind, mode, time and content of all that is below, but for what a build adds.
fn state(root: &Path) -> BTreeMap<PathBuf, (u32, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let meta = path.symlink_metadata().unwrap();
            let content = match meta.file_type() {
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_vec(),
                kind if kind.is_dir() => Vec::new(),
                _ => fs::read(&path).unwrap(),
            };
            if meta.is_dir() {
                dirs.push(path.clone());
            }
            all.insert(path.strip_prefix(root).unwrap().to_owned(), (meta.mode(), meta.mtime(), content));
        }
    }
    all.remove(Path::new(".env"));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn modes_times_links_and_names_survive_in_a_directory_and_in_an_archive(
        nodes in prop::collection::btree_map(name(), node(), 1..8)
    ) {
        let host = Host::new();
        nodes.iter().for_each(|(name, node)| plant(&host.app().join(name), node));
        let before = state(&host.app());
        let pack = host.pack("none", "true", "true");
        let build = |to: &str, format| {
            let to = host.root().join(to);
            package(&host.plan(named(&[pack.to_str().unwrap()])), &Environment::default(), format, &to, &mut Silent).unwrap();
            to
        };
        prop_assert_eq!(&state(&build("dir", Format::Dir)), &before);
        let (one, two) = (build("one.tgz", Format::Tgz), build("two.tgz", Format::Tgz));
        prop_assert_eq!(fs::read(&one).unwrap(), fs::read(two).unwrap());
        let out = host.root().join("unpacked");
        fs::create_dir(&out).unwrap();
        let tar = Command::new("tar").arg("-xpzf").arg(one).arg("-C").arg(&out).output().unwrap();
        prop_assert!(tar.status.success());
        prop_assert_eq!(&state(&out), &before);
        prop_assert_eq!(&state(&host.app()), &before);
    }
}
