//! What a person does all day, over ssh.

use crate::app::App;
use crate::door::Door;

#[test]
fn from_create_to_a_live_app() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok().stderr_has("* deployed blog v1");
    app.serves("Hello from Python, version 1");
    // Who comes by ssh pushes by ssh: a path of the host is of no use to them.
    for line in ["dokuen create notes", "dokuen info notes"] {
        let said = door.ssh("anna", line).ok().stdout_has("@localhost:notes.git\n").out();
        assert!(!said.contains("/repos/"), "{said}");
    }
    door.host.dokuen(&["info", "notes"]).ok().stdout_has("/repos/notes.git\n");
    door.ssh("anna", "dokuen apps:destroy notes --force").ok();
    door.ssh("anna", "dokuen scale --application=blog web=2").ok();
    app.comes_to_run(&["web.1", "web.2"]);
    door.ssh("anna", "dokuen logs --application=blog -n 5").ok();
    door.ssh("anna", "dokuen ps -a blog").ok().stdout_has("web.2");
    door.ssh("anna", "apps").ok().stdout_is("blog\n");
    let events = door.ssh("anna", "dokuen events").ok().out();
    let what: Vec<_> = events.lines().map(|l| l.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")).collect();
    let what: Vec<_> = what.into_iter().filter(|line| !line.contains("notes")).collect();
    assert_eq!(what[1], "anna blog ok create", "{events}");
    assert!(what[2].starts_with("anna blog ok deploy ") && what[2].ends_with(" from master"), "{events}");
    assert_eq!(what[3], "anna blog ok scale web=2", "{events}");
    assert!(door.ssh("anna", "dokuen releases -a blog").ok().out().contains("anna"));
    let clone = door.host.temp().join("clone");
    door.git("anna", &app, &["clone", "-q", &door.url("blog"), clone.to_str().unwrap()]).ok();
    assert!(clone.join("server.py").exists());
}

#[test]
fn without_a_command_a_person_is_welcomed() {
    let door = Door::with_anna();
    let out = crate::outcome::run(&mut door.ssh_command("anna", &["-T"], &[]), b"", None);
    out.ok().stdout_has("Hello anna").stdout_has("dokuen apps");
}

#[test]
fn values_arrive_byte_for_byte() {
    let door = Door::with_anna();
    door.ssh("anna", "dokuen create -a blog").ok();
    let dir = door.host.dir().join("apps/blog/env");
    for (line, name, value) in [
        ("dokuen config_set -a blog \"A=b;c|d\"", "A", "b;c|d"),
        ("dokuen config_set -a blog A=*.rb", "A", "*.rb"),
        ("dokuen config:set -a blog 'B=one  two'", "B", "one  two"),
        ("dokuen config:set -a blog 'B=$(id) `id` ${HOME} ~'", "B", "$(id) `id` ${HOME} ~"),
        ("dokuen config:set -a blog \"C=it's\"", "C", "it's"),
        ("dokuen config:set -a blog D=", "D", ""),
    ] {
        door.ssh("anna", line).ok();
        assert_eq!(std::fs::read(dir.join(name)).unwrap(), value.as_bytes(), "{line}");
    }
    door.ssh_given("anna", "dokuen config:set -a blog E=-", b"two\nlines \xff\n").ok();
    assert_eq!(std::fs::read(dir.join("E")).unwrap(), b"two\nlines \xff\n");
    door.ssh("anna", "dokuen config:set -a blog F=one two").exits(2).stderr_has("quote a value");
    door.ssh("anna", "dokuen config:set -a blog 'G=x\ny'")
        .exits(2)
        .stderr_has("control character")
        .stderr_has("NAME=-");
    door.ssh("anna", "dokuen config:set -a blog H=1 'G=x").exits(2).stderr_has("quote twice");
    assert!(["F", "G", "H"].iter().all(|name| !dir.join(name).exists()));
}

