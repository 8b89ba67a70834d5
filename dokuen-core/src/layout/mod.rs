//! Every path in one place: what lies where under the dokuen directory and the run directory.

mod app;
mod front;
mod host;
mod installed;

use std::path::{Path, PathBuf};

use crate::conf::Conf;
use crate::fnv::fnv1a;
use crate::name::AppName;

/// The longest run directory whose sockets still fit into 103 bytes (macOS's bound; Linux has 107).
pub(crate) const LONGEST_RUN_DIR: usize = 103 - "/".len() - SHORT_APP - "/i/g4294967295.web.500".len();
/// App names longer than this stand shortened in the run directory.
const SHORT_APP: usize = 24;

/// An app's storage, by the directory of its config vars: wrappers know only that.
pub(crate) fn storage_beside(env: &Path) -> PathBuf {
    env.with_file_name("storage")
}

/// What Dokuen itself keeps in a built tree; whatever was pushed or built under that name has gone.
pub fn own_dir_in(tree: &Path) -> PathBuf {
    tree.join(".dokuen")
}

/// A machine with Dokuen set up: its conf, and from it every place.
#[derive(Debug, Clone)]
pub struct Host {
    /// The checked conf.
    pub conf: Conf,
}

/// The places of a front door's state, an app's or that of all apps.
#[derive(Debug, Clone)]
pub struct Front {
    dir: PathBuf,
}

/// One app's places. That there is such an app is the holder's business: see [`Host::app`].
#[derive(Debug, Clone)]
pub struct App {
    /// Its name.
    pub name: AppName,
    dir: PathBuf,
    repo: PathBuf,
    run: PathBuf,
}

/// A short, still unique form of a name: socket paths have little room.
fn short(name: &AppName) -> String {
    if name.as_str().len() <= SHORT_APP {
        return name.to_string();
    }
    let hash = fnv1a(name.as_str().as_bytes());
    // A dot, which no app name holds, keeps it apart from the names of other apps.
    format!("{}.{:08x}", &name.as_str()[..15], (hash >> 32) as u32 ^ hash as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_socket_path_fits_everywhere() {
        let name = AppName::parse(&"a".repeat(63)).unwrap();
        assert_eq!(short(&name).len(), SHORT_APP);
        assert_ne!(short(&name), short(&AppName::parse(&"a".repeat(62)).unwrap()));
        let socket = format!("{}/{}/i/g{}.web.500", "r".repeat(LONGEST_RUN_DIR), short(&name), u32::MAX);
        assert!(socket.len() <= 103, "{}", socket.len());
    }
}
