//! The same walk with Gitolite in front: its keys, its rules, its wild repositories, and Dokuen behind them.

use std::fs;

use crate::app::App;
use crate::door::Door;
use crate::gatekeeper::Gatekeeper;

/// bob may write to blog, but for its branch `main`; whoever likes may make repositories of their own.
const RULES: &str = "
repo blog
    -   main = bob
    RW+ = anna bob
repo notes
    option ENV.DOKUEN = no
    RW+ = bob
repo site
    option ENV.DOKUEN = app
    RW+ = Dora
repo [a-z].*
    C = bob carl Dora
    RW+ = CREATOR
    RW = WRITERS
";

#[test]
fn an_app_in_the_rules_from_create_to_live() {
    let gate = Gatekeeper::with(RULES);
    let app = gate.checkout("blog", "python");
    gate.push("bob", &app).ok().stderr_lacks("deploying");
    gate.door.ssh("carl", "dokuen create --application=blog").exits(4).stderr_has("rules do not give blog to carl");
    gate.door.ssh("bob", "dokuen create --application=blog").ok().stdout_has("git remote add dokuen");
    app.greeting("Hello from Gitolite");
    gate.push("bob", &app).ok().stderr_has("* deployed blog v1");
    app.serves("Hello from Gitolite");
    gate.door.ssh("anna", "dokuen apps").ok().stdout_is("blog\n");
    gate.door.ssh("carl", "dokuen apps").ok().stdout_is("");
    gate.door
        .ssh("anna", "dokuen access -a blog")
        .ok()
        .stdout_is("name  role\nanna  collaborator\nbob   collaborator\n");
    let events = gate.door.ssh("anna", "dokuen events").ok().out();
    let words = events.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("bob blog ok create") && words.contains("bob blog ok deploy "), "{events}");
}

#[test]
fn an_app_from_before_gitolite_is_refused_until_its_repository_is_moved() {
    let gate = Gatekeeper::with(RULES);
    let app = gate.checkout("shop", "python");
    gate.push("bob", &app).ok().stderr_has("* deployed shop v1");
    // As if it had been made without Gitolite: a repository of its own, in the place of the link.
    let link = gate.door.host.dir().join("repos/shop.git");
    fs::remove_file(&link).unwrap();
    app.git(&["init", "-q", "--bare", link.to_str().unwrap()]).ok();
    app.greeting("after");
    gate.push("bob", &app)
        .fails()
        .stderr_has("shop.git` is a repository of its own, from before Gitolite")
        .stderr_has("hint: on the host: mv ");
    gate.door.host.dokuen(&["doctor"]).stdout_has("is a repository of its own, from before Gitolite");
    gate.door.host.setup(&["--gitolite"]).ok().stderr_has("left to do: `").stderr_has("is a repository of its own");
    fs::remove_dir_all(&link).unwrap();
    gate.push("bob", &app).ok().serving("after");
    assert!(link.is_symlink());
}

#[test]
fn words_input_and_exit_statuses_arrive_although_gitolite_knows_no_quotes() {
    let gate = Gatekeeper::with(RULES);
    let (door, app) = (&gate.door, gate.checkout("shop", "python"));
    gate.push("bob", &app).ok().stderr_has("* created shop").stderr_has("* deployed shop v1");
    for value in ["one  two", "$(id) `id` ${HOME} ~ # ; & ?", "it's \"so\"", "../../etc", ""] {
        let line = format!("dokuen config:set -a shop 'A={}'", value.replace('\'', "'\\''"));
        door.ssh("bob", &line).ok();
        assert_eq!(app.env("A"), value.as_bytes(), "{line}");
    }
    door.ssh_given("bob", "dokuen config:set -a shop B=-", b"two\nlines \xff").ok();
    assert_eq!(app.env("B"), b"two\nlines \xff");
    door.ssh_given("bob", "dokuen run -a shop cat", b"in\0put").ok().stdout_is("in\0put");
    door.ssh("bob", "dokuen run -a shop printf '[%s]' 'a b' '' -x").ok().stdout_is("[a b][][-x]");
    for (line, exit) in [
        ("dokuen run -a shop sh -c 'exit 7'", 7),
        ("dokuen run -a shop sh -c 'kill -9 $$'", 137),
        ("dokuen config:set -a shop A=one two", 2),
        ("dokuen config -a 'x", 2),
        ("dokuen config -a nope", 3),
        ("dokuen setup /tmp/x", 4),
        ("dokuen --config /tmp/x apps", 4),
    ] {
        door.ssh("bob", line).exits(exit);
    }
    door.ssh("bob", "dokuen config -a shop\nid").fails().stderr_has("newlines").says_nothing_else();
    door.ssh("bob", "dokuen;id").fails().says_nothing_else();
    let mut encoded = door.ssh_command("bob", &[], &["dokuen --encoded config:set -a shop C=a%0Ab"]);
    crate::outcome::run(&mut encoded, b"", None).ok();
    assert_eq!(app.env("C"), b"a\nb");
}

