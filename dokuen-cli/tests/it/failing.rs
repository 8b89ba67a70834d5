//! Pushes that fail on their way: git refuses them, the reason is told, and the old release serves on without one
//! failed request, with the state on the disk, the processes and the ports that it had.

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::load::Load;
use crate::outcome::Outcome;

fn live_app() -> App {
    live_on(Host::new())
}

/// One whose new releases have no patience.
fn hasty_app() -> App {
    let app = Host::new().app("hello", "python");
    app.dokuen("config_set", &["DOKUEN_BOOT_TIMEOUT=1"]).ok();
    app.greeting("live").push().ok();
    app
}

fn live_on(host: Host) -> App {
    let app = host.app("hello", "python");
    app.greeting("live").push().ok();
    app
}

/// Runs something that must fail under load, and looks at everything that must have stayed as it was.
#[track_caller]
fn changes_nothing(app: &App, fail: impl FnOnce(&App) -> Outcome) -> Outcome {
    let (before, processes) = (app.host.snapshot(), app.host.app_processes());
    let ports = app.host.reserved();
    let load = Load::on(app);
    let failed = fail(app).fails().stderr_lacks("panicked");
    app.serves("live");
    load.none_failed();
    eventually("only the old processes are left", || app.host.app_processes() == processes);
    assert_eq!(app.host.reserved(), ports);
    before.unchanged_in(app.host.dir());
    failed
}

/// A push that fails, then the same commit by `dokuen deploy` with its exit status, then a push that works.
#[track_caller]
fn push_and_deploy(app: &App, exit: i32, words: &[&str]) {
    let before = app.pushed("master");
    let pushed = changes_nothing(app, App::push);
    assert_eq!(app.pushed("master"), before, "git, disk and traffic agree");
    app.push_to("HEAD:refs/heads/again").ok();
    let deployed = changes_nothing(app, |app| app.dokuen("deploy", &["--rev=again"])).exits(exit);
    for word in words {
        assert!(pushed.err.contains(word), "{word}\n{pushed}");
        assert!((deployed.out() + &deployed.err).contains(word), "{word}\n{deployed}");
    }
    app.become_fixture("python").greeting("after").push().ok().serving("after");
}

/// Answers, and ends after a moment: its database is not to be had, say.
const DIES: &str = "import http.server, os, threading
threading.Timer(0.2, os._exit, [3]).start()
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(os.environ['PORT']), bind='127.0.0.1')
";
/// What listens is not what was started.
const DAEMON: &str = "import http.server, os
if os.fork() or (os.setsid() or os.fork()): os._exit(0)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(os.environ['PORT']), bind='127.0.0.1')
";

#[test]
fn it_ends_while_another_process_is_waited_for() {
    let app = live_app();
    app.dokuen("scale", &["worker=1"]).ok();
    app.with("dies.py", DIES).with("Procfile", "web: python3 dies.py\nworker: exec sleep 1000\n");
    push_and_deploy(&app, 6, &["web.1 exited with 3 before it was ready"]);
}

#[test]
fn what_listens_is_left_by_what_was_started() {
    let app = live_app();
    app.with("daemon.py", DAEMON).with("Procfile", "web: python3 daemon.py\n");
    push_and_deploy(&app, 6, &["web.1 exited with 0 before it was ready"]);
}

#[test]
fn it_crashes_at_once() {
    let app = live_app();
    app.become_fixture("crash");
    push_and_deploy(&app, 6, &["web.1 exited with 3", "boom: no such config", "hint: dokuen logs --application=hello"]);
}

#[test]
fn it_never_listens() {
    let app = hasty_app();
    app.become_fixture("deaf");
    push_and_deploy(&app, 6, &["web.1 did not answer on port", "within 1 s"]);
}

#[test]
fn it_listens_on_another_port() {
    let app = hasty_app();
    app.become_fixture("wrong-port");
    push_and_deploy(&app, 6, &["web.1 did not answer on port", "listening on 127.0.0.1:"]);
}

#[test]
fn it_answers_500() {
    let app = hasty_app();
    app.become_fixture("sick");
    push_and_deploy(&app, 6, &["web.1 did not answer on port", "500"]);
}

#[test]
fn one_process_of_several_crashes() {
    let app = live_app();
    app.dokuen("scale", &["web=2", "worker=1"]).ok();
    app.with("Procfile", "web: exec python3 server.py\nworker: echo lost my queue; exit 9\n");
    push_and_deploy(&app, 6, &["worker.1 exited with 9", "lost my queue"]);
}

#[test]
fn the_procfile_is_empty_or_gone() {
    let app = live_app();
    app.with("Procfile", "");
    let failed = changes_nothing(&app, App::push).stderr_has("Procfile");
    assert!(!failed.err.contains("starting"), "{failed}");
    app.git(&["rm", "-q", "Procfile"]).ok();
    app.commit("none");
    push_and_deploy(&app, 7, &["Procfile"]);
}

#[test]
fn each_step_of_a_build_fails() {
    let app = live_app();
    for (pack, words) in [
        ("buildpack-fail-compile", &["compile failed", "exited with 7"][..]),
        ("buildpack-fail-release", &["release"]),
        ("buildpack-bad-yaml", &["release"]),
        ("buildpack-of-nothing", &["failed to clone buildpack"]),
    ] {
        let path = app.host.temp().join("packs").join(pack);
        if pack != "buildpack-of-nothing" {
            app.host.buildpack(pack);
        }
        app.with(".buildpacks", format!("{}\n", path.display()));
        let pushed = changes_nothing(&app, App::push);
        app.push_to("HEAD:refs/heads/again").ok();
        let deployed = changes_nothing(&app, |app| app.dokuen("deploy", &["--rev=again"])).exits(7);
        for word in words {
            assert!(pushed.err.contains(word), "{pack}: {word}\n{pushed}");
            assert!(deployed.err.contains(word), "{pack}: {word}\n{deployed}");
        }
    }
    app.git(&["rm", "-q", ".buildpacks"]).ok();
    app.greeting("after").push().ok().serving("after");
}

