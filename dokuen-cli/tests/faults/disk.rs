//! Disks that are full, or take no write, or are somebody else's; limits that a host sets.
//!
//! As root on a file system of its own (tmpfs) with little room, else by errors that `strace` gives: the steps that
//! `steps.rs` has are tried either way.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::host::{Host, Options, eventually};
use crate::outcome::{Outcome, run};

/// A small file system at the dokuen directory, gone with this.
struct Small {
    host: Host,
    at: PathBuf,
}

impl Small {
    /// `None` for whoever may not mount; that is said, past what the test runner keeps to itself.
    fn new(what: &str, options: &str) -> Option<Self> {
        let host = Host::not_set_up(&Options::default());
        fs::create_dir(host.dir()).unwrap();
        let small = Self { at: host.dir().to_owned(), host };
        let mount =
            run(small.host.command("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&small.at), b"", None);
        if mount.code != 0 {
            assert!(
                !nix::unistd::geteuid().is_root() || mount.err.contains("denied") || mount.err.contains("permi"),
                "{mount}"
            );
            let _ = writeln!(std::io::stderr(), "not tried: {what}: needs the right to mount a file system");
            return None;
        }
        small.host.setup(&[]).ok();
        let conf = small.at.join("dokuen.conf");
        fs::write(&conf, fs::read_to_string(&conf).unwrap() + Options::default().conf).unwrap();
        Some(small)
    }

    fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        run(self.host.command("mount").args(["-o", &option]).arg(&self.at), b"", None).ok();
    }

    /// Leaves so many bytes free.
    fn fill(&self, free: u64) -> PathBuf {
        let file = self.at.join("filler");
        let stat = nix::sys::statvfs::statvfs(&self.at).unwrap();
        let room = (stat.blocks_available() as u64 * stat.fragment_size() as u64).saturating_sub(free);
        fs::write(&file, vec![0; room as usize]).unwrap();
        file
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.host.command(self.host.program()).arg("shutdown").output();
        crate::processes::end_all(&self.at);
        let _ = self.host.command("umount").args(["-l"]).arg(&self.at).output();
    }
}

/// Programs of a debug build are large.
const ROOM: &str = "mode=755,size=1g";

#[test]
fn d01_d04_and_d10_a_full_disk_while_it_unpacks_compiles_and_changes_config() {
    let Some(small) = Small::new("a full disk, but for errors that strace gives", ROOM) else {
        return refused_by_strace();
    };
    let app = small.host.app("hello", "types");
    app.greeting("live").push().ok();
    app.dokuen("config_set", &["TOKEN=short"]).ok();
    let before = app.pushed("master");
    // Nothing fits: git itself cannot unpack; a little fits: the tree cannot be written.
    fs::write(app.checkout.join("big"), pseudo_random(300_000)).unwrap();
    app.commit("big");
    for free in [0, 400 * 1024] {
        let filler = small.fill(free);
        let refused = app.push().fails();
        assert!(!refused.err.contains("panicked"), "{refused}");
        app.serves("live");
        assert_eq!(app.pushed("master"), before);
        app.release("current");
        fs::remove_file(filler).unwrap();
    }
    let filler = small.fill(0);
    app.dokuen("config_set", &[&format!("TOKEN={}", "long".repeat(2000))]).fails().stderr_has("No space left");
    app.dokuen("config", &[]).ok().stdout_is("TOKEN=short\n");
    app.serves("live");
    fs::remove_file(filler).unwrap();
    after_room_was_made(&app);
}

fn after_room_was_made(app: &App) {
    app.greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1"]);
    let left: Vec<_> = fs::read_dir(app.host.dir().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What no compression makes smaller.
fn pseudo_random(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(next).collect()
}

fn refused_by_strace() {
    let app = Host::new().app("hello", "types");
    app.dokuen("config_set", &["TOKEN=short"]).ok();
    let log = app.host.temp().join("trace").display().to_string();
    let mut command = app.host.command("strace");
    command.args(["-f", "-qq", "-b", "execve", "-o", &log, "-e", "inject=write:error=ENOSPC:when=2+"]);
    command.arg(app.host.program()).args(["config_set", "--application=hello", "TOKEN=other"]);
    run(&mut command, b"", None).fails();
    app.dokuen("config", &[]).ok().stdout_is("TOKEN=short\n");
}

#[test]
fn d11_a_full_disk_locks_nobody_out() {
    let world = crate::world::World::new();
    let key = crate::world::key(world.host.temp(), "bob");
    let Some(small) = Small::new("a full disk locks nobody out", ROOM) else { return };
    let home = small.at.join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    let conf = small.at.join("dokuen.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let text: String = text.lines().filter(|l| !l.starts_with("app_user_home:")).map(|l| format!("{l}\n")).collect();
    fs::write(&conf, format!("{text}app_user_home: {}\n", home.display())).unwrap();
    let file = home.join(".ssh/authorized_keys");
    fs::write(&file, format!("{}\n", crate::world::FOREIGN)).unwrap();
    let keeper = crate::world::key(world.host.temp(), "keeper");
    small.host.dokuen_given(&["adduser", "keeper"], keeper.as_bytes()).ok();
    let before = fs::read(&file).unwrap();
    let filler = small.fill(0);
    small.host.dokuen_given(&["adduser", "bob"], key.as_bytes()).fails().stderr_has("No space left");
    assert_eq!(fs::read(&file).unwrap(), before);
    // Taking a key out makes room for what it needs: then it is done, else nothing is.
    let removed = small.host.dokuen(&["removeuser", "keeper"]).code == 0;
    let now = fs::read_to_string(&file).unwrap();
    assert!(now.contains(crate::world::FOREIGN) && now.contains("dokuen-shell' keeper\"") != removed, "{now}");
    fs::remove_file(filler).unwrap();
    small.host.dokuen_given(&["adduser", "bob"], key.as_bytes()).ok();
}

#[test]
fn d12_no_inodes_are_left() {
    let Some(small) = Small::new("no inodes are left", &format!("{ROOM},nr_inodes=3000")) else { return };
    let app = small.host.app("hello", "types");
    app.greeting("live").push().ok();
    let dir = small.at.join("many");
    fs::create_dir(&dir).unwrap();
    let made = (0..).take_while(|n| fs::write(dir.join(n.to_string()), "").is_ok()).count();
    assert!(made > 0);
    let refused = app.greeting("never").push().fails();
    assert!(["inode", "No space left", "unpack failed"].iter().any(|text| refused.err.contains(text)), "{refused}");
    app.serves("live");
    fs::remove_dir_all(dir).unwrap();
    after_room_was_made(&app);
}

#[test]
fn d13_a_file_system_that_takes_no_write() {
    let Some(small) = Small::new("a file system that takes no write", ROOM) else { return };
    let app = small.host.app("hello", "types");
    app.greeting("live").push().ok();
    let pid = app.text("/pid");
    // With open files in it the kernel refuses to make it read-only: then it is not this fault that can happen here.
    let ro = run(small.host.command("mount").args(["-o", "remount,ro"]).arg(&small.at), b"", None);
    if ro.code == 0 {
        app.dokuen("config_set", &["A=1"]).fails().stderr_has("Read-only");
        app.greeting("never").push().fails();
        app.serves("live");
        assert_eq!(app.text("/pid"), pid);
        small.remount("rw");
    } else {
        for command in [("config_set", "A=1"), ("scale", "web=2"), ("restart", "")] {
            refused_as_read_only(&app, command.0, command.1);
        }
    }
    app.serves("live");
    assert_eq!(app.text("/pid"), pid);
    after_room_was_made(&app);
}

fn refused_as_read_only(app: &App, command: &str, argument: &str) {
    let log = app.host.temp().join("trace").display().to_string();
    let calls = "write,mkdir,mkdirat,rename,renameat,symlink,unlink,mknodat,ftruncate";
    let mut all = app.host.command("strace");
    all.args(["-f", "-qq", "-b", "execve", "-o", &log, "-e", &format!("inject={calls}:error=EROFS:when=1+")]);
    all.arg(app.host.program()).args([command, "--application=hello"]).args((!argument.is_empty()).then_some(argument));
    run(&mut all, b"", None).fails();
    app.serves("live");
}

/// A hook with a limit on the size of files, as an administrator sets it for the account.
#[test]
fn d15_a_limit_on_the_size_of_files() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let before = app.pushed("master");
    fs::write(app.checkout.join("big"), pseudo_random(2_000_000)).unwrap();
    app.commit("big");
    let push = limited(&app, "ulimit -f 100", &["git", "push", "dokuen", "master"]);
    assert!(push.code != 0 && !push.err.trim().is_empty(), "{push}");
    app.serves("live");
    assert_eq!(app.pushed("master"), before);
    app.push().ok().serving("live");
    app.comes_to_run(&["web.1"]);
}

fn limited(app: &App, limits: &str, words: &[&str]) -> Outcome {
    let mut command = app.host.command("/bin/sh");
    command.current_dir(&app.checkout).args(["-c", &format!("{limits}; exec \"$@\""), "sh"]).args(words);
    run(&mut command, b"", None)
}

#[test]
fn d20_few_open_files_for_a_whole_command() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let program = app.host.program().display().to_string();
    for files in [4, 6, 8, 10, 16, 32] {
        let limits = format!("ulimit -n {files}");
        let restarted = limited(&app, &limits, &[&program, "restart", "--application=hello"]);
        assert!(!restarted.err.contains("panicked"), "{files}: {restarted}");
        app.serves("live");
    }
    after_room_was_made(&app);
}

/// The temporary directory of the account is of no use: Dokuen has one of its own.
#[test]
fn d16_and_d18_the_temporary_directory_is_elsewhere_full_or_missing() {
    let app = Host::new().app("hello", "types");
    for dir in ["/nowhere", "/proc", "/dev/full"] {
        let greeting = format!("with {dir}");
        app.greeting(&greeting);
        let mut push = app.host.command("git");
        push.current_dir(&app.checkout).env("TMPDIR", dir).args(["push", "dokuen", "master"]);
        run(&mut push, b"", None).ok();
        app.serves(&greeting);
    }
}

/// What is in the cache is the buildpack's; that it cannot be used is no reason for Dokuen to fail.
#[test]
fn d17_a_spoilt_build_cache() {
    let app = Host::new().app("hello", "types");
    let pack = app.host.buildpack("buildpack-cache").display().to_string();
    app.dokuen("config_set", &[&format!("BUILDPACK_URL={pack}")]).ok();
    app.push().ok();
    let cache = app.dir().join("build");
    for entry in fs::read_dir(&cache).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
        fs::write(entry.path(), b"\0\xff spoilt").unwrap();
    }
    let pushed = app.greeting("spoilt").push();
    if pushed.code != 0 {
        app.dokuen("builds:purge-cache", &[]).ok();
    }
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "a file in the place of the directory").unwrap();
    app.greeting("no directory").push().fails();
    app.dokuen("builds:purge-cache", &[]).ok();
    app.greeting("after").push().ok().serving("after");
}