#[test]
fn a_wild_repository_is_an_app_of_whoever_made_it() {
    let gate = Gatekeeper::with(RULES);
    let (door, app) = (&gate.door, gate.checkout("shop", "python"));
    gate.push("carl", &app).ok().stderr_has("* deployed shop v1");
    let (theirs, none) = (door.ssh("bob", "dokuen config -a shop"), door.ssh("bob", "dokuen config -a nope"));
    assert_eq!((theirs.code, theirs.out(), theirs.err.replace("shop", "nope")), (3, String::new(), none.err));
    gate.push("bob", &app).fails();
    door.ssh("carl", "perms shop + WRITERS bob").ok();
    door.ssh("bob", "dokuen config -a shop").ok();
    app.greeting("Hello from bob");
    gate.push("bob", &app).ok();
    app.serves("Hello from bob");
    door.ssh("bob", "dokuen apps:destroy -a shop --confirm shop").exits(4).stderr_has("only an owner of shop");
    door.ssh("carl", "dokuen apps:destroy -a shop --confirm shop").ok();
    assert!(gate.home().join("repositories/shop.git/HEAD").exists(), "the repository is Gitolite's");
    gate.push("bob", &app).ok().stderr_has("Everything up-to-date");
}

#[test]
fn what_gitolite_refuses_never_goes_live() {
    let gate = Gatekeeper::with(RULES);
    let app = gate.checkout("blog", "python");
    gate.door.ssh("anna", "dokuen create -a blog").ok();
    gate.push("anna", &app).ok();
    app.greeting("Hello from bob");
    gate.push("bob", &app).ok();
    gate.rule("repo blog\n    - VREF/NAME/secret = bob\n");
    app.with("secret", "").greeting("Hello from secret");
    gate.push("bob", &app)
        .fails()
        .stderr_has("Gitolite refuses it")
        .stderr_lacks("starting")
        .still_serving("Hello from bob");
    gate.door.git("bob", &app, &["push", "dokuen", "master:main"]).fails();
    app.serves("Hello from bob");
    gate.push("anna", &app).ok();
    app.serves("Hello from secret");
}

/// Its rules decide who may import what under which name, and what is in a repository comes by a push alone.
#[test]
fn an_app_moves_to_a_host_behind_gitolite() {
    let (old, gate) = (Door::with_anna(), Gatekeeper::with(RULES));
    let door = &gate.door;
    let app = old.app("anna", "blog", "python");
    old.git("anna", &app, &["push", "dokuen", "master"]).ok();
    old.ssh_given("anna", "dokuen config:set -a blog A=-", b"a\nsecret").ok();
    let export = |words: &str| old.ssh("anna", &format!("dokuen apps:export blog {words}")).ok().out;
    let (alone, whole) = (export(""), export("--releases"));
    for refused in [("carl", ""), ("bob", "--name=site")] {
        let line = format!("dokuen apps:import {}", refused.1);
        door.ssh_given(refused.0, &line, &whole).exits(4).stderr_has("rules do not give").says_nothing_else();
    }
    door.ssh("anna", "dokuen apps").ok().stdout_is("");
    // With its releases it is up at once; its repository stays as it was until somebody pushes.
    door.ssh_given("bob", "dokuen apps:import", &whole)
        .ok()
        .stdout_has("the repository is Gitolite's: push to it yourself")
        .stdout_has("* imported blog");
    let moved = App { host: door.host.clone(), ..app };
    moved.serves("Hello from Python, version 1");
    assert_eq!(moved.env("A"), b"a\nsecret");
    assert!(moved.repo().is_symlink() && gate.home().join("repositories/blog.git").is_dir());
    moved.git(&["remote", "set-url", "dokuen", &door.url("blog")]).ok();
    moved.greeting("two");
    gate.push("bob", &moved).ok().serving("two");
    // Without them it is built from its commit where the repository has that, as it has it now.
    door.ssh("anna", "dokuen apps:destroy blog --force").ok();
    door.ssh_given("bob", "dokuen apps:import", &alone).ok().stdout_has("* imported blog");
    moved.serves("Hello from Python, version 1");
    // And where it has not, everything else is there and the first push brings it up. A new wild one is made for it.
    door.ssh_given("carl", "dokuen apps:import --name=news", &alone)
        .ok()
        .stdout_has("nothing is deployed: git push to it");
    let news = App { name: "news".into(), ..moved };
    news.git(&["remote", "set-url", "dokuen", &door.url("news")]).ok();
    gate.push("carl", &news).ok().serving("two");
    assert_eq!(news.env("A"), b"a\nsecret");
    door.ssh("bob", "dokuen ps -a news").exits(3);
}

