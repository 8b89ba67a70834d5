//! The vhosts that apps had when the base domain was another. A file is named by it, so nobody would write over them, and
//! nginx takes no two of one app.

use dokuen_core::AppName;
use dokuen_core::fs::{self, FsError};

use crate::apply::Change;
use crate::places::Places;
use crate::seal;

/// The changes that remove them. The lock must be held.
pub(crate) fn removed(places: &Places, apps: &[&AppName]) -> Result<Vec<Change>, FsError> {
    let mut changes = Vec::new();
    for name in fs::names(&places.dir)?.into_iter().filter(|name| name.ends_with(".conf")) {
        let file = places.dir.join(name);
        let bytes = fs::read_if_there(&file)?.unwrap_or_default();
        if apps.iter().any(|app| file != places.vhost(app) && seal::is_of(&bytes, app)) {
            changes.push(Change { file, bytes: None });
        }
    }
    Ok(changes)
}
