//! Pushes that can never go live are refused before anything is built, and leave no trace.

use crate::app::App;
use crate::host::Host;
use crate::outcome::Outcome;

fn live_app() -> App {
    let app = Host::new().app("hello", "static-page");
    app.with("index.html", "live").push().ok();
    app.with("index.html", "next");
    app
}

/// Nothing was built, nothing has changed, and what was live is.
#[track_caller]
fn before_anything_is_built(app: &App, push: impl FnOnce(&App) -> Outcome) -> Outcome {
    let (before, processes) = (app.host.snapshot(), app.host.processes());
    let refused = push(app).fails().still_serving("live").stderr_lacks("panicked").stderr_lacks("starting web");
    before.unchanged_in(app.host.dir());
    assert_eq!(app.host.processes(), processes);
    refused
}

#[test]
fn deleting_the_deployed_branch() {
    before_anything_is_built(&live_app(), |app| app.push_to(":master"))
        .stderr_has("master is the branch that is deployed; it cannot be deleted")
        .stderr_has("hint: dokuen shutdown --application=hello");
}

#[test]
fn a_tree_a_blob_and_a_tag_object() {
    let app = live_app();
    app.git(&["tag", "-a", "v1", "-m", "v1"]).ok();
    for (object, kind) in [("HEAD^{tree}", "tree"), ("HEAD:index.html", "blob"), ("v1", "tag")] {
        let id = app.git_says(&["rev-parse", object]);
        before_anything_is_built(&app, |app| app.push_to(&format!("+{id}:refs/heads/master")))
            .stderr_has(&format!("master must be a commit; {} is a {kind}", &id[..7]));
    }
}

#[test]
fn a_shallow_clone() {
    let app = live_app();
    app.commit("deeper").commit("and deeper");
    let clone = app.host.temp().join("shallow");
    let from = format!("file://{}", app.checkout.display());
    app.git(&["clone", "-q", "--depth=1", &from, clone.to_str().unwrap()]).ok();
    let remote = app.repo().display().to_string();
    let shallow = App { checkout: clone, ..app };
    before_anything_is_built(&shallow, |shallow| shallow.git(&["push", &remote, "+HEAD:master"])).stderr_has("shallow");
}

/// What git cannot read is not a history that was left out.
#[test]
fn a_repository_that_git_cannot_read_is_no_shallow_clone() {
    let app = live_app();
    std::fs::write(app.repo().join("refs/heads/side"), format!("{}\n", "a".repeat(40))).unwrap();
    before_anything_is_built(&app, App::push)
        .stderr_lacks("shallow")
        .stderr_has("bad object refs/heads/side")
        .stderr_has("dokuen doctor");
}

#[test]
fn a_tree_that_is_too_large_in_one_way_is_told_which() {
    let app = live_app();
    let conf = app.host.dir().join("dokuen.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    app.with("large", "x".repeat(20_000));
    for (bound, says) in [
        ("tree_bytes: 10000", "it holds more than 10000 bytes (tree_bytes in dokuen.conf allows more)"),
        ("tree_files: 1", "it holds more than 1 files"),
    ] {
        std::fs::write(&conf, format!("{text}{bound}\n")).unwrap();
        let refused = before_anything_is_built(&app, App::push).stderr_has(says);
        refused.stderr_lacks("268435456").stderr_lacks("200000");
    }
}

#[test]
fn a_non_fast_forward_that_the_repository_denies() {
    let app = live_app();
    app.git(&["-C", app.repo().to_str().unwrap(), "config", "receive.denyNonFastForwards", "true"]).ok();
    app.git(&["commit", "-q", "--amend", "-m", "another history"]).ok();
    app.git(&["reset", "-q", "--hard", "HEAD"]).ok();
    app.git(&["checkout", "-q", "--orphan", "anew"]).ok();
    app.commit("anew");
    before_anything_is_built(&app, |app| app.git(&["push", "-f", "dokuen", "anew:master"]))
        .stderr_has("non-fast-forward pushes are denied here");
}

#[test]
fn trees_that_git_could_not_check_out() {
    let app = live_app();
    let blob = app.git_says(&["rev-parse", "HEAD:index.html"]);
    let raw: Vec<u8> = (0..20).map(|i| u8::from_str_radix(&blob[2 * i..2 * i + 2], 16).unwrap()).collect();
    for names in [&[".."][..], &[".git"], &["a/../../x"], &["/etc/passwd"], &["a", "a"], &["."], &[""]] {
        let entries = names.iter().map(|n| [b"100644 ", n.as_bytes(), b"\0", &raw].concat());
        let bytes: Vec<u8> = entries.flatten().collect();
        let tree = app.git_given(&["hash-object", "-t", "tree", "--literally", "-w", "--stdin"], &bytes).ok().out();
        let commit = app.git_says(&["commit-tree", tree.trim(), "-p", "HEAD", "-m", "malformed"]);
        before_anything_is_built(&app, |app| app.push_to(&format!("{commit}:refs/heads/master")));
    }
}

#[test]
fn a_repository_of_another_object_format() {
    let app = live_app();
    let other = App { checkout: app.host.temp().join("sha256"), ..app.clone() };
    app.git(&["init", "-q", "--object-format=sha256", other.checkout.to_str().unwrap()]).ok();
    other.with("index.html", "sha256");
    let remote = app.repo().display().to_string();
    before_anything_is_built(&other, |other| other.git(&["push", &remote, "HEAD:master"]));
}

#[test]
fn a_pack_above_the_limit() {
    let app = live_app();
    let repo = app.repo().display().to_string();
    assert_ne!(app.git(&["-C", &repo, "config", "receive.maxInputSize"]).out(), "", "create sets a limit");
    app.git(&["-C", &repo, "config", "receive.maxInputSize", "100k"]).ok();
    let noise: Vec<u8> = (0u32..100_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    app.with("noise", noise);
    before_anything_is_built(&app, App::push).stderr_has("exceeds maximum allowed size");
}

#[test]
fn twenty_thousand_refs_in_one_push() {
    let app = live_app();
    let head = app.git_says(&["rev-parse", "HEAD"]);
    let refs: String = (0..20_000).map(|n| format!("create refs/heads/many/{n} {head}\n")).collect();
    app.git_given(&["update-ref", "--stdin"], refs.as_bytes()).ok();
    before_anything_is_built(&app, |app| app.push_to("refs/heads/many/*:refs/heads/many/*"))
        .stderr_has("the push changes 20000 refs; 1000 are allowed at once");
}

#[test]
fn a_release_that_is_not_the_apps_own_is_never_built_from_a_symlink() {
    let app = live_app();
    let secret = app.host.temp().join("Procfile");
    std::fs::write(&secret, "web: touch /tmp/PWNED\n").unwrap();
    std::fs::remove_file(app.checkout.join("Procfile")).unwrap();
    std::os::unix::fs::symlink(&secret, app.checkout.join("Procfile")).unwrap();
    app.commit("planted");
    before_anything_is_built(&app, App::push).stderr_has("Procfile");
}
