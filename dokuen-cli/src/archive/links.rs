//! Symbolic links of trees that come from elsewhere: they lead into their own tree, or to the machine's own programs;
//! never into what is Dokuen's.

use std::path::{Component, Path, PathBuf};

/// Where an app's directory was, and where it is now.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// The directory of the app on the machine it comes from.
    pub from: &'a Path,
    /// The same here.
    pub to: &'a Path,
    /// All that is Dokuen's here.
    pub dokuen: &'a Path,
}

/// The target that a link at `link` (a path in its tree) is to have here; `None` when it may not lead there.
pub fn target(moved: Moved<'_>, link: &Path, target: &Path) -> Option<PathBuf> {
    if target.is_relative() {
        return stays_inside(link, target).then(|| target.to_owned());
    }
    let plain = normal(target)?;
    if let Ok(rest) = plain.strip_prefix(moved.from) {
        return Some(moved.to.join(rest));
    }
    let leads_to_ours = plain.starts_with(moved.dokuen) || moved.dokuen.starts_with(&plain);
    (!leads_to_ours).then(|| target.to_owned())
}

fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// Without `.` and `..`; `None` when it would lead above the root.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir if !plain.pop() => return None,
            _ => {}
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_into_their_tree_or_to_the_machines_programs() {
        let moved = Moved { from: Path::new("/old/apps/a"), to: Path::new("/new/apps/b"), dokuen: Path::new("/new") };
        let at = |link: &str, to: &str| target(moved, Path::new(link), Path::new(to));
        for (link, to, becomes) in [
            ("l", "file", "file"),
            ("bin/l", "../lib/x.js", "../lib/x.js"),
            ("l", "missing/./x", "missing/./x"),
            (".venv/bin/python3", "/usr/bin/python3", "/usr/bin/python3"),
            ("l", "/old/apps/a/releases/20260101T000000/x", "/new/apps/b/releases/20260101T000000/x"),
            ("l", "/old/apps/a/releases/../build", "/new/apps/b/build"),
            ("l", "/newer/x", "/newer/x"),
        ] {
            assert_eq!(at(link, to), Some(PathBuf::from(becomes)), "{link} -> {to}");
        }
        for (link, to) in [
            ("l", "../x"),
            ("l", ".."),
            ("a/l", "../../x"),
            ("a/l", "b/../../../x"),
            ("l", "/new/keys"),
            ("l", "/new/apps/b/env"),
            ("l", "/new"),
            ("l", "/"),
            ("l", "/usr/../new/keys"),
            ("l", "/old/apps/a/../../../new/keys"),
            ("l", "/.."),
        ] {
            assert_eq!(at(link, to), None, "{link} -> {to}");
        }
    }
}
