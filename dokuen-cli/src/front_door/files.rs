//! Files that nginx's workers read: pages, and who may come in. They lie in the run directory, which nginx's group may
//! enter, under a name made of what they hold: a new text has a new path, so nginx can be asked whether it has it.

use std::path::Path;

use dokuen_core::{App, Host, fnv1a, fs};
use dokuen_nginx::{ConfPath, Site};

use crate::exit::{Exit, Failure};

/// The place of these bytes, made when they are not there.
pub fn placed(app: &App, bytes: &[u8], extension: &str) -> Result<ConfPath, Failure> {
    let dir = app.worker_files_dir();
    let path = dir.join(format!("{:016x}.{extension}", fnv1a(bytes)));
    if !path.exists() {
        fs::make_dirs(&dir, fs::PUBLIC_DIR)?;
        fs::replace_report(&path, bytes, fs::PUBLIC_FILE)?;
    }
    ConfPath::new(&path).map_err(|e| Failure::new(Exit::HostNotReady, e))
}

/// Removes files that no site names any more. Only for when nginx runs all of these sites.
pub fn sweep(host: &Host, sites: &[Site]) -> Result<(), Failure> {
    for site in sites {
        let dir = host.app_at(site.app.clone()).worker_files_dir();
        let used: Vec<&Path> = site.files.pages.values().chain(&site.files.users).map(ConfPath::as_path).collect();
        for name in fs::names(&dir)? {
            let path = dir.join(name);
            if !used.contains(&path.as_path()) {
                fs::remove(&path)?;
            }
        }
    }
    Ok(())
}
