//! Logs on a disk that is full or takes no write, and how much of it they may take.
//!
//! The disks are real ones (tmpfs). Who is not root mounts them in a user namespace, where the whole test runs again.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dokuen_core::ProcessType;
use dokuen_proc::Instance;

use crate::place::{Place, eventually};

/// A file system of its own at a directory, gone with this.
struct Disk(PathBuf);

impl Disk {
    fn at(dir: &Path, options: &str) -> Self {
        let disk = Self(dir.to_owned());
        disk.mount(options);
        disk
    }

    fn remount(&self, option: &str) {
        self.mount(&format!("remount,{option}"));
    }

    /// All is said each time: what `mount` remembers besides is not allowed in a user namespace.
    fn mount(&self, options: &str) {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&self.0).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Whether this process may mount; if not, the test has run again as one that may.
fn may_mount(test: &str) -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    let again = Command::new("unshare")
        .args(["--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("disk::{test}")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains(" 1 passed"), "{said}{}", String::from_utf8_lossy(&again.stderr));
    false
}

fn stop(worker: &Instance) {
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(20)).unwrap();
}

/// Writes the numbers to `many`, then makes the file `done`, then goes on with little.
fn counts(place: &Place, many: u32) -> String {
    format!("seq {many}; touch {}; while :; do echo on; sleep 0.05; done", place.file("done").display())
}

/// Every line is whole; returns how many numbers there are, and how many lines are said to be lost.
fn accounted(text: &str) -> (u64, u64) {
    let mut of = (0, 0);
    for line in text.lines() {
        let (stamp, said) = line.split_once("][worker.1] ").unwrap_or_else(|| panic!("no stamp: {line:?}"));
        assert_eq!(stamp.len(), "[2026-01-02 03:04:05".len(), "glued to another: {line:?}");
        match said
            .strip_prefix("dokuen: ")
            .and_then(|s| s.strip_suffix(" lines were lost: the log could not be written"))
        {
            Some(lost) => of.1 += lost.parse::<u64>().unwrap(),
            None if said == "on" => {}
            None => {
                said.parse::<u64>().unwrap_or_else(|_| panic!("no whole line: {line:?}"));
                of.0 += 1;
            }
        }
    }
    of
}

/// What is lost is said, to the line: `on` may be among it too.
fn nothing_is_unaccounted_for(place: &Place, many: u64) {
    eventually("it is written again, and says what was lost", || {
        let text = place.log("worker.1");
        text.contains("lines were lost") && text.ends_with("] on\n")
    });
    let text = place.log("worker.1");
    let (there, lost) = accounted(&text);
    assert!(there < many, "the disk was never full");
    assert!((many - there..many - there + 2000).contains(&lost), "{there} there and {lost} lost of {many}");
}

#[test]
fn a_log_that_cannot_be_written_holds_nobody_up_and_the_loss_is_said() {
    let place = Place::new("");
    // What is no file can be written by nobody, not even by root.
    let log = place.app.logs_dir().join("dokuen.a.worker.1");
    std::fs::create_dir(&log).unwrap();
    let worker = place.runs("worker", &counts(&place, 100_000));
    let wrapper = worker.report().wrapper;
    eventually("the app is not held up", || place.file("done").exists());
    std::fs::remove_dir(&log).unwrap();
    nothing_is_unaccounted_for(&place, 100_000);
    assert_eq!(worker.report().wrapper, wrapper, "the wrapper lived on");
    stop(&worker);
}

#[test]
fn a_full_disk_of_logs_holds_nobody_up_and_every_lost_line_is_counted() {
    if !may_mount("a_full_disk_of_logs_holds_nobody_up_and_every_lost_line_is_counted") {
        return;
    }
    let place = Place::new("");
    let disk = Disk::at(&place.app.logs_dir(), "size=1m");
    // Several times what the pipe and the spool hold: the disk is full long before the last line was written.
    let worker = place.runs("worker", &counts(&place, 1_000_000));
    let wrapper = worker.report().wrapper;
    eventually("the app is not held up", || place.file("done").exists());
    disk.remount("size=64m");
    nothing_is_unaccounted_for(&place, 1_000_000);
    assert_eq!(worker.report().wrapper, wrapper, "the wrapper lived on");
    stop(&worker);
}

#[test]
fn a_full_disk_of_the_whole_app_holds_nobody_up_either() {
    if !may_mount("a_full_disk_of_the_whole_app_holds_nobody_up_either") {
        return;
    }
    let place = Place::new("");
    let disk = Disk::at(place.app.dir(), "size=2m");
    place.app.subdirectories().iter().for_each(|dir| std::fs::create_dir_all(dir).unwrap());
    let go = place.file("go");
    let worker = place
        .runs("worker", &format!("while ! test -e {}; do sleep 0.02; done; {}", go.display(), counts(&place, 200_000)));
    let wrapper = worker.report().wrapper;
    // Now the lines have no room on their way either.
    let filler = place.app.dir().join("filler");
    std::fs::write(&filler, vec![0; 4 << 20]).unwrap_err();
    std::fs::write(&go, "").unwrap();
    eventually("the app is not held up", || place.file("done").exists());
    std::fs::remove_file(&filler).unwrap();
    nothing_is_unaccounted_for(&place, 200_000);
    assert_eq!(worker.report().wrapper, wrapper, "the wrapper lived on");
    stop(&worker);
    drop(disk);
}

#[test]
fn a_read_only_disk_of_logs_holds_nobody_up_and_every_lost_line_is_counted() {
    if !may_mount("a_read_only_disk_of_logs_holds_nobody_up_and_every_lost_line_is_counted") {
        return;
    }
    let place = Place::new("");
    let disk = Disk::at(&place.app.logs_dir(), "ro");
    let worker = place.runs("worker", &counts(&place, 50_000));
    let wrapper = worker.report().wrapper;
    eventually("the app is not held up", || place.file("done").exists());
    disk.remount("rw");
    nothing_is_unaccounted_for(&place, 50_000);
    assert_eq!(worker.report().wrapper, wrapper, "the wrapper lived on");
    stop(&worker);
}

/// A batch on its way, and what may be written between two looks at the whole, for each process.
const SLACK: u64 = 384 * 1024 + 2_000_000 / 8;

#[test]
fn all_logs_of_an_app_stay_within_its_room_whatever_its_processes_write() {
    let place = Place::new("log_bytes: 2000000\napp_log_bytes: 4000000");
    let done = place.file("done");
    let command = format!("seq 150000; echo last; touch {}.$PS; exec sleep 600", done.display());
    let mut plan = place.plan("worker", &command, 1);
    plan.instances = (1..=4).map(|n| (ProcessType::parse("worker").unwrap(), n)).collect();
    // One that has ended long ago goes first, whoever's it was.
    let old = place.app.logs_dir().join("dokuen.a.gone.1");
    std::fs::write(&old, vec![b'x'; 3_000_000]).unwrap();
    let ready = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap();
    let workers = ready.instances().to_vec();
    ready.switch().unwrap().keep();
    let mut most = 0;
    eventually("all have written all", || {
        most = most.max(taken(&place));
        (1..=4).all(|n| place.file(&format!("done.worker.{n}")).exists())
    });
    for n in 1..=4 {
        // The last batch may have been the one that made a file too large.
        let is_last = |part: &str| place.log(&format!("worker.{n}{part}")).ends_with("last\n");
        eventually("its last line is there", || is_last("") || is_last(".1"));
    }
    most = most.max(taken(&place));
    assert!(most <= 4_000_000 + 4 * SLACK, "{most} bytes");
    assert!(!old.exists());
    for worker in &workers {
        stop(worker);
    }
}

fn taken(place: &Place) -> u64 {
    let files = std::fs::read_dir(place.app.logs_dir()).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
    files.filter(|meta| meta.nlink() > 0).map(|meta| meta.len()).sum()
}

#[test]
fn a_log_that_somebody_removed_is_begun_anew() {
    let place = Place::new("");
    let worker = place.runs("worker", "while :; do echo on; sleep 0.05; done");
    let log = place.app.logs_dir().join("dokuen.a.worker.1");
    for _ in 0..2 {
        eventually("it is written", || place.log("worker.1").ends_with("] on\n"));
        std::fs::remove_file(&log).unwrap();
    }
    eventually("it is there again", || log.exists());
    stop(&worker);
}
