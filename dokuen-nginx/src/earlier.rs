//! The vhosts that apps had when the base domain was another, or the app's name. A file is named by both, so nobody would
//! write over them, and nginx takes no two of one app.

use dokuen_core::AppName;
use dokuen_core::fs::{self, FsError};

use crate::apply::Change;
use crate::places::Places;
use crate::seal;
use crate::site::Site;

/// The changes that remove those of the apps of these sites. The lock must be held.
pub(crate) fn removed_of(places: &Places, sites: &[Site]) -> Result<Vec<Change>, FsError> {
    let apps: Vec<_> = sites.iter().map(|site| &site.app).collect();
    let mut changes = removed(places, &apps)?;
    for former in sites.iter().filter_map(|site| site.former.as_ref()) {
        changes.extend(removed(places, &[former])?);
        changes.extend(Change::gone(places.vhost(former)));
    }
    Ok(changes)
}

/// The changes that remove those of these apps. The lock must be held.
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
