//! An app moves from one machine to another, over the connections of both.

use std::process::Stdio;

use crate::app::App;
use crate::door::Door;
use crate::outcome::run;

#[test]
fn an_app_moves_from_one_connection_to_the_other() {
    let (old, new) = (Door::with_anna(), Door::with_anna());
    new.add("olga", &[]).ok();
    let app = old.app("anna", "blog", "python");
    old.ssh_given("anna", "dokuen config:set -a blog A=-", b"a\nsecret \xff").ok();
    old.git("anna", &app, &["push", "dokuen", "master"]).ok();
    old.ssh("anna", "dokuen domains:add -a blog www.blog.test").ok();
    let mut export = old.ssh_command("anna", &[], &["dokuen apps:export blog --releases"]);
    let mut sender = export.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut import = new.ssh_command("olga", &[], &["dokuen apps:import"]);
    let receiver = import.stdin(sender.stdout.take().unwrap()).output().unwrap();
    assert!(sender.wait().unwrap().success() && receiver.status.success(), "{receiver:?}");
    let said = String::from_utf8(receiver.stdout).unwrap();
    assert!(said.contains("* imported blog\n") && !said.contains("secret"), "{said}");
    let moved = App { host: new.host.clone(), ..app };
    moved.serves("Hello from Python, version 1");
    assert_eq!(moved.env("A"), b"a\nsecret \xff");
    assert_eq!(moved.get_as("www.blog.test", "/").status, 200);
    // Whoever imports it owns it, and nobody else has a role in it.
    new.ssh("olga", "dokuen access -a blog").ok().stdout_has("olga  owner\n").stdout_has("anna  admin\n");
    new.ssh("olga", "dokuen events -a blog").ok().stdout_has("apps:import");
    moved.git(&["remote", "set-url", "dokuen", &new.url("blog")]).ok();
    moved.greeting("two");
    new.git("olga", &moved, &["push", "dokuen", "master"]).ok().serving("two");
}

#[test]
fn only_owners_export_and_what_is_for_admins_stays_theirs() {
    let (door, other) = (Door::with_anna(), Door::with_anna());
    for (name, here) in [("olga", &door), ("carl", &door), ("bob", &door), ("olga", &other)] {
        here.add(name, &[]).ok();
    }
    door.ssh("olga", "dokuen create blog").ok();
    door.ssh("olga", "dokuen grant carl -a blog").ok();
    door.ssh("carl", "dokuen apps:export blog").exits(4).stderr_has("only an owner of blog").says_nothing_else();
    door.ssh("bob", "dokuen apps:export blog").exits(3).says_nothing_else();
    door.ssh("anna", "dokuen domains:add -a blog '*.blog.test'").ok();
    let archive = door.ssh("olga", "dokuen apps:export -a blog").ok().out;
    other.ssh("olga", "dokuen create first").ok();
    other.ssh("olga", "dokuen apps:destroy first --force").ok();
    other.ssh("olga", "dokuen apps:import").exits(2).stderr_has("the archive is refused");
    let before = other.host.snapshot();
    other.ssh_given("olga", "dokuen apps:import", &archive).exits(4).stderr_has("only an admin");
    before.unchanged_in(other.host.dir());
    other.ssh_given("olga", "dokuen apps:import --no-domains", &archive).ok();
    other.ssh_given("anna", "dokuen apps:import --name=second", &archive).ok();
    other.ssh("olga", "dokuen apps").ok().stdout_is("blog\n");
    // A connection that is lost half-way leaves nothing.
    other.ssh_given("olga", "dokuen apps:import --name=third", &archive[..archive.len() / 2]).exits(2);
    other.ssh("anna", "dokuen apps").ok().stdout_is("blog\nsecond\n");
    // From a checkout too.
    let app = App::copied(&other.host, "blog", "python");
    app.git(&["remote", "set-url", "dokuen", &other.url("blog")]).ok();
    let mut client = other.host.command(env!("CARGO_BIN_EXE_dokuen"));
    client.current_dir(&app.checkout).env("DOKUEN_SSH", other.ssh_words("olga").join(" ")).arg("apps:export");
    let again = run(&mut client, b"", None).ok().out;
    other.ssh("olga", "dokuen apps:destroy blog --force").ok();
    other.ssh_given("olga", "dokuen apps:import", &again).ok();
}