#[test]
fn the_command_after_the_build_fails() {
    let app = live_app();
    app.dokuen("config_set", &["DOKUEN_AFTER_BUILD=echo migrating; exit 5"]).ok();
    app.greeting("next");
    push_and_deploy_with(&app, 1, &["DOKUEN_AFTER_BUILD failed; the release was not started", "exited with 5"]);
    app.dokuen("config_delete", &["DOKUEN_AFTER_BUILD"]).ok();
    app.push().ok().serving("next");
}

#[test]
fn the_release_line_of_the_procfile_fails() {
    let app = live_app();
    app.with("Procfile", "web: exec python3 server.py\nrelease: echo migrating >&2; exit 6\n");
    push_and_deploy(&app, 1, &["release failed; the release was not started", "exited with 6", "migrating"]);
}

#[track_caller]
fn push_and_deploy_with(app: &App, exit: i32, words: &[&str]) {
    let pushed = changes_nothing(app, App::push);
    app.push_to("HEAD:refs/heads/again").ok();
    let deployed = changes_nothing(app, |app| app.dokuen("deploy", &["--rev=again"])).exits(exit);
    for word in words {
        assert!(pushed.err.contains(word) && deployed.err.contains(word), "{word}\n{pushed}{deployed}");
    }
}

#[test]
fn nginx_refuses_the_first_push_of_an_app() {
    let host = Host::with(Options { spoilable_nginx: true, ..Options::default() });
    let other = live_on(host.clone());
    let app = host.app("fresh", "python");
    host.nginx_refuses(true);
    changes_nothing(&other, |_| app.push()).stderr_has("unknown directive \"servr\" in vhost.conf:3");
    assert!(!app.exists("current") && app.pushed("master").is_empty());
    app.push_to("HEAD:refs/heads/again").ok();
    changes_nothing(&other, |_| app.dokuen("deploy", &["--rev=again"])).exits(8).stderr_has("unknown directive");
    host.nginx_refuses(false);
    app.push().ok().serving("Hello from Python, version 1");
}

#[test]
fn nginx_refuses_a_change_of_names_and_a_scale_that_needs_more_slots() {
    let app = live_on(Host::with(Options { spoilable_nginx: true, ..Options::default() }));
    app.host.nginx_refuses(true);
    for args in [["config_set", "ADDITIONAL_DOMAINS=www.example.org"], ["scale", "web=9"]] {
        changes_nothing(&app, |app| app.dokuen(args[0], &args[1..])).exits(8).stderr_has("unknown directive");
    }
    // What nginx need not be asked for goes on.
    app.greeting("next").push().ok().serving("next");
    app.host.nginx_refuses(false);
    app.dokuen("config_set", &["ADDITIONAL_DOMAINS=www.example.org"]).ok();
    assert_eq!(app.get_as("www.example.org", "/").body, b"next\n");
}

#[test]
fn the_ports_are_all_taken() {
    let host = Host::with(Options { ports: 2, ..Options::default() });
    let app = live_on(host.clone());
    let other = host.app("other", "python");
    other.push().ok();
    // Both ports of the range serve; a redeploy needs a third.
    changes_nothing(&app, |app| app.dokuen("restart", &[])).stderr_has("port");
    changes_nothing(&app, |app| app.greeting("next").push()).stderr_has(&format!(
        "no free port between {} and {}",
        host.min_port(),
        host.max_port()
    ));
}

#[test]
fn a_config_that_the_app_cannot_start_with_is_taken_back() {
    let app = Host::new().app("hello", "needs-env");
    app.push().fails().stderr_has("web.1 exited with 4");
    app.dokuen("config_set", &["REQUIRED=yes"]).ok();
    app.greeting("live").push().ok();
    changes_nothing(&app, |app| app.dokuen("config_delete", &["REQUIRED"])).exits(6);
    changes_nothing(&app, |app| app.dokuen("config_set", &["REQUIRED="])).exits(6).stderr_has("exited with 4");
    app.dokuen("config", &[]).ok().stdout_is("REQUIRED=yes\n");
}

#[test]
fn an_app_that_leaves_daemons_behind_and_fails_leaves_none() {
    let app = live_app();
    app.become_fixture("grandchildren");
    let web = std::fs::read_to_string(app.checkout.join("web.py")).unwrap();
    app.with("web.py", web.replace("server.serve(", "raise SystemExit(7)\nserver.serve("));
    changes_nothing(&app, App::push).stderr_has("web.1 exited with 7");
}

#[test]
fn a_spoilt_dotenv_is_named_and_what_runs_is_left_alone() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let pid = app.text("/pid");
    std::fs::write(app.release("current").join(".env"), "A=1\nnot a line\n").unwrap();
    app.dokuen("restart", &[]).exits(1).stderr_has("/.env`").stderr_has("line 2 of .env is not NAME=value");
    app.dokuen("run", &["true"]).exits(1).stderr_has("line 2 of .env is not NAME=value");
    assert_eq!(app.text("/pid"), pid);
}

#[test]
fn the_procfile_of_the_directory_that_is_the_app_is_the_one_that_is_checked() {
    let app = Host::new().app("hello", "python");
    app.with("services/web/Procfile", "web: one\nweb: two\n");
    app.dokuen("config_set", &["DOKUEN_BUILD_DIR=services/web"]).ok();
    app.push().fails().stderr_has("line 2 of the Procfile names web a second time");
    assert!(!app.exists("current"));
}
