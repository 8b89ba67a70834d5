//! Holding a directory of cgroups that systemd has delegated with a unit: it is there as long as something of the unit runs.

use std::io;
use std::path::Path;

use super::unit::HALL;
use super::{Bounds, Group};
use crate::instance::Instance;

/// Moves this process out of the way of cgroups in `dir`, into one where it keeps all of them from going, and switches on
/// what bounds memory and processes. What of that this machine does not have comes back as errors.
pub fn hold(dir: &Path) -> io::Result<Vec<io::Error>> {
    // The kernel bounds nothing in a cgroup that has both processes and cgroups.
    Group::make(&dir.join(HALL), Bounds::default())?.add(std::process::id() as i32)?;
    let all = Group::at(dir);
    let switched = ["+memory", "+pids"].into_iter().map(|controller| all.tell("cgroup.subtree_control", controller));
    Ok(switched.filter_map(Result::err).collect())
}

/// Bounds what runs already as it was to be bounded: where systemd has started the unit anew, it has switched bounds off.
pub fn bound_again(instance: &Instance) -> io::Result<()> {
    let cgroup = instance.spec().ok().and_then(|spec| spec.cgroup);
    cgroup.filter(|(dir, _)| dir.is_dir()).map_or(Ok(()), |(dir, bounds)| Group::make(&dir, bounds).map(drop))
}

#[cfg(test)]
mod tests {
    use dokuen_core::fs;

    use super::*;

    /// Files as the kernel makes them stand in for cgroups.
    #[test]
    fn whoever_holds_it_is_in_a_cgroup_of_its_own_and_what_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let hall = dir.path().join(HALL);
        fs::make_dirs(&hall, fs::PRIVATE_DIR).unwrap();
        fs::replace(&hall.join("cgroup.procs"), b"", 0o600).unwrap();
        let missing = hold(dir.path()).unwrap();
        assert_eq!(missing.len(), 2);
        assert!(missing[0].to_string().contains("cgroup.subtree_control: "), "{missing:?}");
        assert_eq!(fs::read_text(&hall.join("cgroup.procs")).unwrap(), std::process::id().to_string());
        fs::replace(&dir.path().join("cgroup.subtree_control"), b"", 0o600).unwrap();
        assert!(hold(dir.path()).unwrap().is_empty());
        // Each is written by itself, as the kernel wants it.
        assert!(fs::read_text(&dir.path().join("cgroup.subtree_control")).unwrap().starts_with("+pids"));
    }
}
