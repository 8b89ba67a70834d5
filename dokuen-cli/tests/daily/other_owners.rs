//! Root's own git and a host of another account: a push by root is refused and leaves nothing, and what root has left in
//! a repository all the same is named, and given back by whoever can.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use nix::unistd::User;

use crate::app::App;
use crate::host::{Host, Options};
use crate::outcome::{Outcome, run};

const FIRST: &str = "Hello from types, version 1";

/// An app that is live, of a host whose account is nobody; `None` where there is no root to make one.
fn of_nobody() -> Option<App> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let host = Host::not_set_up(&Options::default());
    fs::set_permissions(host.temp(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(host.temp().join("gitconfig"), "[safe]\n\tdirectory = *\n").unwrap();
    host.setup(&["--appuser=nobody"]).ok();
    let app = host.app("hello", "types");
    push_as_nobody(&app).ok().serving(FIRST);
    Some(app)
}

/// `git push` of someone who has heeded what git says of repositories of others.
fn push(app: &App, refspec: &str, account: Option<&User>) -> Outcome {
    let mut git = app.host.command("git");
    git.args(["push", "dokuen", refspec]).current_dir(&app.checkout);
    git.env("GIT_CONFIG_GLOBAL", app.host.temp().join("gitconfig"));
    if let Some(account) = account {
        git.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    run(&mut git, b"", Some(app.clone()))
}

fn nobody() -> User {
    User::from_name("nobody").unwrap().unwrap()
}

fn push_as_nobody(app: &App) -> Outcome {
    push(app, "master", Some(&nobody()))
}

/// `dokuen`, by the account itself.
fn as_nobody(host: &Host, args: &[&str]) -> Outcome {
    let account = nobody();
    run(host.command(host.program()).args(args).uid(account.uid.as_raw()).gid(account.gid.as_raw()), b"", None)
}

/// All that is root's below a directory.
fn of_root(dir: &Path) -> Vec<String> {
    let out = std::process::Command::new("find").arg(dir).args(["-user", "root"]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

/// What a push by root left before it was refused.
fn leave_roots_files(repo: &Path) {
    let objects = repo.join("objects/aa");
    fs::create_dir_all(&objects).unwrap();
    fs::write(objects.join("bb"), "x").unwrap();
    fs::set_permissions(&objects, fs::Permissions::from_mode(0o700)).unwrap();
    let id = fs::read(repo.join("refs/heads/master")).unwrap();
    fs::write(repo.join("refs/heads/side"), id).unwrap();
    fs::set_permissions(repo.join("refs/heads/side"), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_push_by_root_is_refused_and_leaves_nothing() {
    let Some(app) = of_nobody() else { return };
    app.git(&["tag", "v1"]).ok();
    app.greeting("two");
    for refspec in ["master:side", "v1", "master", ":master"] {
        let refused = push(&app, refspec, None).fails().still_serving(FIRST);
        refused
            .stderr_has("the repository of hello is nobody's, and what root pushes would lie in everybody's way")
            .stderr_has("sudo -u nobody git push ")
            .stderr_has(":hello.git")
            .stderr_lacks("not a git repository");
        assert_eq!(of_root(&app.repo()), Vec::<String>::new(), "{refspec}");
    }
    push_as_nobody(&app).ok().serving("two");
}

#[test]
fn what_root_left_in_a_repository_is_named_and_given_back_by_root() {
    let Some(app) = of_nobody() else { return };
    leave_roots_files(&app.repo());
    let secret = app.host.temp().join("secret");
    fs::write(&secret, "root's").unwrap();
    std::os::unix::fs::symlink(&secret, app.repo().join("objects/link")).unwrap();
    fs::hard_link(&secret, app.repo().join("objects/name")).unwrap();
    app.greeting("two");
    push_as_nobody(&app).fails().stderr_lacks("shallow").stderr_has("refs/heads/side").stderr_has("dokuen doctor");
    let (says, mend) = (
        format!("`{}` holds what is not nobody's: ", app.repo().display()),
        format!("sudo chown -R nobody: '{}'", app.repo().display()),
    );
    for doctor in [app.host.dokuen(&["doctor"]), as_nobody(&app.host, &["doctor", "--fix"])] {
        doctor.exits(9).stdout_has(&says).stdout_has(&mend);
    }
    assert_eq!(of_root(&app.repo().join("refs")).len(), 1, "a look changes nothing");
    // A further name may be that of any file of root's: it is named, and stays his.
    app.host.dokuen(&["doctor", "--fix"]).exits(9).stdout_has("mended   repositories").stdout_has(&says);
    assert_eq!(of_root(&app.repo()).len(), 2, "the link and the further name: {:?}", of_root(&app.repo()));
    assert_eq!(secret.metadata().unwrap().uid(), 0);
    for planted in ["link", "name"] {
        fs::remove_file(app.repo().join("objects").join(planted)).unwrap();
    }
    as_nobody(&app.host, &["doctor"]).ok().stdout_has("all in them is the account's");
    push_as_nobody(&app).ok().serving("two");
}

#[test]
fn setup_gives_back_what_root_left() {
    let Some(app) = of_nobody() else { return };
    leave_roots_files(&app.repo());
    app.host.setup(&["--appuser=nobody"]).ok().stdout_has("3 files that root had left in hello.git are nobody's now");
    assert_eq!(of_root(&app.repo()), Vec::<String>::new());
    app.greeting("two");
    push_as_nobody(&app).ok().serving("two");
}

#[test]
fn what_is_left_of_a_destroyed_app_is_named_and_goes() {
    let Some(app) = of_nobody() else { return };
    leave_roots_files(&app.repo());
    let left = app.host.dir().join("tmp/trash-gone-hello.git");
    app.dokuen("apps:destroy", &["--confirm=hello"]).ok().stderr_has("trash-gone-hello.git");
    let says = format!("`{}` cannot be removed", left.display());
    let mend = format!("sudo rm -rf '{}'", left.display());
    as_nobody(&app.host, &["doctor", "--fix"]).exits(9).stdout_has(&says).stdout_has(&mend);
    app.host.dokuen(&["doctor"]).exits(9).stdout_has(&says);
    app.host.dokuen(&["doctor", "--fix"]).ok().stdout_has("mended   repositories");
    assert!(!left.exists());
    app.host.dokuen(&["doctor"]).ok();
}
