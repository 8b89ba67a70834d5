//! Making an app's names and slots known to nginx, or unknown.

use dokuen_core::fs::{self, FsError};
use dokuen_core::{AppName, Lock};

use crate::apply::{Change, apply, settle_if_needed};
use crate::error::NginxError;
use crate::pending::Pending;
use crate::program::Nginx;
use crate::scratch;
use crate::site::Site;
use crate::template::{self, CatchAll};
use crate::version::Version;

/// An app that nginx knows as its site says. Dropped without [`Routed::keep`], what was before comes back.
#[must_use = "a route is undone when it is dropped; `keep` it once nothing can fail any more"]
#[derive(Debug)]
pub struct Routed {
    undo: Option<Undo>,
}

#[derive(Debug)]
struct Undo {
    nginx: Nginx,
    done: Change,
    before: Change,
}

impl Routed {
    /// Whether a file changed and nginx was reloaded: old workers may then serve requests for a while.
    pub fn reloaded(&self) -> bool {
        self.undo.is_some()
    }

    /// It stays.
    pub fn keep(mut self) {
        self.undo = None;
    }
}

impl Drop for Routed {
    fn drop(&mut self) {
        if let Some(undo) = self.undo.take() {
            // Nobody is left to be told; what could not be undone is noted as pending, and the next command looks.
            let _ = undo.run();
        }
    }
}

impl Undo {
    fn run(self) -> Result<(), NginxError> {
        let _lock = Lock::take(&self.nginx.places().lock, "undoing a change of nginx")?;
        // Somebody may have changed it since, with a later and better reason.
        if fs::read_if_there(&self.done.file)? == self.done.bytes {
            apply(&self.nginx, &[self.before])?;
        }
        Ok(())
    }
}

/// Puts an app's vhost into force; does nothing at all when it is, and then waits for nobody's lock: the text is
/// looked at before the note, so a change under way is seen as its note, and the app itself is its caller's alone.
///
/// The candidate is tested apart, renamed into place, and proven through nginx. After an error, the old file is back
/// and the old text in force.
pub fn route(nginx: &Nginx, site: &Site) -> Result<Routed, NginxError> {
    if is_there(&site_text(nginx, site)?)? && Pending::is_none(nginx.places())? {
        return Ok(Routed { undo: None });
    }
    let _lock = lock(nginx, "routing an app")?;
    let Some(change) = site_change(nginx, site)? else {
        settle_what_is_noted(nginx)?;
        return Ok(Routed { undo: None });
    };
    let missing = !nginx.places().catch_all().exists();
    let catch_all = if missing { catch_all_change(nginx)? } else { None };
    let changes: Vec<_> = std::iter::once(change.clone()).chain(catch_all).collect();
    let before = apply(nginx, &changes)?.swap_remove(0);
    Ok(Routed { undo: Some(Undo { nginx: nginx.clone(), done: change, before }) })
}

/// Makes an app unknown to nginx: its names end at the server for unknown names.
pub fn remove(nginx: &Nginx, app: &AppName) -> Result<(), NginxError> {
    let _lock = lock(nginx, "removing a route")?;
    let file = nginx.places().vhost(app);
    if file.exists() {
        apply(nginx, &[Change { file, bytes: None }])?;
        return Ok(());
    }
    settle_what_is_noted(nginx)
}

/// What an earlier command left half-done, usually nothing.
fn settle_what_is_noted(nginx: &Nginx) -> Result<(), NginxError> {
    if Pending::is_none(nginx.places())? {
        return Ok(());
    }
    settle_if_needed(nginx, &Pending::load(nginx.places())?)
}

/// Puts the server for unknown names into force; for `setup`, and after an upgrade of nginx.
pub fn ensure_default(nginx: &Nginx) -> Result<(), NginxError> {
    let _lock = lock(nginx, "writing the default server")?;
    settle_catch_all(nginx)
}

pub(crate) fn lock(nginx: &Nginx, doing: &str) -> Result<Lock, NginxError> {
    let places = nginx.places();
    fs::make_dirs(&places.dir, fs::PUBLIC_DIR)?;
    let lock = Lock::take(&places.lock, doing)?;
    // Nobody else writes here: this is what somebody was killed over.
    fs::sweep_unfinished(&places.dir)?;
    fs::sweep_unfinished(&places.own)?;
    scratch::sweep(places)?;
    Ok(lock)
}

/// With the lock held: the server for unknown names is on disk, and nginx runs and answers by it.
pub(crate) fn settle_catch_all(nginx: &Nginx) -> Result<(), NginxError> {
    match catch_all_change(nginx)? {
        Some(change) => apply(nginx, &[change]).map(drop),
        None => settle_if_needed(nginx, &Pending::load(nginx.places())?.and(&nginx.places().catch_all())),
    }
}

/// `None` when the text on disk is the right one; a new text is tested first.
pub(crate) fn site_change(nginx: &Nginx, site: &Site) -> Result<Option<Change>, NginxError> {
    unless_there(site_text(nginx, site)?, || scratch::test_site(nginx, site))
}

fn site_text(nginx: &Nginx, site: &Site) -> Result<Change, NginxError> {
    let text = template::render(site, &nginx.places().listen)?;
    Ok(Change { file: nginx.places().vhost(&site.app), bytes: Some(text.into_bytes()) })
}

pub(crate) fn catch_all_change(nginx: &Nginx) -> Result<Option<Change>, NginxError> {
    let places = nginx.places();
    let knows = nginx.version()?.is_some_and(Version::has_keepalive_min_timeout);
    let (listen, near) = (places.listen.words(), places.listen.near());
    let text = template::catch_all(&CatchAll { listen, near, keepalive_min_timeout: knows })?;
    let change = Change { file: places.catch_all(), bytes: Some(text.into_bytes()) };
    unless_there(change, || scratch::test_catch_all(nginx, knows))
}

fn unless_there(change: Change, test: impl FnOnce() -> Result<(), NginxError>) -> Result<Option<Change>, NginxError> {
    if is_there(&change)? {
        return Ok(None);
    }
    test()?;
    Ok(Some(change))
}

fn is_there(change: &Change) -> Result<bool, FsError> {
    Ok(fs::read_if_there(&change.file)? == change.bytes)
}
