//! Buildpacks as Heroku's are: detect, compile, release; installed or named.

use crate::host::Host;

#[test]
fn installed_ones_are_listed_updated_and_removed() {
    let host = Host::new();
    let (make, null) = (host.buildpack("buildpack-make"), host.buildpack("buildpack-null"));
    host.dokuen(&["install_buildpack", null.to_str().unwrap()]).ok().stdout_has("installed buildpack null");
    host.dokuen(&["buildpacks:install", make.to_str().unwrap()]).ok();
    let list = host.dokuen(&["buildpacks"]).ok().out();
    let wanted = format!("  = make: {}\n  = null: {}\n", make.display(), null.display());
    assert!(list.starts_with("* buildpacks (") && list.contains(&wanted), "{list}");
    host.dokuen(&["install_buildpack", null.to_str().unwrap()]).ok();
    host.dokuen(&["remove_buildpack", "make"]).ok().stdout_has("removed buildpack make");
    assert!(!host.dokuen(&["buildpacks"]).ok().out().contains("= make"));
}

#[test]
fn the_first_by_name_that_wants_the_tree_is_used() {
    let host = Host::new();
    for pack in ["buildpack-null", "buildpack-make", "buildpack-fail-detect"] {
        host.dokuen(&["install_buildpack", host.buildpack(pack).to_str().unwrap()]).ok();
    }
    host.app("made", "hello").push().ok().stderr_has("= name: make");
    host.app("plain", "python").push().ok().stderr_has("= name: null");
}

#[test]
fn a_branch_a_tag_and_a_commit_can_be_named() {
    let host = Host::new();
    let app = host.app("hello", "python");
    let script = |text: &str| format!("#!/bin/sh\necho '-----> {text}'\n");
    let pack = |text: &str| {
        let compile = script(text);
        let scripts = [("detect", &b"#!/bin/sh\n"[..]), ("compile", compile.as_bytes())];
        host.buildpack_of("buildpack-refs", &scripts)
    };
    let repo = pack("as it was");
    let git = |args: &[&str]| {
        let mut command = host.command("git");
        crate::outcome::run(command.arg("-C").arg(&repo).args(args), b"", None).ok().out().trim().to_owned()
    };
    let old = git(&["rev-parse", "HEAD"]);
    git(&["tag", "v1"]);
    git(&["branch", "old"]);
    std::fs::write(repo.join("bin/compile"), script("as it is")).unwrap();
    git(&["commit", "-qam", "newer"]);
    for (reference, said) in
        [("", "as it is"), ("#v1", "as it was"), ("#old", "as it was"), (&format!("#{old}"), "as it was")]
    {
        app.with(".buildpacks", format!("{}{reference}\n", repo.display()));
        app.push().ok().stderr_has(&format!("+ {said}"));
    }
    app.with(".buildpacks", format!("{}#nosuch\n", repo.display()));
    app.push().fails().stderr_has("failed to check out branch nosuch");
    app.dokuen("config_set", &[&format!("BUILDPACK_URL=file://{}#v1", repo.display())]).ok();
    app.commit("BUILDPACK_URL goes before .buildpacks").push().ok().stderr_has("+ as it was");
}

#[test]
fn a_build_sees_its_directory_its_cache_and_the_config_as_files() {
    let host = Host::new();
    let pack = host.buildpack("buildpack-env");
    let app = host.app("hello", "python");
    let value = "two words\nand a line\n";
    app.dokuen("config_set", &["TOKEN=SECRET_1", &format!("LONG={value}"), "GIT_DIR=x"]).ok();
    app.with(".buildpacks", format!("{}\n", pack.display()));
    app.push().ok().stderr_lacks("SECRET_1");
    let release = app.release("current");
    let read = |path: &str| std::fs::read_to_string(release.join(path)).unwrap();
    let args = read("build-args.txt");
    let args: Vec<_> = args.lines().collect();
    assert_eq!(args[..2], [release.to_str().unwrap(); 2], "it is built where it will run");
    assert_eq!(args[2], app.dir().join("build").to_str().unwrap());
    assert_eq!((read("env-dir/TOKEN").as_str(), read("env-dir/LONG").as_str()), ("SECRET_1", value));
    let environment = read("build-env.txt");
    let id = format!("REQUEST_ID={}", release.file_name().unwrap().display());
    assert!(environment.lines().any(|line| line == id), "{id}\n{environment}");
    for name in ["GIT_DIR=", "GIT_QUARANTINE_PATH=", "GIT_OBJECT_DIRECTORY=", "TOKEN="] {
        assert!(!environment.lines().any(|line| line.starts_with(name)), "{name}\n{environment}");
    }
    assert!(!std::path::Path::new(args[3]).exists(), "the copy of the config is gone");
}

#[test]
fn the_cache_lives_from_build_to_build() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.with(".buildpacks", format!("{}\n", host.buildpack("buildpack-cache").display()));
    app.push().ok().stderr_has("+ Build number 1");
    app.greeting("again").push().ok().stderr_has("+ Build number 2");
    std::fs::remove_dir_all(app.dir().join("build")).unwrap();
    app.greeting("anew").push().ok().stderr_has("+ Build number 1");
}

#[test]
fn a_noisy_build_cannot_draw_on_the_pushers_terminal() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.with(".buildpacks", format!("{}\n", host.buildpack("buildpack-noisy").display()));
    let pushed = app.push().ok();
    let control = pushed.err.chars().find(|c| c.is_control() && !"\n\t".contains(*c));
    assert_eq!(control, None, "{:?}", pushed.err);
}

#[test]
fn a_release_gives_defaults_processes_and_a_profile() {
    let host = Host::new();
    let pack = host.buildpack("buildpack-release");
    let app = host.app("hello", "static-page");
    app.git(&["rm", "-q", "Procfile"]).ok();
    app.with(".buildpacks", format!("{}\n", pack.display())).push().ok();
    assert_eq!(app.get("/").status, 200);
    let all = "MODE ANSWER NOTHING EQUATION ALPHA COMMENT COLON TILDE VERSION DOLLAR APOSTROPHE UNICODE";
    let script = all.split(' ').map(|name| format!("printf '%s|' \"${name}\"; ")).collect::<String>();
    app.dokuen("run_command", &["sh", "-c", &script]).ok().stdout_is(
        "0755|yes||a = b + c, x=1|  kept   blanks  |before # after|key: value|~|1.10|$HOME and `id` and \"quotes\" and \\n|it's|žluťoučký|",
    );
    app.dokuen("run_command", &["sh", "-c", "echo $PROFILE_D; fixture-tool"])
        .ok()
        .stdout_is("yes\nfound through PATH\n");
    app.dokuen("scale", &["urgent-worker=1"]).ok();
    app.comes_to_run(&["urgent-worker.1", "web.1"]);
    app.dokuen("config_set", &["VERSION=mine"]).ok();
    app.dokuen("run_command", &["sh", "-c", "echo $VERSION"]).ok().stdout_is("mine\n");
}

#[test]
fn without_a_procfile_and_a_buildpack_that_wants_it_there_is_no_build() {
    let host = Host::new();
    host.dokuen(&["install_buildpack", host.buildpack("buildpack-fail-detect").to_str().unwrap()]).ok();
    let app = host.app("hello", "worker-only");
    app.git(&["rm", "-q", "Procfile"]).ok();
    app.commit("none").push().fails().stderr_has("no valid buildpack detected");
}
