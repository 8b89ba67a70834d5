//! Pushes that go live, and what their pusher is told.

use std::collections::BTreeSet;
use std::fs;
use std::time::SystemTime;

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::outcome::Outcome;

const HELLO: &str = "Hello from Python, version 1";

#[test]
fn the_first_push_goes_live_and_says_so() {
    let app = Host::new().app("hello", "python");
    let pushed = app.push().ok().serving(HELLO);
    insta::assert_snapshot!(transcript(&pushed, &app), @"
    * deploying COMMIT to hello
    * detecting buildpack... done
      = no buildpack: the Procfile is run as it is
    * starting web=1
      = v1 is live
    * deployed hello v1 in TIME s
      = http://hello.dokuen.test:PORT/
    ");
    assert_eq!(app.pushed("master"), app.git_says(&["rev-parse", "HEAD"]));
    app.release("current");
    assert!(!app.exists("previous"), "there was nothing before it");
}

#[test]
fn a_compiled_app_is_built_by_an_installed_buildpack() {
    let host = Host::new();
    let pack = host.buildpack("buildpack-make");
    host.dokuen(&["install_buildpack", pack.to_str().unwrap()]).ok();
    let app = host.app("hello", "hello");
    let pushed = app.push().ok().serving("Hello from Dokuen, version 1");
    insta::assert_snapshot!(transcript(&pushed, &app), @"
    * deploying COMMIT to hello
    * detecting buildpack... done
      = name: make
      = url: TEMP/packs/buildpack-make
      = commit: ID
      = display: Make
    * compiling...
      caching in TEMP/d/apps/hello/build
      + Compiling with make
          cc -O2 -Wall -Wextra -std=c11 -pthread -o hello hello.c
    * starting web=1
      = v1 is live
    * deployed hello v1 in TIME s
      = http://hello.dokuen.test:PORT/
    ");
}

#[test]
fn the_second_push_replaces_the_first_and_keeps_it_as_previous() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let first = app.release("current");
    app.greeting("two").push().ok().serving("two");
    assert_eq!(app.release("previous"), first);
    assert!(app.release("current") > first, "names are in the order of time");
    app.comes_to_run(&["web.1"]);
    app.greeting("three").push().ok().serving("three");
    assert_ne!(app.release("previous"), first);
}

#[test]
fn a_push_of_the_same_commit_changes_nothing_and_says_so() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let (current, pids) = (app.release("current"), app.pids());
    app.push().ok().stderr_has("Everything up-to-date");
    assert_eq!((app.release("current"), app.pids()), (current, pids));
}

#[test]
fn a_fresh_app_takes_main_and_remembers_it() {
    let app = Host::new().app("hello", "python");
    app.push_to("HEAD:main").ok().serving(HELLO);
    app.greeting("by master").push_to("HEAD:master").ok().stderr_has("refs/heads/master\" is stored, not deployed");
    app.serves(HELLO);
    app.push_to("HEAD:main").ok().serving("by master");
}

