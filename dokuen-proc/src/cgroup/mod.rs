//! A cgroup for each instance and each one-off, where the conf names a directory of cgroups that is the account's (cgroup v2): its memory
//! and processes have a limit, KILL reaches all of it in one step, and nothing of it can hide. Without one, the mark in
//! the environment, the process group and the subreaper find what is to be ended, and there are no limits.

mod hold;
mod unit;

pub use hold::{bound_again, hold};
pub use unit::enter;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use dokuen_core::fs;
use dokuen_core::{App, Host};

use crate::instance::Instance;
use crate::sys;

/// What an instance, or a one-off, may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// The cgroup of an instance or a one-off.
#[derive(Debug, Clone)]
pub struct Group {
    dir: PathBuf,
}

/// Where the cgroup of a one-off is to be, by its name (`run.7`); `None` where the conf names no directory of cgroups.
pub fn of_one_off(host: &Host, app: &App, name: &str) -> Option<PathBuf> {
    host.conf.cgroup.as_ref().map(|dir| dir.join(format!("{}.{name}", app.name)))
}

impl Group {
    /// Makes it, as [`Group::make`] does; this process is moved to where it can start others there.
    pub fn open(dir: &Path, bounds: Bounds, search_path: &str) -> io::Result<Self> {
        enter(dir.parent().unwrap_or(dir), search_path)?;
        Self::make(dir, bounds)
    }

    /// The one at `dir`, made by somebody else.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Makes it at `dir`, or takes what an earlier wrapper made, with these bounds.
    pub fn make(dir: &Path, bounds: Bounds) -> io::Result<Self> {
        fs::make_dirs(dir, fs::PUBLIC_DIR).map_err(|e| e.source)?;
        let group = Self::at(dir);
        for (file, bound) in [("memory.max", bounds.memory), ("pids.max", bounds.pids)] {
            if let Some(bound) = bound {
                group.tell(file, &bound.to_string())?;
            }
        }
        Ok(group)
    }

    /// Its name, `hello.run.7`.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The command's process joins before it runs its program: nothing that it starts is ever elsewhere. Where it cannot
    /// join it runs all the same, and [`Group::add`] says why.
    pub fn join(&self, command: &mut Command) {
        let Ok(members) = OpenOptions::new().write(true).open(self.dir.join(MEMBERS)) else { return };
        // 0 is whoever writes it.
        sys::write_before_exec(command, members, b"0");
    }

    /// Takes a process in, if it is not there already, and with it all that it starts from now on.
    pub fn add(&self, pid: i32) -> io::Result<()> {
        if self.members().contains(&pid) { Ok(()) } else { self.tell(MEMBERS, &pid.to_string()) }
    }

    /// The processes in it.
    pub fn members(&self) -> Vec<i32> {
        members(&self.dir)
    }

    /// KILL to everything in it at once, also to what is being started this very moment.
    pub fn kill(&self) {
        // A kernel before 5.14 has no such file; the processes are then killed one by one, as they are without a group.
        let _ = self.tell("cgroup.kill", "1");
    }

    /// Ends everything in it, and removes it when all of that is gone.
    pub fn end(self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        self.kill();
        let until = Instant::now() + PATIENCE;
        while !self.members().is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.remove();
    }

    /// Removes it. While something is left in it, it stays for whoever comes by later.
    pub fn remove(self) {
        // A cgroup is removed as an empty directory is, although it lists files.
        let _ = std::fs::remove_dir(&self.dir);
    }

    /// Written in one piece to a file that the kernel has made: none is ever created.
    fn tell(&self, file: &str, text: &str) -> io::Result<()> {
        let path = self.dir.join(file);
        let told = OpenOptions::new().write(true).open(&path).and_then(|mut f| f.write_all(text.as_bytes()));
        told.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
    }
}

const MEMBERS: &str = "cgroup.procs";

/// The processes of the cgroup at `dir`; none where there is no cgroup.
pub fn members(dir: &Path) -> Vec<i32> {
    let text = fs::read_text(&dir.join(MEMBERS)).unwrap_or_default();
    text.lines().filter_map(|pid| pid.parse().ok().filter(|pid| *pid > 0)).collect()
}

/// Removes the cgroup of an instance whose wrapper was killed.
pub fn remove_of(instance: &Instance) {
    if let Some((dir, _)) = instance.spec().ok().and_then(|spec| spec.cgroup) {
        Group::at(&dir).remove();
    }
}

/// What of a directory of cgroups is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    /// A process can be moved there by this one.
    pub moves: bool,
    /// `cgroup.kill` is there.
    pub kill: bool,
    /// Memory can be bounded.
    pub memory: bool,
    /// Processes can be bounded.
    pub pids: bool,
}

/// Tries it out with a cgroup and a process of its own, both gone afterwards; this process may find itself below `dir`.
/// `dir` is not made: who asks has changed nothing.
pub fn cgroups(dir: &Path, search_path: &str) -> io::Result<Cgroups> {
    // Where it cannot get there, that shows below.
    let _ = enter(dir, search_path);
    let group = Group::at(&dir.join(format!("dokuen-try.{}", std::process::id())));
    fs::make_dir(&group.dir, fs::PUBLIC_DIR).map_err(|e| e.source)?;
    let has = |file: &str| group.dir.join(file).exists();
    let (kill, memory, pids) = (has("cgroup.kill"), has("memory.max"), has("pids.max"));
    let mut cat = Cmd::new("/bin/cat", Path::new("/")).to_std().stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let moves = group.add(cat.id() as i32).is_ok();
    // It ends with its standard input.
    drop(cat.stdin.take());
    cat.wait()?;
    group.remove();
    Ok(Cgroups { moves, kill, memory, pids })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_members_are_written_to_files_that_are_there_and_to_no_others() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["memory.max", "cgroup.procs"] {
            fs::replace(&dir.path().join(file), b"", 0o600).unwrap();
        }
        let group = Group::make(dir.path(), Bounds { memory: Some(1 << 20), pids: None }).unwrap();
        group.add(42).unwrap();
        assert_eq!(fs::read_text(&dir.path().join("memory.max")).unwrap(), "1048576");
        assert_eq!(fs::read_text(&dir.path().join("cgroup.procs")).unwrap(), "42");
        let refused = Group::make(dir.path(), Bounds { memory: None, pids: Some(9) }).unwrap_err();
        assert!(refused.to_string().contains("pids.max: "), "{refused}");
        group.kill();
        assert_eq!(fs::names(dir.path()).unwrap(), ["cgroup.procs", "memory.max"]);
    }

    #[test]
    fn a_directory_that_holds_no_cgroups_moves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            cgroups(dir.path(), "/nowhere").unwrap(),
            Cgroups { moves: false, kill: false, memory: false, pids: false }
        );
        let missing = cgroups(&dir.path().join("missing"), "/nowhere").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::names(dir.path()).unwrap(), Vec::<String>::new());
    }
}
