//! A real directory of cgroup v2 for a test: mounted by root, else the one that systemd has given to the session.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Groups {
    dir: PathBuf,
    /// Mounted for this test.
    mounted: Option<tempfile::TempDir>,
}

impl Groups {
    /// `None` where nobody gives this account one; that is said, past what the test runner keeps to itself.
    pub fn new(what: &str) -> Option<Self> {
        let found = if nix::unistd::geteuid().is_root() { Some(Self::mount()) } else { Self::of_the_session() };
        if found.is_none() {
            let needs = "needs root, or a session whose cgroups are delegated";
            let _ = writeln!(std::io::stderr(), "not tried: {what}: {needs} (systemd-run --user --scope does that)");
        }
        found
    }

    fn mount() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "cgroup2", "none"]).arg(place.path()).output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        let groups = Self { dir: own_name(place.path()), mounted: Some(place) };
        fs::create_dir(groups.dir()).unwrap();
        groups
    }

    fn of_the_session() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let place = mounts.lines().find_map(|line| line.split_once(" cgroup2 ")?.0.split_once(' ').map(|of| of.1))?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let groups = Self { dir: own_name(&Path::new(place).join(own)), mounted: None };
        fs::create_dir(groups.dir()).ok()?;
        // Where it cannot be used it is removed again, by being dropped.
        dokuen_proc::cgroups(groups.dir(), "/usr/bin").is_ok_and(|found| found.moves).then_some(groups)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The processes in one of its cgroups.
    pub fn members(&self, name: &str) -> Vec<i32> {
        let text = fs::read_to_string(self.dir.join(name).join("cgroup.procs")).unwrap_or_default();
        text.lines().map(|pid| pid.parse().unwrap()).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.dir.join(name).exists()
    }
}

fn own_name(above: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    above.join(format!("dokuen-test.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

impl Drop for Groups {
    fn drop(&mut self) {
        // Whoever is no root has gone below it to start others there, and must not end itself.
        if let (Some(above), None) = (self.dir.parent(), &self.mounted) {
            let _ = fs::write(above.join("cgroup.procs"), "0");
        }
        let inside = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|entry| entry.path());
        for dir in inside.filter(|path| path.is_dir()) {
            let _ = fs::write(dir.join("cgroup.kill"), "1");
            for _ in 0..200 {
                if fs::remove_dir(&dir).is_ok() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        let _ = fs::remove_dir(&self.dir);
        if let Some(place) = &self.mounted {
            let _ = Command::new("umount").arg("-l").arg(place.path()).output();
        }
    }
}