/// The partition of the logs is full: nobody waits for it, and the wrapper lives.
#[test]
fn d19_the_partition_of_the_logs_is_full() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    app.dokuen("scale", &["worker=1"]).ok();
    let logs = app.dir().join("logs");
    let mount = run(host.command("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&logs), b"", None);
    let mounted = Unmount { host: host.clone(), at: logs.clone(), is: mount.code == 0 };
    if !mounted.is {
        fs::remove_dir_all(&logs).unwrap();
        fs::write(&logs, "no directory").unwrap();
    } else {
        let _ = fs::write(logs.join("filler"), vec![0; 256 * 1024]);
    }
    app.greeting("after").push().ok().serving("after");
    app.comes_to_run(&["web.1", "worker.1"]);
    eventually("it goes on", || app.get("/").status == 200);
    drop(mounted);
}

struct Unmount {
    host: Host,
    at: PathBuf,
    is: bool,
}

impl Drop for Unmount {
    fn drop(&mut self) {
        if self.is {
            let _ = self.host.command("umount").args(["-l"]).arg(&self.at).output();
        }
    }
}

/// The kernel has killed the build: it says so in words.
#[test]
fn d22_the_build_is_killed_from_outside() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    let scripts: [(&str, &[u8]); 3] =
        [("detect", b"#!/bin/sh\necho big\n"), ("compile", b"#!/bin/sh\nkill -9 $$\n"), ("release", b"#!/bin/sh\n")];
    let pack = app.host.buildpack_of("big", &scripts);
    app.dokuen("config_set", &[&format!("BUILDPACK_URL={}", pack.display())]).ok();
    app.greeting("never").push().fails().stderr_has("signal 9");
    app.serves("live");
    app.dokuen("config_delete", &["BUILDPACK_URL"]).ok();
    after_room_was_made(&app);
}

#[test]
fn u10_an_app_that_belongs_to_somebody_else_after_a_restore() {
    let app = Host::new().app("hello", "types");
    app.greeting("live").push().ok();
    if !nix::unistd::geteuid().is_root() {
        // For an ordinary account what is not its own is what it may not write.
        fs::set_permissions(app.dir(), std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
        app.dokuen("config_set", &["A=1"]).fails();
        fs::set_permissions(app.dir(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    chown(&app.host, "nobody", &app.repo());
    // git asks whose a repository is; Dokuen names exactly this one as safe, also here.
    app.greeting("next");
    let push = app.push();
    assert!(push.code == 0 || push.err.contains("dubious ownership"), "{push}");
    chown(&app.host, "root", &app.repo());
    app.greeting("after").push().ok().serving("after");
}

fn chown(host: &Host, who: &str, what: &Path) {
    let _ = host.command("chown").args(["-R", who]).arg(what).output();
}
