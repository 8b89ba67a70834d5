//! Getting below a directory of cgroups. The kernel lets an ordinary account move a process only between cgroups below
//! one that it owns, and whoever came through sshd or from a terminal is not below it yet. systemd moves a process of the
//! account into a unit of that account whose cgroups are delegated, when it is asked to.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::cmd::Cmd;
use dokuen_core::fs;
use nix::unistd::geteuid;

use super::Group;

/// The cgroup of those that start others. No instance and no one-off has a name without a dot.
pub const HALL: &str = "starters";
/// As long as systemd may take over it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Moves this process below `dir`, so that it can start others in cgroups there. Root can do that from everywhere. Whoever
/// was started by an instance or a one-off leaves its cgroup, which is ended with all that is in it.
pub fn enter(dir: &Path, search_path: &str) -> io::Result<()> {
    match inside(dir, &fs::read_text(Path::new("/proc/self/cgroup")).unwrap_or_default()) {
        Some(place) if place.as_os_str().is_empty() || place == Path::new(HALL) => return Ok(()),
        None if geteuid().is_root() => return Ok(()),
        _ => {}
    }
    let hall = Group::at(&dir.join(HALL));
    match fs::make_dir(&hall.dir, fs::PUBLIC_DIR) {
        Err(e) if e.source.kind() != io::ErrorKind::AlreadyExists => return Err(e.source),
        _ => {}
    }
    let pid = std::process::id();
    match (hall.add(pid as i32), unit_of(&hall.dir)) {
        (Err(_), Some((unit, inside))) => ask_systemd(unit, &inside, pid, search_path),
        (added, _) => added,
    }
}

/// Where below `dir` it is, by what `/proc/PID/cgroup` says: a path from where cgroups are mounted.
fn inside(dir: &Path, cgroups: &str) -> Option<PathBuf> {
    let own = Path::new(cgroups.lines().find_map(|line| line.strip_prefix("0::/"))?);
    let above = own.ancestors().find(|above| !above.as_os_str().is_empty() && dir.ends_with(above))?;
    own.strip_prefix(above).map(Path::to_owned).ok()
}

/// The unit of the machine's systemd that `dir` is in, and the way to it from there. Units of an account's own systemd
/// are inside that one's unit, `user@1000.service`.
fn unit_of(dir: &Path) -> Option<(&str, String)> {
    let unit = dir.ancestors().filter(|above| above.extension().is_some_and(|end| end == "service")).last()?;
    let inside = format!("/{}", dir.strip_prefix(unit).ok()?.display());
    Some((unit.file_name()?.to_str()?, inside))
}

fn ask_systemd(unit: &str, inside: &str, pid: u32, search_path: &str) -> io::Result<()> {
    let systemd = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];
    let busctl = Cmd::new("busctl", Path::new("/")).env("PATH", search_path).limit(PATIENCE);
    let call =
        busctl.args(["--quiet", "call"]).args(systemd).args(["AttachProcessesToUnit", "ssau", unit, inside, "1"]);
    call.arg(pid.to_string()).run().map(drop).map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_below_a_directory_is_told_from_whoever_is_beside_it() {
        let dir = Path::new("/sys/fs/cgroup/system.slice/dokuen-apps.service");
        for (cgroups, place) in [
            ("0::/system.slice/dokuen-apps.service\n", Some("")),
            ("9:memory:/x\n0::/system.slice/dokuen-apps.service/starters\n", Some("starters")),
            ("0::/system.slice/dokuen-apps.service/blog.g7.web.1/of/its/own\n", Some("blog.g7.web.1/of/its/own")),
            ("0::/system.slice/dokuen.service\n", None),
            ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
            ("0::/\n", None),
            ("9:memory:/system.slice/dokuen-apps.service\n", None),
            ("", None),
        ] {
            assert_eq!(inside(dir, cgroups), place.map(PathBuf::from), "{cgroups}");
        }
    }

    #[test]
    fn the_unit_is_the_outermost_service() {
        let of = |dir: &str| unit_of(Path::new(dir)).map(|(unit, inside)| (unit.to_owned(), inside));
        let both = |unit: &str, inside: &str| Some((unit.to_owned(), inside.to_owned()));
        assert_eq!(of("/sys/fs/cgroup/system.slice/d.service/starters"), both("d.service", "/starters"));
        let user = "/sys/fs/cgroup/user.slice/user-1.slice/user@1.service/app.slice/d.service/a/b";
        assert_eq!(of(user), both("user@1.service", "/app.slice/d.service/a/b"));
        assert_eq!(of("/sys/fs/cgroup/dokuen/starters"), None);
    }
}
