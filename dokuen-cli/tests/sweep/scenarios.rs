//! The commands that are swept: what must be so before, how each is run, what can be seen of it, and the clean command
//! that must work after any fault.

use std::fs;
use std::path::PathBuf;

use crate::app::App;
use crate::invariants::names;
use crate::outcome::{Outcome, run};
use crate::world::{World, key};

/// One command.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// Which process is swept.
    pub whose: Whose,
    /// Makes it so that the command has something to do; gives back what is seen when it has done it.
    pub prepare: fn(&World) -> Vec<String>,
    /// The command.
    pub command: fn(&World) -> (PathBuf, Vec<String>),
    /// Its standard input.
    pub input: fn(&World) -> Vec<u8>,
    /// What can be seen of it. A command that fails has changed none of it, one that was killed each or none.
    pub look: fn(&World) -> Vec<String>,
    /// A clean command on what the fault has left. It must work, and panics where it does not.
    pub mend: fn(&World),
}

/// Whose system calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The command's own.
    Command,
    /// Those of the hook that `git push` runs.
    Hook,
    /// Those of the wrappers that it starts.
    Wrapper,
}

pub const ALL: [Scenario; 17] = [
    Scenario { whose: Whose::Hook, ..of("deploy", next_release, push, greeting_and_ref) },
    of("scale-up", |w| scaled(w, "web=1", "web=3"), |w| w.on_app("scale", &["web=3"]), scale),
    of("scale-down", |w| scaled(w, "web=3", "web=1"), |w| w.on_app("scale", &["web=1"]), scale),
    Scenario { mend: mend_config, ..of("config_set", next_config, set_config, config) },
    Scenario { mend: mend_config, ..of("config_delete", there_is_config, unset_config, config) },
    Scenario { mend: mend_domains, ..of("domains", other_domains, set_domains, domains) },
    of("rollback", two_releases, |w| w.on_app("rollback", &[]), greeting),
    of("restart", greeting, |w| w.on_app("restart", &[]), greeting),
    Scenario { whose: Whose::Wrapper, ..of("wrapper", greeting, |w| w.on_app("restart", &[]), greeting) },
    Scenario { mend: use_new_app, ..of("create", no_new_app, |w| w.dokuen(&["create", "--application=new"]), new_app) },
    Scenario { mend: call_it_other, ..of("apps:rename", it_is_called_other, rename, name_of_other) },
    Scenario { mend: destroy_again, ..of("apps:destroy", there_is_a_new_app, destroy, new_app) },
    Scenario { input: hellos_export, mend: destroy_again, ..of("apps:import", no_new_app, import, new_app) },
    Scenario { input: bobs_key, mend: mend_keys, ..of("adduser", no_bob, |w| w.dokuen(&["adduser", "bob"]), bob) },
    Scenario { mend: mend_keys, ..of("removeuser", there_is_bob, |w| w.dokuen(&["removeuser", "bob"]), bob) },
    Scenario { mend: mend_pack, ..of("install_buildpack", no_pack, install_pack, pack) },
    Scenario { mend: mend_setup, ..of("setup", greeting, setup, greeting) },
];

const fn of(
    name: &'static str,
    prepare: fn(&World) -> Vec<String>,
    command: fn(&World) -> (PathBuf, Vec<String>),
    look: fn(&World) -> Vec<String>,
) -> Scenario {
    Scenario { name, whose: Whose::Command, prepare, command, input: |_| Vec::new(), look, mend: push_again }
}

impl World {
    fn on_app(&self, command: &str, args: &[&str]) -> (PathBuf, Vec<String>) {
        let app = format!("--application={}", self.app.name);
        self.dokuen(&[&[command, &app][..], args].concat())
    }

    fn file(&self, path: &str) -> String {
        fs::read_to_string(self.app.dir().join(path)).unwrap_or_else(|_| "none".to_owned())
    }
}

fn push_again(world: &World) {
    let greeting = world.next_greeting();
    world.app.greeting(&greeting).push().ok().serving(&greeting);
}

fn greeting(world: &World) -> Vec<String> {
    vec![world.app.text("/").trim_end().to_owned()]
}

fn greeting_and_ref(world: &World) -> Vec<String> {
    vec![greeting(world).remove(0), world.app.pushed("master")]
}

fn next_release(world: &World) -> Vec<String> {
    let greeting = world.next_greeting();
    world.app.greeting(&greeting);
    vec![greeting, world.app.git_says(&["rev-parse", "HEAD"])]
}

fn push(world: &World) -> (PathBuf, Vec<String>) {
    let checkout = world.app.checkout.display().to_string();
    (PathBuf::from("git"), ["-C", &checkout, "push", "dokuen", "master"].map(str::to_owned).to_vec())
}

fn scaled(world: &World, from: &str, to: &str) -> Vec<String> {
    world.app.dokuen("scale", &[from]).ok();
    vec![to.to_owned()]
}