#[test]
fn other_repositories_stay_what_they_are() {
    let gate = Gatekeeper::with(RULES);
    for (name, who) in [("notes", "bob"), ("team/tools", "carl")] {
        let app = gate.checkout("plain", "python");
        app.git(&["remote", "set-url", "dokuen", &gate.door.url(name)]).ok();
        gate.push(who, &app).ok().stderr_lacks("* created").stderr_lacks("deploying");
        fs::remove_dir_all(&app.checkout).unwrap();
    }
    gate.door.ssh("anna", "dokuen apps").ok().stdout_is("");
    // On the host itself, past the rules, as Gitolite's own command for it does: there is nobody behind a key.
    let app = gate.checkout("local", "python");
    let notes = gate.home().join("repositories/notes.git");
    let mut push = gate.door.host.command("gitolite");
    push.env("HOME", gate.home()).current_dir(&app.checkout).args(["push", "-f", notes.to_str().unwrap(), "master"]);
    crate::outcome::run(&mut push, b"", None).ok().stderr_lacks("deploying");

    let app = gate.checkout("site", "python");
    gate.push("Dora@home", &app).ok().stderr_has("* created site").stderr_has("* deployed site v1");
}

#[test]
fn keys_and_rules_are_gitolites_and_setup_mends_its_wiring() {
    let gate = Gatekeeper::with(RULES);
    for (line, hint) in [
        ("dokuen adduser zoe", "keydir/NAME.pub"),
        ("dokuen removeuser bob", "keydir/NAME.pub"),
        ("dokuen keys", "keydir/NAME.pub"),
    ] {
        gate.door.ssh("anna", line).exits(4).stderr_has("Gitolite has the keys").stderr_has(hint);
    }
    gate.door.ssh("bob", "dokuen create -a shop").ok();
    gate.door.ssh("bob", "dokuen grant -a shop carl").exits(4).stderr_has("perms shop + WRITERS NAME");
    let keys = fs::read_to_string(gate.door.authorized_keys()).unwrap();
    assert!(!keys.contains("dokuen-shell"), "{keys}");

    let (rc, local) = (gate.home().join(".gitolite.rc"), gate.home().join("local"));
    let wired = fs::read_to_string(&rc).unwrap();
    fs::write(&rc, wired.split("# dokuen start").next().unwrap().to_owned() + "1;\n").unwrap();
    fs::remove_dir_all(&local).unwrap();
    gate.door.ssh("bob", "dokuen apps").fails();
    gate.door.host.dokuen(&["doctor"]).exits(9).stdout_has("Gitolite does not know the command dokuen");
    gate.door.host.setup(&["--gitolite"]).ok();
    gate.door.host.dokuen(&["doctor"]).stdout_has("Gitolite leads to Dokuen");
    gate.door.ssh("bob", "dokuen apps").ok().stdout_is("shop\n");

    let hook = local.join("hooks/common/pre-receive");
    fs::remove_file(&hook).unwrap();
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    gate.door.host.setup(&["--gitolite"]).ok().stderr_has("left to do").stderr_has("is there already");
    assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\n");
}

#[test]
fn setup_without_a_gitolite_says_what_comes_first() {
    let door = crate::door::Door::new();
    door.host.setup(&["--gitolite"]).exits(9).stderr_has("Gitolite was not set up").stderr_has("gitolite setup -pk");
}