#[test]
fn a_command_has_its_arguments_input_terminal_and_exit_status() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok();
    let run = |line: &str, input: &[u8]| door.ssh_given("anna", &format!("dokuen run_command -a blog {line}"), input);
    run("printf '[%s]' 'a b' '' \"it's\" -x", b"").ok().stdout_is("[a b][][it's][-x]");
    run("cat", b"in\0put").ok().stdout_is("in\0put");
    run("sh -c 'exit 7'", b"").exits(7);
    run("sh -c 'kill -9 $$'", b"").exits(137);
    run("nosuchprogram", b"").exits(127);
    run("sh -c 'echo out; echo err >&2'", b"").ok().stdout_is("out\n").stderr_has("err");
    let line = "dokuen run -a blog sh -c 'test -t 0 && test -t 1 && echo \"$TERM\"; exit 3'";
    let mut with_terminal = door.ssh_command("anna", &["-tt"], &[line]);
    with_terminal.env("TERM", "vt100");
    crate::outcome::run(&mut with_terminal, b"", None).exits(3).stdout_has("vt100");
}

#[test]
fn the_repository_of_a_push_over_ssh_cannot_bring_its_own_hook() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    // As an app that runs under the same account might.
    let hook = app.repo().join("hooks/pre-receive");
    std::fs::remove_file(&hook).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();
    crate::host::make_executable(&hook);
    door.git("anna", &app, &["push", "dokuen", "master"]).ok().stderr_has("deployed blog");
    app.serves("Hello from Python, version 1");
}

#[test]
fn submodules_and_large_files_elsewhere_are_refused_by_name() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    let id = app.git_says(&["rev-parse", "HEAD"]);
    app.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},vendor/lib")]).ok();
    app.git(&["commit", "-q", "-m", "submodule"]).ok();
    door.git("anna", &app, &["push", "dokuen", "master"]).fails().stderr_has("\"vendor/lib\" is a submodule");
    app.git(&["reset", "-q", "--hard", "HEAD~1"]).ok();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    app.with("big.bin", pointer);
    door.git("anna", &app, &["push", "dokuen", "master"]).ok().stderr_has("\"big.bin\" looks like a Git LFS pointer");
    app.with(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    door.git("anna", &app, &["push", "dokuen", "master"]).fails().stderr_has("\"big.bin\" is stored with Git LFS");
    app.serves("Hello from Python, version 1");
}

