//! `DOKUEN_BUILD_DIR`: an app that is one directory of what is pushed.

use std::path::Path;

use dokuen_core::{fs, shown};

use crate::exit::{Exit, Failure};

/// Makes the directory `text` of the tree the tree itself; nothing else of what was pushed is built or kept.
pub fn narrow(scratch: &Path, tree: &Path, text: &str) -> Result<(), Failure> {
    check(text)?;
    let mut dir = tree.to_owned();
    for part in text.split('/') {
        dir.push(part);
        // A symbolic link could lead out of the tree.
        if !dir.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            let missing = format!("DOKUEN_BUILD_DIR is {}, and the push has no such directory", shown(text));
            return Err(Failure::new(Exit::BuildFailed, missing));
        }
    }
    // Where the next command removes what a killed one has left.
    fs::make_dirs(scratch, fs::PRIVATE_DIR)?;
    let whole = scratch.join("whole");
    fs::remove_tree(&whole)?;
    fs::rename(tree, &whole)?;
    fs::rename(&whole.join(text), tree)?;
    fs::set_mode(tree, fs::PRIVATE_DIR)?;
    Ok(fs::remove_tree(&whole)?)
}

/// Refuses what is no path down into the tree.
pub fn check(text: &str) -> Result<(), Failure> {
    let good = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
    if text.split('/').all(good) {
        return Ok(());
    }
    Err(Failure::usage("DOKUEN_BUILD_DIR must be a directory of the push, such as services/web"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_way_down_is_taken() {
        for good in ["web", "services/web", "a b/.c"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "/etc", "../x", "a/../../b", "a//b", "a/", ".", "a\nb"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