fn scale(world: &World) -> Vec<String> {
    vec![world.file("env/DOKUEN_SCALE")]
}

fn next_config(world: &World) -> Vec<String> {
    world.next_greeting();
    let value = world.next_greeting();
    fs::write(world.host.temp().join("value"), &value).unwrap();
    vec![value.clone(), value.clone(), value]
}

fn set_config(world: &World) -> (PathBuf, Vec<String>) {
    let value = fs::read_to_string(world.host.temp().join("value")).unwrap();
    world.on_app("config_set", &[&format!("A={value}"), &format!("B={value}")])
}

fn there_is_config(world: &World) -> Vec<String> {
    let value = world.next_greeting();
    world.app.dokuen("config_set", &[&format!("A={value}"), &format!("B={value}")]).ok();
    vec!["none".to_owned(), "none".to_owned(), "404".to_owned()]
}

/// The files, and what the process has.
fn config(world: &World) -> Vec<String> {
    let answer = world.app.get("/env/A");
    let has = if answer.status == 200 { String::from_utf8_lossy(&answer.body).into_owned() } else { "404".to_owned() };
    vec![world.file("env/A"), world.file("env/B"), has]
}

fn unset_config(world: &World) -> (PathBuf, Vec<String>) {
    world.on_app("config_delete", &["A", "B"])
}

/// The next command has finished the change or taken it back, never half of it.
fn mend_config(world: &World) {
    push_again(world);
    let now = config(world);
    let has = if now[0] == "none" { "404" } else { &now[0] };
    assert!(now[0] == now[1] && now[2] == has, "half a change of the config: {now:?}");
}

fn other_domains(world: &World) -> Vec<String> {
    let name = format!("www{}.example.org", world.next_greeting().replace("release ", ""));
    fs::write(world.host.temp().join("name"), &name).unwrap();
    vec![name, "200".to_owned()]
}

fn set_domains(world: &World) -> (PathBuf, Vec<String>) {
    let name = fs::read_to_string(world.host.temp().join("name")).unwrap();
    world.on_app("config_set", &[&format!("ADDITIONAL_DOMAINS={name}")])
}

/// The name that is set, and what is answered to the one that is to be.
fn domains(world: &World) -> Vec<String> {
    let name = fs::read_to_string(world.host.temp().join("name")).unwrap();
    vec![world.file("env/ADDITIONAL_DOMAINS"), world.app.get_as(&name, "/").status.to_string()]
}

/// nginx and the config say the same again.
fn mend_domains(world: &World) {
    push_again(world);
    let now = domains(world);
    let is_set = now[0] == fs::read_to_string(world.host.temp().join("name")).unwrap();
    assert_eq!(now[1], if is_set { "200" } else { "404" }, "{now:?}");
    // Whoever changes something of nginx next sweeps what a test of a candidate could not remove.
    world.app.dokuen("config_delete", &["ADDITIONAL_DOMAINS"]).ok();
}

fn two_releases(world: &World) -> Vec<String> {
    let before = world.next_greeting();
    world.app.greeting(&before).push().ok().serving(&before);
    push_again(world);
    vec![before]
}

fn no_new_app(world: &World) -> Vec<String> {
    if new_app(world) != ["none"] {
        world.host.dokuen(&["apps:destroy", "--application=new", "--confirm=new"]).ok();
    }
    vec!["new".to_owned()]
}

const NAMES: [&str; 2] = ["other", "renamed"];

fn called(world: &World) -> String {
    world.host_apps().into_iter().find(|name| NAMES.contains(&name.as_str())).unwrap()
}

/// As if it never had another name.
fn it_is_called_other(world: &World) -> Vec<String> {
    call_it_other(world);
    for dir in ["apps", "run"] {
        let _ = fs::remove_file(world.host.dir().join(dir).join("renamed"));
    }
    ["renamed", "404", "200"].map(str::to_owned).to_vec()
}

fn rename(world: &World) -> (PathBuf, Vec<String>) {
    world.dokuen(&["apps:rename", "--application=other", "renamed"])
}

/// What it is called, and what is answered to either name.
fn name_of_other(world: &World) -> Vec<String> {
    let status = |name: &str| world.other.get_as(&format!("{name}.dokuen.test"), "/").status.to_string();
    vec![called(world), status("other"), status("renamed")]
}

/// The next command has finished the rename or taken it back, and it can have its name back.
fn call_it_other(world: &World) {
    let name = called(world);
    world.host.dokuen(&["restart", "-a", &name]).ok();
    let [is, other] = if name == "other" { ["200", "404"] } else { ["404", "200"] };
    assert_eq!(name_of_other(world), [&name, is, other]);
    if name != "other" {
        world.host.dokuen(&["apps:rename", "-a", &name, "other"]).ok();
        assert_eq!(name_of_other(world), ["other", "200", "404"]);
    }
}

fn there_is_a_new_app(world: &World) -> Vec<String> {
    if new_app(world) == ["none"] {
        world.host.dokuen(&["create", "--application=new"]).ok();
    }
    push_new_app(world).ok();
    vec!["none".to_owned()]
}