/// Of HEAD's files, with these lines for who wrote it.
fn old_commit(app: &App, tree: &str, author: &str, committer: &str) -> String {
    let parent = app.git_says(&["rev-parse", "HEAD"]);
    let text = format!("tree {tree}\nparent {parent}\nauthor {author}\ncommitter {committer}\n\nold\n");
    let made = app.git_given(&["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text.as_bytes());
    made.ok().out().trim().to_owned()
}

/// HEAD's files, and HEAD's files once more below an entry with this mode and name.
fn tree_with(app: &App, entry: &str) -> String {
    let id = app.git_says(&["rev-parse", "HEAD^{tree}"]);
    let raw =
        |id: &str| (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect::<Vec<_>>();
    let mut bytes = [entry.as_bytes(), b"\0", &raw(&id)].concat();
    for line in app.git_says(&["ls-tree", "HEAD"]).lines() {
        let (facts, name) = line.split_once('\t').unwrap();
        let facts: Vec<&str> = facts.split(' ').collect();
        bytes.extend([format!("{} {name}\0", facts[0].trim_start_matches('0')).as_bytes(), &raw(facts[2])].concat());
    }
    app.git_given(&["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &bytes).ok().out().trim().to_owned()
}

#[test]
fn old_histories_are_taken_with_their_harmless_faults_and_no_others() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let good = "A <a@b.test> 1 +0000";
    for author in ["A<a@b.test> 1 +0000", "<a@b.test> 1 +0000", "A <a@b.test> 1 +1234567", "A <a@b.test> 01 +0000"] {
        let tree = app.greeting(author).git_says(&["rev-parse", "HEAD^{tree}"]);
        for (author, committer) in [(author, good), (good, author)] {
            let commit = old_commit(&app, &tree, author, committer);
            app.push_to(&format!("+{commit}:master")).ok();
        }
        app.serves(author);
    }
    let padded = old_commit(&app, &tree_with(&app, "040000 .d"), good, good);
    app.push_to(&format!("+{padded}:master")).ok();
    for entry in ["40000 .git", "040000 .git"] {
        let bad = old_commit(&app, &tree_with(&app, entry), good, "A<a@b.test> 1 +0000");
        app.push_to(&format!("+{bad}:master")).fails().stderr_has("hasDotgit");
    }
    assert_eq!(app.pushed("master"), padded);
}

#[test]
fn a_clone_of_an_app_that_deploys_main_has_its_files() {
    let app = Host::new().app("hello", "python");
    app.push_to("HEAD:main").ok().stderr_lacks("put off").serving(HELLO);
    let (repo, into) = (app.repo().display().to_string(), app.host.temp().join("clone"));
    app.git(&["clone", "-q", &repo, into.to_str().unwrap()]).ok().stderr_lacks("nonexistent");
    assert!(into.join("Procfile").exists());
}

#[test]
fn other_branches_and_tags_are_stored_with_a_hint() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let current = app.release("current");
    app.greeting("feature");
    for name in ["refs/heads/feature", "refs/tags/v1", "refs/heads/refs/heads/master", "refs/heads/ü"] {
        let source = if name.starts_with("refs/tags/") { "v1^{}" } else { "<branch>" };
        let hint = &format!("to deploy it: git push dokuen {source}:master");
        app.push_to(&format!("HEAD:{name}")).ok().stderr_has("is stored, not deployed").stderr_has(hint);
        assert_eq!(app.pushed(name), app.git_says(&["rev-parse", "HEAD"]), "{name}");
    }
    assert_eq!(app.release("current"), current);
    app.serves(HELLO);
    app.push_to("feature:master").fails();
    app.push_to("HEAD:master").ok().serving("feature");
}

#[test]
fn a_branch_and_another_in_one_push_deploy_one_of_them() {
    let app = Host::new().app("hello", "python");
    app.git(&["push", "--atomic", "dokuen", "master", "master:feature"])
        .ok()
        .stderr_has("refs/heads/feature\" is stored")
        .serving(HELLO);
    app.git(&["checkout", "-q", "--orphan", "anew"]).ok();
    app.greeting("orphan").git(&["push", "-f", "dokuen", "anew:master"]).ok().serving("orphan");
}

#[test]
fn what_git_cannot_store_keeps_a_push_from_going_live() {
    let app = Host::new().app("hello", "python");
    app.push_to("HEAD:refs/heads/master/x").ok();
    app.push().fails().stderr_has("\"refs/heads/master\" cannot be stored beside \"refs/heads/master/x\"");
    assert!(!app.dir().join("current").exists());
    app.push_to(":refs/heads/master/x").ok();
    app.push_to("HEAD:refs/heads/a").ok();
    app.push().ok().serving(HELLO);
    app.greeting("never");
    let both = app.git(&["push", "--atomic", "dokuen", "HEAD:master", "HEAD:refs/heads/a/b/c"]);
    both.fails().stderr_has("\"refs/heads/a/b/c\" cannot be stored beside \"refs/heads/a\"");
    app.serves(HELLO);
    app.push().ok().serving("never");
}

/// What a client of one's own may send: git's own would refuse the name. Nothing is in the pack.
fn sent_raw(app: &App, name: &str) -> Vec<u8> {
    let line = format!("{} {} {name}\0report-status", "0".repeat(40), app.pushed("master"));
    let mut text = format!("{:04x}{line}0000", line.len() + 4).into_bytes();
    text.extend(b"PACK\0\0\0\x02\0\0\0\0");
    text.extend(b"\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e");
    text
}

#[test]
fn a_ref_name_leads_nowhere_else() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let lock = app.dir().join("Gemfile.lock");
    fs::write(&lock, "").unwrap();
    fs::File::open(&lock).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let repo = app.repo().display().to_string();
    for name in ["refs/heads/../../../../apps/hello/Gemfile", "../../apps/hello/Gemfile", "refs/heads/./x", "refs//x"] {
        let received = app.git_given(&["receive-pack", &repo], &sent_raw(&app, name));
        received.stderr_has("is no name of a ref");
        assert!(lock.exists(), "{name}");
    }
}

#[test]
fn a_ref_is_named_in_its_own_script_and_a_tag_deploys_by_the_hint() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    app.push_to("master:refs/heads/\u{fc}n\u{ef}").ok().stderr_has("\"refs/heads/\u{fc}n\u{ef}\" is stored");
    app.push_to("master:refs/heads/a\u{202e}b").ok().stderr_has("\"refs/heads/a\\u{202e}b\" is stored");
    app.greeting("tagged").git(&["tag", "-a", "v1", "-m", "v1"]).ok();
    app.push_to("v1").ok().stderr_has("to deploy it: git push dokuen v1^{}:master").serving(HELLO);
    app.push_to("v1^{}:master").ok().serving("tagged");
}

#[test]
fn a_ref_name_and_a_commit_message_are_only_text() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    let name = "HEAD:refs/heads/a;touch$(touch${IFS}PWNED)`touch${IFS}PWNED`|&\"'";
    app.push_to(name).ok().stderr_has("is stored, not deployed");
    app.git(&["commit", "-q", "--allow-empty", "-m", "line\n\u{1b}[31m'\"`touch PWNED`\u{1b}[0m"]).ok();
    app.push().ok().stderr_lacks("\u{1b}");
    let planted = std::process::Command::new("find").arg(app.host.temp()).args(["-name", "PWNED"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&planted.stdout), "");
}

