//! A candidate is shown to nginx in a configuration of its own, where it can break nothing.

use std::path::{Path, PathBuf};

use dokuen_core::fs::{self, FsError};

use crate::catch_all::{self, Needs, default_word};
use crate::conf_path::ConfPath;
use crate::error::NginxError;
use crate::own::main_conf;
use crate::places::Places;
use crate::program::Nginx;
use crate::site::Site;
use crate::template::{self, CatchAll};

/// Relative to the scratch directory, where the test runs: no right to a port is needed, and a socket's path, which
/// has room for a hundred bytes, fits however long the directory's is.
const FRONT: &str = "unix:front.sock";
const TLS_FRONT: &str = "unix:tls.sock";

/// Whether nginx accepts this app's vhost.
pub fn test_site(nginx: &Nginx, site: &Site) -> Result<(), NginxError> {
    test_sites(nginx, &[site])
}

/// Whether nginx accepts these all together.
pub fn test_sites(nginx: &Nginx, sites: &[&Site]) -> Result<(), NginxError> {
    // The server for unknown names is tested when it changes; here it only has to be there.
    let data = CatchAll { keepalive_min_timeout: false, ..behind_front(catch_all::data(nginx, Needs::default())?) };
    let mut files = vec![(nginx.places().catch_all(), template::catch_all(&data)?)];
    let door = nginx.places().door(nginx.build()?)?.behind(FRONT, TLS_FRONT);
    for site in sites {
        files.push((nginx.places().vhost(&site.app), template::vhost(site, &door)?));
    }
    test(nginx, &files)
}

/// Whether nginx accepts the server for unknown names.
pub fn test_catch_all(nginx: &Nginx, data: CatchAll) -> Result<(), NginxError> {
    test(nginx, &[(nginx.places().catch_all(), template::catch_all(&behind_front(data))?)])
}

fn behind_front(data: CatchAll) -> CatchAll {
    let https = data.https.first().map(|_| default_word(TLS_FRONT, data.http2)).into_iter().collect();
    CatchAll { listen: vec![FRONT.to_owned()], https, quic: Vec::new(), ..data }
}

/// Removes what a killed test left. The lock is the caller's, as it is for every test.
pub(crate) fn sweep(places: &Places) -> Result<(), FsError> {
    let mut left = fs::names(&places.tmp)?.into_iter().filter(|name| name.starts_with(PREFIX));
    left.try_for_each(|name| fs::remove_tree(&places.tmp.join(name)))
}

const PREFIX: &str = "nginx-";

fn test(nginx: &Nginx, files: &[(PathBuf, String)]) -> Result<(), NginxError> {
    let places = nginx.places();
    fs::make_dirs(&places.tmp, fs::PRIVATE_DIR)?;
    let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&places.tmp);
    let scratch = fs::at("make a scratch directory in", &places.tmp, made)?;
    let (dir, include) = (ConfPath::new(scratch.path())?, ConfPath::new(&scratch.path().join("sites"))?);
    fs::make_dir(include.as_path(), fs::PRIVATE_DIR)?;
    for (file, text) in files {
        fs::replace_report(&include.as_path().join(name_of(file)), text.as_bytes(), fs::PRIVATE_FILE)?;
    }
    let conf = dir.as_path().join("nginx.conf");
    fs::replace_report(&conf, main_conf(&dir, &include, None)?.as_bytes(), fs::PRIVATE_FILE)?;
    let candidate = files.last().map_or(conf.as_path(), |(file, _)| file.as_path());
    nginx.test(&conf, dir.as_path()).map_err(|error| at_home(error, &include, candidate))
}

/// The place where the file would have stood, not the scratch directory that is gone by now.
fn at_home(error: NginxError, include: &ConfPath, candidate: &Path) -> NginxError {
    match error {
        NginxError::Refused { file, source } if file.parent() == Some(include.as_path()) => {
            NginxError::Refused { file: candidate.with_file_name(name_of(&file)), source }
        }
        // nginx named no file, but only one is new.
        NginxError::Reload { source } => NginxError::Refused { file: candidate.to_owned(), source },
        other => other,
    }
}

fn name_of(file: &Path) -> &Path {
    file.file_name().map_or(file, Path::new)
}