fn destroy(world: &World) -> (PathBuf, Vec<String>) {
    world.dokuen(&["apps:destroy", "--application=new", "--confirm=new"])
}

fn new_app(world: &World) -> Vec<String> {
    let apps = world.host.dokuen(&["apps"]).ok().out();
    vec![if apps.lines().any(|l| l == "new") { "new".to_owned() } else { "none".to_owned() }]
}

fn push_new_app(world: &World) -> Outcome {
    let checkout = world.host.temp().join("src/new");
    let app = if checkout.exists() {
        App { host: world.host.clone(), name: "new".to_owned(), checkout }
    } else {
        App::copied(&world.host, "new", "static-page")
    };
    let pushed = app.commit("again").push();
    assert!(pushed.code != 0 || app.get("/").status == 200, "the new app does not answer");
    pushed
}

/// Whether it is there or not: it can be made, pushed to and destroyed.
fn use_new_app(world: &World) {
    if new_app(world) == ["none"] {
        world.host.dokuen(&["create", "--application=new"]).ok();
    } else {
        world.host.dokuen(&["create", "--application=new"]).fails().stderr_has("exists already");
    }
    push_new_app(world).ok();
    world.host.dokuen(&["apps:destroy", "--application=new", "--confirm=new"]).ok();
    push_again(world);
}

/// One that is still there is destroyed by the next try.
fn destroy_again(world: &World) {
    if new_app(world) == ["new"] {
        world.host.dokuen(&["apps:destroy", "--application=new", "--confirm=new"]).ok();
    }
    use_new_app(world);
}

fn import(world: &World) -> (PathBuf, Vec<String>) {
    world.dokuen(&["apps:import", "--name=new"])
}

fn hellos_export(world: &World) -> Vec<u8> {
    world.host.dokuen(&["apps:export", &world.app.name, "--releases"]).ok().out
}

fn bobs_key(world: &World) -> Vec<u8> {
    key(world.host.temp(), "bob").into_bytes()
}

fn bob(world: &World) -> Vec<String> {
    let lines = fs::read_to_string(world.home.join(".ssh/authorized_keys")).unwrap_or_default();
    vec![if lines.contains("dokuen-shell' bob\"") { "bob".to_owned() } else { "none".to_owned() }]
}

fn no_bob(world: &World) -> Vec<String> {
    if world.host.dir().join("keys/bob.key").exists() {
        world.host.dokuen(&["removeuser", "bob"]).ok();
    }
    vec!["bob".to_owned()]
}

fn there_is_bob(world: &World) -> Vec<String> {
    world.host.dokuen_given(&["adduser", "bob"], &bobs_key(world)).ok();
    vec!["none".to_owned()]
}

/// Put in and taken out again, whatever the fault has left; then sshd's file and `keys/` say the same.
fn mend_keys(world: &World) {
    world.host.dokuen_given(&["adduser", "bob"], &bobs_key(world)).ok();
    assert_eq!(bob(world), ["bob"]);
    world.host.dokuen(&["keys"]).ok().stdout_has("bob").stdout_has("keeper");
    world.host.dokuen(&["removeuser", "bob"]).ok();
    assert_eq!(bob(world), ["none"]);
    let left: Vec<_> = names(&world.host.dir().join("keys")).into_iter().filter(|n| n.contains("bob")).collect();
    assert_eq!(left, Vec::<String>::new());
}

fn no_pack(world: &World) -> Vec<String> {
    if pack(world) != ["none"] {
        world.host.dokuen(&["buildpacks:uninstall", "null"]).ok();
    }
    vec!["null".to_owned()]
}

fn install_pack(world: &World) -> (PathBuf, Vec<String>) {
    let repo = world.host.buildpack("buildpack-null").display().to_string();
    world.dokuen(&["install_buildpack", &repo])
}

fn pack(world: &World) -> Vec<String> {
    let listed = world.host.dokuen(&["buildpacks"]).ok().out();
    vec![if listed.contains("= null: ") { "null".to_owned() } else { "none".to_owned() }]
}

fn mend_pack(world: &World) {
    let (program, args) = install_pack(world);
    run(&mut world.behind(&[], &program, &args), b"", None).ok();
    assert_eq!(pack(world), ["null"]);
    push_again(world);
    world.host.dokuen(&["buildpacks:uninstall", "null"]).ok();
    push_again(world);
}

fn setup(world: &World) -> (PathBuf, Vec<String>) {
    // As an upgrade does it: the programs of the new version, on the host of the old one.
    let dir = world.host.dir().display().to_string();
    (PathBuf::from(env!("CARGO_BIN_EXE_dokuen")), ["setup", &dir, "--yes"].map(str::to_owned).to_vec())
}

fn mend_setup(world: &World) {
    let (program, args) = setup(world);
    run(&mut world.behind(&[], &program, &args), b"", None).ok();
    push_again(world);
}