#[test]
fn many_releases_leave_only_the_newest_ones() {
    let conf = "stop_timeout: 3\nkeep_releases: 1\n";
    let app = Host::with(Options { conf, ..Options::default() }).app("hello", "static-page");
    for number in 0..4 {
        app.with("index.html", format!("{number}")).push().ok();
    }
    // What still drains has its files; the next push after that has them pruned.
    app.comes_to_run(&["web.1"]);
    app.with("index.html", "last").push().ok().serving("last");
    let left = || -> BTreeSet<_> {
        std::fs::read_dir(app.dir().join("releases")).unwrap().map(|e| e.unwrap().path()).collect()
    };
    eventually("only those that are kept beside current and previous are left", || {
        app.dokuen("releases:prune", &[]).ok();
        left().len() == 3
    });
    // Also when nobody runs the previous one any more.
    app.comes_to_run(&["web.1"]);
    app.dokuen("releases:prune", &[]).ok().stdout_is("  = nothing to remove\n");
    assert!(left().contains(&app.release("current")) && left().contains(&app.release("previous")));
}

#[test]
fn a_worker_without_a_web_runs_and_is_written_down() {
    let app = Host::new().app("jobs", "worker-only");
    app.push().ok();
    app.dokuen("scale", &["worker=2"]).ok();
    app.comes_to_run(&["worker.1", "worker.2"]);
    eventually("it has logged", || app.log("worker.2").contains("[worker.2] worker 1"));
    let line = app.log("worker.1").lines().next().unwrap_or_default().to_owned();
    assert!(line.starts_with("[20") && &line[20..22] == "][", "{line}");
}

#[test]
fn nginx_hears_of_workers_only_when_they_get_a_name_or_a_web() {
    let host = Host::with(Options { spoilable_nginx: true, ..Options::default() });
    let app = host.app("jobs", "worker-only");
    let vhost = host.dir().join("nginx/jobs.dokuen.test.conf");
    host.nginx_refuses(true);
    app.push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    app.dokuen("restart", &[]).ok();
    app.comes_to_run(&["worker.1"]);
    host.nginx_refuses(false);
    host.dokuen(&["nginx:rebuild"]).ok();
    assert!(!vhost.exists());
    assert_eq!(app.get("/").status, 404);

    app.dokuen("domains:add", &["jobs.example"]).ok();
    assert_eq!(app.get_as("jobs.example", "/").status, 502);
    app.dokuen("domains:remove", &["jobs.example"]).ok();
    let other = host.app("later", "worker-only");
    other.push().ok();
    other.become_fixture("static-page").push().ok();
    assert_eq!(other.get("/").status, 200);
}

/// What the pusher sees of the hook, with what differs from run to run taken out.
fn transcript(pushed: &Outcome, app: &crate::app::App) -> String {
    let lines = pushed.err.lines().filter_map(|line| line.strip_prefix("remote: ").or(line.strip_prefix("remote:")));
    let text: String = lines.map(|line| format!("{}\n", line.trim_end())).collect();
    let commit = app.git_says(&["rev-parse", "HEAD"]);
    let text = text.replace(&commit[..7], "COMMIT").replace(&app.host.temp().display().to_string(), "TEMP");
    let text = text.replace(&format!(":{}/", app.host.listen().port()), ":PORT/");
    let time = |line: &str| match line.rsplit_once(" in ") {
        Some((before, time)) if line.starts_with("* deployed") && time.ends_with(" s") => {
            format!("{before} in TIME s\n")
        }
        _ => format!("{line}\n"),
    };
    let id = |line: &str| match line.split_once("= commit: ") {
        Some((before, id)) if id.len() == 40 => format!("{before}= commit: ID"),
        _ => line.to_owned(),
    };
    text.lines().map(|line| time(&id(line))).collect()
}