#[test]
fn a_submodule_is_fetched_at_its_commit_from_where_the_conf_allows() {
    let door = Door::with_anna();
    let libraries = door.host.temp().join("libraries");
    let library = |name: &str| App { host: door.host.clone(), name: name.into(), checkout: libraries.join(name) };
    let (outer, inner) = (library("my.lib"), library("inner"));
    for one in [&outer, &inner] {
        std::fs::create_dir_all(&one.checkout).unwrap();
        one.git(&["init", "-q", "-b", "main"]).ok();
        one.with("file", format!("{} as pinned\n", one.name));
    }
    pin(&outer, "deep", &inner);
    let app = door.app("anna", "blog", "python");
    pin(&app, "vendor/lib", &outer);
    outer.with("file", "newer\n");
    let push = || door.git("anna", &app, &["push", "dokuen", "master"]);
    push().fails().stderr_has("\"vendor/lib\" is a submodule").stderr_has("submodule_urls in dokuen.conf");
    let conf = door.host.dir().join("dokuen.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&conf, format!("{text}submodule_urls: ['file://{}/']\n", libraries.display())).unwrap();
    push().ok().stderr_has("= submodule \"vendor/lib\": ").stderr_has("= submodule \"deep\": ");
    let file = |path: &str| std::fs::read_to_string(app.release("current").join(path)).unwrap();
    assert_eq!(file("vendor/lib/file"), "my.lib as pinned\n");
    assert_eq!(file("vendor/lib/deep/file"), "inner as pinned\n");

    // Its commit is here already: nobody is asked again.
    std::fs::rename(&libraries, door.host.temp().join("away")).unwrap();
    app.greeting("Hello again");
    push().ok().stderr_lacks("fetching").serving("Hello again");
    app.with(".gitmodules", "[submodule \"x\"]\npath = vendor/lib\nurl = ext::sh -c id\n");
    push().fails().stderr_has("\"vendor/lib\" is a submodule").still_serving("Hello again");
}

#[test]
fn a_submodule_that_cannot_be_fetched_is_called_so_with_the_cause() {
    let door = Door::with_anna();
    let libraries = door.host.temp().join("libraries");
    let library = App { host: door.host.clone(), name: "lib".into(), checkout: libraries.join("lib") };
    std::fs::create_dir_all(&library.checkout).unwrap();
    library.git(&["init", "-q", "-b", "main"]).ok();
    library.with("file", "kept\n");
    let app = door.app("anna", "blog", "python");
    let conf = door.host.dir().join("dokuen.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&conf, format!("{text}submodule_urls: ['file://{}/']\n", libraries.display())).unwrap();
    let push = || door.git("anna", &app, &["push", "-f", "dokuen", "master"]).fails().stderr_lacks("buildpack");

    // A commit that was pinned and never published.
    library.with("file", "lost\n");
    pin(&app, "vendor/lib", &library);
    let lost = library.git_says(&["rev-parse", "HEAD"]);
    library.git(&["reset", "-q", "--hard", "HEAD~1"]).ok();
    library.git(&["reflog", "expire", "--expire=now", "--all"]).ok();
    library.git(&["gc", "-q", "--prune=now"]).ok();
    push().stderr_has(&format!("submodule \"vendor/lib\" is pinned to {}, which is not in file://", &lost[..7]));

    std::fs::rename(&libraries, door.host.temp().join("away")).unwrap();
    app.greeting("again");
    push()
        .stderr_has("failed to fetch submodule \"vendor/lib\"")
        .stderr_has("fatal: '")
        .stderr_has("does not appear to be a git repository");
}

/// Commits the present state of `library` as a submodule of `app`.
fn pin(app: &App, path: &str, library: &App) {
    let id = library.git_says(&["rev-parse", "HEAD"]);
    let text = format!("[submodule \"it\"]\n\tpath = {path}\n\turl = file://{}\n", library.checkout.display());
    std::fs::write(app.checkout.join(".gitmodules"), text).unwrap();
    app.git(&["add", ".gitmodules"]).ok();
    app.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},{path}")]).ok();
    app.git(&["commit", "-q", "-m", "submodule"]).ok();
    std::fs::create_dir_all(app.checkout.join(path)).unwrap();
}

#[test]
fn a_push_that_is_too_large_is_refused_while_it_comes_in() {
    let conf = "stop_timeout: 3\ndrain_timeout: 3\npush_bytes: 100000\n";
    let door = Door::with(crate::host::Options { conf, ..Default::default() });
    door.add("anna", &["--admin"]).ok();
    let app = door.app("anna", "blog", "python");
    let mut noise = vec![0; 200_000];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").unwrap(), &mut noise).unwrap();
    app.with("noise", noise);
    door.git("anna", &app, &["push", "dokuen", "master"]).fails().stderr_has("exceeds maximum allowed size");
    assert_eq!(app.pushed("master"), "");
}

#[test]
fn force_pushes_are_denied_by_choice_of_the_app() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok();
    app.git(&["commit", "-q", "--amend", "-m", "other"]).ok();
    door.ssh("anna", "dokuen config:set -a blog DOKUEN_DENY_FORCE_PUSH=1").ok();
    door.git("anna", &app, &["push", "-f", "dokuen", "master"]).fails().stderr_has("non-fast-forward");
    door.ssh("anna", "dokuen config:unset -a blog DOKUEN_DENY_FORCE_PUSH").ok();
    door.git("anna", &app, &["push", "-f", "dokuen", "master"]).ok();
}
