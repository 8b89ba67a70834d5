//! Buildpacks from git: refs, moves, remotes that are gone, logins.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dokuen_core::Environment;

use crate::host::{Host, commit, git, named, script};

fn host() -> Host {
    Host::new().with("Procfile", "web: x\n")
}

#[test]
fn a_repository_is_fetched_once_and_a_moved_branch_again() {
    let host = host();
    let repo = host.repo("git", "echo '-----> one'");
    let first = git(&repo, &["rev-parse", "HEAD"]);
    let url = format!("file://{}", repo.display());
    let outcome = host.build(named(&[&url]));
    assert!(outcome.text().starts_with(&format!("* fetching file://ROOT/packs/buildpack-git\n* detecting buildpack... done\n  = name: git\n  = url: file://ROOT/packs/buildpack-git\n  = commit: {first}\n")), "{}", outcome.text());
    assert!(outcome.text().ends_with("  + one"));
    assert!(!host.build(named(&[&url])).text().contains("fetching"));
    script(&repo.join("bin/compile"), "echo '-----> two'");
    let second = commit(&repo);
    let outcome = host.build(named(&[&url]));
    assert!(
        outcome.text().contains(&format!("commit: {second}")) && outcome.text().ends_with("  + two"),
        "{}",
        outcome.text()
    );
    assert_eq!(outcome.slug().buildpacks()[0].commit.as_deref(), Some(second.as_str()));
}

#[test]
fn a_ref_is_a_branch_a_tag_or_a_commit_long_or_short() {
    let host = host();
    let repo = host.repo("refs", "echo one");
    let one = git(&repo, &["rev-parse", "HEAD"]);
    git(&repo, &["tag", "-a", "v1", "-m", "v1"]);
    git(&repo, &["branch", "feature/x"]);
    script(&repo.join("bin/compile"), "echo two");
    commit(&repo);
    for reference in ["v1", "feature/x", &one, &one[..10]] {
        for _ in 0..2 {
            let outcome = host.build(named(&[&format!("{}#{reference}", repo.display())]));
            assert!(
                outcome.text().contains(&format!("commit: {one}")) && outcome.text().ends_with("\none"),
                "{reference}: {}",
                outcome.text()
            );
        }
    }
    let error = host.build(named(&[&format!("{}#nope", repo.display())])).error();
    assert!(error.starts_with("failed to check out branch nope\n"), "{error}");
    let gone = "0123456789".repeat(4);
    let outcome = host.build(named(&[&format!("{}#{gone}", repo.display())]));
    assert!(outcome.error().starts_with(&format!("failed to check out branch {gone}\n")), "{}", outcome.error());
    assert!(outcome.text().ends_with("detecting buildpack... failed"));
}

#[test]
fn a_plain_directory_has_no_ref() {
    let host = host();
    let pack = host.pack("plain", "echo plain", "true");
    assert!(host.build(named(&[&pack.display().to_string()])).text().ends_with("\nplain"));
    let outcome = host.build(named(&[&format!("{}#v1", pack.display())]));
    let error = outcome.error();
    assert!(error.starts_with("failed to check out branch v1\n") && error.contains("no repository"), "{error}");
}

#[test]
fn a_full_commit_that_is_here_asks_nobody() {
    let host = host();
    let repo = host.repo("pinned", "echo pinned");
    let url = format!("{}#{}", repo.display(), git(&repo, &["rev-parse", "HEAD"]));
    host.build(named(&[&url])).slug();
    std::fs::rename(&repo, host.root().join("away")).unwrap();
    let outcome = host.build(named(&[&url]));
    outcome.slug();
    assert!(!outcome.text().contains("could not be reached"), "{}", outcome.text());
}

#[test]
fn a_remote_that_is_gone_is_replaced_by_the_copy_and_that_is_said() {
    let host = host();
    let repo = host.repo("gone", "echo built");
    let url = format!("file://{}", repo.display());
    host.build(named(&[&url])).slug();
    std::fs::rename(&repo, host.root().join("away")).unwrap();
    let outcome = host.build(named(&[&url]));
    outcome.slug();
    let note = &outcome.lines[0];
    assert!(
        note.starts_with("  = using the copy of 2")
            && note.ends_with(" UTC, since file://ROOT/packs/buildpack-gone could not be reached"),
        "{note}"
    );
    let never = format!("file://{}/buildpack-never", host.root().display());
    assert!(host.build(named(&[&never])).error().starts_with("failed to clone buildpack\n`git ls-remote` for file://"));
}

