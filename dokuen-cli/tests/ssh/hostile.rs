//! What OpenSSH can do besides, by people who try.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::door::{Door, Running};
use crate::host::eventually;
use crate::outcome::run;

#[test]
fn nothing_is_forwarded() {
    let door = Door::with_anna();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = format!("{free}:127.0.0.1:{}", door.host.listen().port());
    let tunnel = Running::start(&mut door.ssh_command("anna", &["-N", "-L", &to], &[]));
    eventually("the client listens", || TcpStream::connect(("127.0.0.1", free)).is_ok());
    let mut through = TcpStream::connect(("127.0.0.1", free)).unwrap();
    through.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut bytes = Vec::new();
    // What is prohibited ends at once, with nothing said.
    let _ = through.read_to_end(&mut bytes);
    assert!(bytes.is_empty());
    drop(tunnel);
    let strict = ["-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"];
    run(&mut door.ssh_command("anna", &strict, &[]), b"", None).exits(255);
}

#[test]
fn nothing_is_copied() {
    let door = Door::with_anna();
    let words = door.ssh_words("anna");
    let port = door.url("x").rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    let target = format!("{}:/tmp/PWN-scp", door.destination());
    for program in [&["scp"][..], &["scp", "-O"]] {
        let mut copy = door.host.command(program[0]);
        copy.args(&program[1..]).args(&words[1..]).args(["-P", &port, "/etc/hostname", &target]);
        run(&mut copy, b"", None).fails();
    }
    let mut sftp = door.host.command("sftp");
    sftp.args(&words[1..]).args(["-P", &port, "-b", "-", &door.destination()]);
    run(&mut sftp, b"put /etc/hostname /tmp/PWN-sftp\n", None).fails();
    for line in
        ["rsync --server -e.LsfxC . /", "scp -t /tmp/PWN", "/usr/lib/openssh/sftp-server", "internal-sftp", "bash"]
    {
        door.ssh("anna", line).exits(4).stderr_has("is not served here");
    }
    assert!(!std::path::Path::new("/tmp/PWN-scp").exists() && !std::path::Path::new("/tmp/PWN-sftp").exists());
}

/// What the hook of git-lfs asks for before a push.
#[test]
fn large_files_elsewhere_have_no_server_here() {
    let door = Door::with_anna();
    for line in ["git-lfs-authenticate x.git upload", "git-lfs-transfer x.git upload", "git-lfs-authenticate"] {
        let refused = door.ssh("anna", line).exits(4).stderr_has("Git LFS has no server here");
        refused.stderr_has("git lfs migrate export").says_nothing_else();
    }
}

#[test]
fn variables_of_the_client_mean_nothing() {
    let door = Door::with_anna();
    door.add("bob", &[]).ok();
    let conf = door.host.temp().join("evil.conf").display().to_string();
    for (name, value) in [
        ("DOKUEN_USER", "anna"),
        ("LC_EVIL", "() { :; }; touch /tmp/PWN-lc"),
        ("DOKUEN_CONF", &conf),
        ("GIT_DIR", "/tmp"),
        ("BASH_ENV", "/tmp/evil"),
    ] {
        let option = format!("SendEnv={name}");
        let mut ssh = door.ssh_command("bob", &["-o", &option], &["dokuen keys"]);
        run(ssh.env(name, value), b"", None).exits(4).stderr_has("bob is none");
    }
    let evil = "SetEnv=SSH_ORIGINAL_COMMAND=dokuen keys";
    run(&mut door.ssh_command("bob", &["-T", "-o", evil], &[]), b"", None).stdout_has("").stderr_lacks("SHA256");
    let app = door.app("bob", "blog", "python");
    door.git("bob", &app, &["push", "dokuen", "master"]).ok();
    let mut env = door.ssh_command("bob", &["-o", "SetEnv=LC_EVIL=1"], &["dokuen run -a blog env"]);
    let out = run(&mut env, b"", None).ok().out();
    assert!(!out.contains("LC_EVIL") && !out.contains("SSH_"), "{out}");
    assert!(!std::path::Path::new("/tmp/PWN-lc").exists());
}

/// Programs that run inside a directory; they end with the test, also when it fails.
struct Inside(std::path::PathBuf);

impl Inside {
    /// Those with these words, or all of them.
    fn pids(&self, words: &str) -> Vec<i32> {
        let all = std::fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let inside =
            |pid: &i32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir.starts_with(&self.0));
        let says = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            words.is_empty() || line.trim_end() == words
        };
        all.filter(|pid| inside(pid) && says(pid)).collect()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for pid in self.pids("") {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

#[test]
fn a_command_ends_with_the_session_that_ran_it() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok();
    let apps = Inside(door.host.dir().join("apps"));
    let all = |mark: &str| !apps.pids(mark).is_empty();
    for (options, line, mark) in [
        (&[][..], "dokuen run -a blog sleep 98761", "sleep 98761"),
        (&["-tt"], "dokuen run -a blog sleep 98762", "sleep 98762"),
        (&[], "dokuen run -a blog yes 98763", "yes 98763"),
    ] {
        let mut command = door.ssh_command("anna", options, &[line]);
        let session = Running::unread(&mut command);
        eventually(&format!("{mark} runs"), || all(mark));
        // Nobody reads, and then nobody is there.
        drop(session);
        let begun = std::time::Instant::now();
        eventually(&format!("{mark} has gone"), || !all(mark));
        assert!(begun.elapsed() < Duration::from_secs(5), "{mark} took {:?}", begun.elapsed());
    }
    let tail = Running::start(&mut door.ssh_command("anna", &[], &["dokuen logs -a blog -t"]));
    let mut pid = None;
    eventually("logs are followed", || {
        pid = door.sessions().into_iter().find(|(_, doing)| doing == "logs").map(|(pid, _)| pid);
        pid.is_some()
    });
    drop(tail);
    // Its log is silent, so it must notice without having anything to write.
    eventually("nobody follows", || !std::path::Path::new(&format!("/proc/{}", pid.unwrap())).exists());
}

#[test]
fn a_push_whose_session_is_dropped_leaves_the_next_one_working() {
    let door = Door::with_anna();
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok();
    app.greeting("two");
    let mut push = door.git_command("anna", &app, &["push", "dokuen", "master"]);
    let push = Running::start(&mut push);
    std::thread::sleep(Duration::from_millis(400));
    drop(push);
    app.greeting("three");
    eventually("the next push is live", || door.git("anna", &app, &["push", "dokuen", "master"]).code == 0);
    app.serves("three");
}
