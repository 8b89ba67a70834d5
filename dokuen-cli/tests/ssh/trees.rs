//! Trees as git would never make them itself, written object by object.

use crate::app::App;

/// Mode, name, content: of a blob, or the id of a tree or commit.
type Entry<'a> = (&'a str, &'a [u8], Vec<u8>);

/// A commit with the files of HEAD and these besides.
pub fn with(app: &App, files: &[(&str, &[u8])]) -> String {
    let blobs: Vec<Entry<'_>> = files.iter().map(|(name, text)| ("100644", name.as_bytes(), blob(app, text))).collect();
    commit(app, &tree(app, &beside_head(app, blobs)))
}

/// The commit that a row of the catalogue describes; `None` when this table does not know how to make it.
pub fn of(app: &App, input: &str) -> Option<String> {
    let outside = app.host.temp().join("outside");
    let link = |to: &str| blob(app, to.as_bytes());
    let file = |text: &[u8]| blob(app, text);
    let inner = |name: &[u8]| raw(&tree(app, &[("100644", name, file(b"inside"))]));
    let entries: Vec<Entry<'_>> = match input {
        "entry '..' (tree)" => vec![("40000", b"..", inner(b"outside"))],
        "entry 'a/../../esc' (full path)" => vec![("100644", b"a/../../outside", file(b"out"))],
        _ if input.starts_with("same name twice") => {
            vec![("120000", b"x", link(outside.to_str()?)), ("40000", b"x", inner(b"file"))]
        }
        ".gitmodules with path ending in CR" => {
            let text = b"[submodule \"x\"]\n\tpath = \"sub\r\"\n\turl = https://git.invalid/x.git\n";
            vec![("100644", b".gitmodules", file(text))]
        }
        ".gitattributes with a 5 MB line" => vec![("100644", b".gitattributes", file(&vec![b'a'; 5_000_000]))],
        "1,000,001 files" => return Some(many(app)),
        _ if input.starts_with("names that differ only in case") => {
            vec![("100644", b"README", file(b"one")), ("100644", b"readme", file(b"two"))]
        }
        "symlink evil -> /etc/passwd" => vec![("120000", b"evil", link("/etc/passwd"))],
        "symlink loop a -> b -> a" => vec![("120000", b"a", link("b")), ("120000", b"b", link("a"))],
        _ if input.starts_with("directory tmp/") => {
            let names: [&[u8]; 4] = [b".heroku", b".profile.d", b"log", b"tmp"];
            names.into_iter().map(|name| ("40000", name, inner(b"file"))).collect()
        }
        "file name '--checkpoint-action=exec=id'" => vec![("100644", b"--checkpoint-action=exec=id", file(b"x"))],
        "file name with invalid UTF-8" => vec![("100644", b"caf\xe9\xff", file(b"x"))],
        "mode 104755 / 100666" => {
            vec![("104755", b"setuid", file(b"#!/bin/sh\n")), ("100666", b"shared", file(b"x"))]
        }
        "git-lfs pointer file" => {
            let text = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
            vec![("100644", b"big.bin", file(text))]
        }
        "0-byte file, 0 files besides Procfile" => vec![("100644", b"empty", file(b""))],
        _ => return None,
    };
    Some(commit(app, &tree(app, &beside_head(app, entries))))
}

/// The entries of HEAD and these, in git's order.
fn beside_head<'a>(app: &App, mut entries: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
    for line in app.git_says(&["ls-tree", "HEAD"]).lines() {
        let (facts, name) = line.split_once('\t').unwrap();
        let mut facts = facts.split(' ');
        let mode = if facts.next() == Some("100755") { "100755" } else { "100644" };
        let id = facts.nth(1).unwrap();
        entries.push((mode, name.to_owned().leak().as_bytes(), raw(id)));
    }
    entries.sort_by_key(|(mode, name, _)| if *mode == "40000" { [name, &b"/"[..]].concat() } else { name.to_vec() });
    entries
}

/// A million files and one, of two trees: git stores each once.
fn many(app: &App) -> String {
    let empty = blob(app, b"");
    let names: Vec<String> = (0..1000).map(|n| format!("{n:04}")).collect();
    let leaf: Vec<Entry<'_>> = names.iter().map(|name| ("100644", name.as_bytes(), empty.clone())).collect();
    let leaf = raw(&tree(app, &leaf));
    let top = names.iter().map(|name| ("40000", name.as_bytes(), leaf.clone())).collect();
    commit(app, &tree(app, &beside_head(app, top)))
}

fn blob(app: &App, text: &[u8]) -> Vec<u8> {
    raw(app.git_given(&["hash-object", "-w", "--stdin"], text).ok().out().trim())
}

fn tree(app: &App, entries: &[Entry<'_>]) -> String {
    let entry = |(mode, name, id): &Entry<'_>| [mode.as_bytes(), b" ", name, b"\0", id].concat();
    let bytes: Vec<u8> = entries.iter().flat_map(entry).collect();
    app.git_given(&["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &bytes).ok().out().trim().to_owned()
}

fn commit(app: &App, tree: &str) -> String {
    app.git_says(&["commit-tree", "-m", "a tree", "-p", "HEAD", tree])
}

/// An id as a tree holds it.
fn raw(id: &str) -> Vec<u8> {
    (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
}
