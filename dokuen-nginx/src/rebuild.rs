//! All apps at once, for `boot`: every vhost as it should be, one reload, and no bad file in the way of the others.

use std::path::PathBuf;

use dokuen_core::AppName;

use crate::apply::{Change, apply};
use crate::catch_all::Needs;
use crate::earlier;
use crate::error::NginxError;
use crate::park::{Parked, park};
use crate::program::Nginx;
use crate::route::{catch_all_with, lock, settle_catch_all, site_changes};
use crate::site::Site;

/// What [`rebuild`] could not do for everybody.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// Apps whose new vhost nginx does not accept; the old one, if any, is still there.
    pub refused: Vec<(AppName, NginxError)>,
    /// Files that kept nginx from starting or reloading.
    pub set_aside: Vec<Parked>,
}

/// Puts the vhosts of all these apps into force with one reload, or none when they are; starts Dokuen's own nginx.
///
/// An app that nginx does not accept holds up no other. A file of the nginx directory that nginx refuses (a hand-made one, say) is set aside,
/// since at boot the choice is between that and no app at all.
pub fn rebuild(nginx: &Nginx, sites: &[Site]) -> Result<Rebuilt, NginxError> {
    let _lock = lock(nginx, "routing all apps")?;
    let mut rebuilt = Rebuilt::default();
    let needs = sites.iter().map(Needs::of).fold(Needs::default(), Needs::and);
    let mut changes = Vec::from_iter(catch_all_with(nginx, needs)?);
    changes.extend(earlier::removed_of(nginx.places(), sites)?);
    let (sites, refused) = site_changes(nginx, sites)?;
    changes.extend(sites);
    rebuilt.refused = refused;
    while let Err(error) = put_into_force(nginx, &changes) {
        let Some(file) = refused_vhost(nginx, &error) else { return Err(error) };
        let ours = changes.extract_if(.., |change| change.file == file).count() > 0;
        if file.exists() {
            let again = rebuilt.set_aside.iter().any(|parked| parked.file == file);
            let restored = park(nginx.places(), &file, !again)?;
            rebuilt.set_aside.retain(|parked| parked.file != file);
            rebuilt.set_aside.push(Parked { file, restored, error });
        } else if ours {
            rebuilt.set_aside.push(Parked { file, restored: false, error });
        } else {
            return Err(error);
        }
    }
    Ok(rebuilt)
}

fn put_into_force(nginx: &Nginx, changes: &[Change]) -> Result<(), NginxError> {
    if changes.is_empty() { settle_catch_all(nginx) } else { apply(nginx, changes).map(drop) }
}

/// The vhost that nginx refuses. Without the server for unknown names nothing works, so that one is never it.
fn refused_vhost(nginx: &Nginx, error: &NginxError) -> Option<PathBuf> {
    let NginxError::Refused { file, .. } = error else { return None };
    let is_vhost = file.parent() == Some(nginx.places().dir.as_path()) && *file != nginx.places().catch_all();
    is_vhost.then(|| file.clone())
}