#[test]
fn a_spoilt_clone_mends_itself() {
    let host = host();
    let repo = host.repo("spoilt", "echo one");
    host.build(named(&[repo.to_str().unwrap()])).slug();
    script(&repo.join("bin/compile"), "echo two");
    commit(&repo);
    let home = std::fs::read_dir(&host.store.clones).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
    std::fs::write(home.join("git/HEAD"), "").unwrap();
    std::fs::write(home.join("git/config"), "[[[").unwrap();
    let outcome = host.build(named(&[repo.to_str().unwrap()]));
    outcome.slug();
    assert!(outcome.text().ends_with("\ntwo"), "{}", outcome.text());
}

#[test]
fn builds_at_once_share_one_clone() {
    let hosts: Vec<Host> = (0..4).map(|_| host()).collect();
    let repo = hosts[0].repo("shared", "echo shared");
    let store = hosts[0].store.clone();
    std::thread::scope(|scope| {
        for host in &hosts {
            let choice = named(&[repo.to_str().unwrap()]);
            let build = dokuen_build::Build { store: &store, ..host.plan(choice) };
            scope.spawn(move || dokuen_build::compile(&build, &mut dokuen_core::Silent).unwrap());
        }
    });
}

#[test]
fn nothing_of_a_hooks_git_gets_through() {
    let mut host = host();
    let repo = host.repo("plain", r#"env | grep -c '^GIT_' || true"#);
    let quarantine = ["GIT_DIR", "GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE", "GIT_WORK_TREE"];
    host.env.extra = quarantine.iter().fold(Environment::default(), |env, name| env.with(name, "/nowhere"));
    let outcome = host.build(named(&[repo.to_str().unwrap()]));
    outcome.slug();
    assert!(outcome.text().ends_with("\n0"), "{}", outcome.text());
}

#[test]
fn what_is_kept_out_is_not_read_through_a_symlink_either() {
    let mut host = host();
    let repo = host.repo("inside", "true");
    let link = host.root().join("buildpack-link");
    std::os::unix::fs::symlink(&repo, &link).unwrap();
    host.store.keep_out = Some(host.root().join("packs"));
    for path in [
        repo.to_str().unwrap(),
        link.to_str().unwrap(),
        &format!("file://{}/../packs/buildpack-inside", host.app().display()),
    ] {
        assert!(host.build(named(&[path])).error().contains("is not open to builds"), "{path}");
    }
}

/// A server that asks for a login and then has nothing, and looks meanwhile at every argv on the machine.
struct Spy {
    port: u16,
    logins: Mutex<Vec<String>>,
    leaks: Mutex<Vec<String>>,
    stop: AtomicBool,
}

const TOKEN: &str = "s3cr3t-t0ken";

impl Spy {
    fn serve(&self, listener: &TcpListener) {
        listener.set_nonblocking(true).unwrap();
        while !self.stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => self.answer(stream),
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn answer(&self, mut stream: TcpStream) {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
        while !head.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        self.look_around();
        let head = String::from_utf8_lossy(&head).into_owned();
        let login = head.lines().find_map(|l| l.strip_prefix("Authorization: ")).map(str::to_owned);
        let status =
            if login.is_some() { "404 Not Found" } else { "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"" };
        self.logins.lock().unwrap().extend(login);
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }

    fn look_around(&self) {
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let argv = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let argv = String::from_utf8_lossy(&argv).replace('\0', " ");
            if argv.contains(TOKEN) {
                self.leaks.lock().unwrap().push(argv);
            }
        }
    }
}

#[test]
fn a_token_reaches_the_server_and_nobody_else() {
    let host = host();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let spy = Spy { port, logins: Mutex::default(), leaks: Mutex::default(), stop: AtomicBool::new(false) };
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| spy.serve(&listener));
        let outcome = host.build(named(&[&format!("http://user:{TOKEN}@127.0.0.1:{}/buildpack-x.git", spy.port)]));
        spy.stop.store(true, Ordering::Relaxed);
        outcome
    });
    // "user:s3cr3t-t0ken" in base64.
    assert!(spy.logins.lock().unwrap().iter().any(|l| l == "Basic dXNlcjpzM2NyM3QtdDBrZW4="), "{:?}", spy.logins);
    assert!(spy.leaks.lock().unwrap().is_empty(), "{:?}", spy.leaks);
    let error = outcome.error();
    assert!(
        error.starts_with(&format!(
            "failed to clone buildpack\n`git ls-remote` for http://***@127.0.0.1:{port}/buildpack-x.git "
        )),
        "{error}"
    );
    assert!(!error.contains(TOKEN) && !outcome.text().contains(TOKEN), "{error}");
}
