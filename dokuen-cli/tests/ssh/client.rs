//! Client mode: `dokuen` in a checkout on a laptop.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::door::Door;
use crate::outcome::{Outcome, run};

/// The same program, where no conf lies beside it.
fn dokuen(door: &Door, app: &App, args: &[&str], input: &[u8]) -> Outcome {
    let mut command = door.host.command(PathBuf::from(env!("CARGO_BIN_EXE_dokuen")));
    command.current_dir(&app.checkout).env("DOKUEN_SSH", door.ssh_words("anna").join(" ")).args(args);
    run(&mut command, input, Some(app.clone()))
}

#[test]
fn values_keep_every_byte_and_the_app_is_the_remotes() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    let value = "one two\nthree 'four' \"five\" $(six) #seven \u{e9}";
    dokuen(&door, &app, &["config:set", &format!("A={value}"), "B=", "C=-"], b"from stdin\n").ok();
    for (name, value) in [("A", value), ("B", ""), ("C", "from stdin\n")] {
        assert_eq!(std::fs::read(app.dir().join("env").join(name)).unwrap(), value.as_bytes());
    }
    dokuen(&door, &app, &["config_set", "A=one", "two"], b"").exits(2).stderr_has("NAME=VALUE");
    dokuen(&door, &app, &["config"], b"").ok().stdout_has("from stdin");
    dokuen(&door, &app, &["apps"], b"").ok().stdout_is("blog\n");
    dokuen(&door, &app, &["-r", "nowhere", "apps"], b"").exits(2).stderr_has("no git remote \"nowhere\"");
    dokuen(&door, &app, &["ps", "-a", "other"], b"").exits(3);
    let events = door.ssh("anna", "dokuen events --json -n 3").ok().out();
    assert!(events.contains("config:set A B C") && !events.contains("one two"), "{events}");
}

#[test]
fn whoever_may_not_read_the_conf_of_the_server_itself_is_a_client_there_too() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    let (open, closed) = (Permissions::from_mode(0o755), Permissions::from_mode(0o600));
    for (path, mode) in [(door.host.temp(), open.clone()), (&app.checkout, open)] {
        std::fs::set_permissions(path, mode).unwrap();
    }
    std::fs::set_permissions(door.host.dir().join("dokuen.conf"), closed).unwrap();
    let as_nobody = |dir: &Path| {
        let mut command = door.host.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(door.host.program()).arg("apps");
        let safe = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")];
        run(command.current_dir(dir).env("DOKUEN_SSH", "echo").envs(safe), b"", None)
    };
    as_nobody(&app.checkout).ok().stdout_has("dokuen apps");
    as_nobody(Path::new("/")).exits(4).stderr_has("sudo dokuen");
}

/// At a terminal of a laptop, which is that of `script`.
fn edited_by(door: &Door, app: &App, editor: &str) -> Outcome {
    let mut script = door.host.command("script");
    script.current_dir(&app.checkout).env("DOKUEN_SSH", door.ssh_words("anna").join(" ")).env("EDITOR", editor);
    script.env("SHELL", "/bin/sh").env("TMPDIR", door.host.temp());
    let line = format!("'{}' config:edit", env!("CARGO_BIN_EXE_dokuen"));
    run(script.args(["-qec", &line, "/dev/null"]), b"", Some(app.clone()))
}

#[test]
fn config_vars_are_edited_on_a_laptop_and_nothing_that_was_written_is_lost() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    dokuen(&door, &app, &["config:set", "A=one", "B=x"], b"").ok();
    edited_by(&door, &app, "sed -i -e s/one/two/ -e /^B/d").ok().stdout_has("set A, unset B for blog");
    dokuen(&door, &app, &["config"], b"").ok().stdout_is("A=two\n");
    edited_by(&door, &app, "false").exits(1).stdout_has("the editor exited with 1; nothing was set");
    // What cannot be read is found here; what the host refuses comes back as its exit status.
    for (editor, exit, says, written) in [
        ("sed -i s/A=/A/", 2, "line 1 of what was saved", "Atwo\n"),
        ("sed -i s/A=.*/PORT=1/", 2, "PORT is set by Dokuen", "PORT=1\n"),
    ] {
        let said = edited_by(&door, &app, editor).exits(exit).stdout_has(says).out();
        let path = said.split_once("what you wrote is kept: mend '").unwrap_or_else(|| panic!("{said}")).1;
        let path = path.split_once('\'').unwrap().0;
        assert!(said.contains("dokuen config:import --replace --application=blog"), "{said}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), written);
    }
    dokuen(&door, &app, &["config"], b"").ok().stdout_is("A=two\n");
}

#[test]
fn another_remote_is_another_app() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.ssh("anna", "dokuen create -a blog-staging").ok();
    app.git(&["remote", "add", "staging", &door.url("blog-staging")]).ok();
    dokuen(&door, &app, &["-r", "staging", "config:set", "A=1"], b"").ok();
    assert!(door.host.dir().join("apps/blog-staging/env/A").exists() && !app.exists("env/A"));
}

#[test]
fn a_command_keeps_its_words_input_and_exit_status() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok();
    dokuen(&door, &app, &["run", "printf", "[%s]", "a b", "", "it's", "x\ny", "#z", "-r"], b"")
        .ok()
        .stdout_is("[a b][][it's][x\ny][#z][-r]");
    dokuen(&door, &app, &["run", "cat"], b"in\n").ok().stdout_is("in\n");
    dokuen(&door, &app, &["run", "sh", "-c", "exit 9"], b"").exits(9);
    app.git(&["remote", "set-url", "dokuen", "ssh://127.0.0.1:1/blog.git"]).ok();
    dokuen(&door, &app, &["ps"], b"").exits(255).stderr_has("Connection refused");
}

#[test]
fn a_remote_on_this_machine_needs_no_ssh() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    app.git(&["remote", "set-url", "dokuen", &app.repo().display().to_string()]).ok();
    dokuen(&door, &app, &["config:set", "A=1"], b"").ok();
    assert!(app.exists("env/A"));
}
