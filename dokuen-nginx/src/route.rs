//! Making an app's names and slots known to nginx, or unknown.

use dokuen_core::fs::{self, FsError};
use dokuen_core::{AppName, Lock, LockError};

use crate::apply::{Change, apply, settle_if_needed};
use crate::catch_all::Needs;
use crate::error::NginxError;
use crate::park::{Parked, apply_parking};
use crate::pending::Pending;
use crate::places::Places;
use crate::program::Nginx;
use crate::seal::{self, Seal};
use crate::site::{Site, Upstream};
use crate::template;
use crate::version::Build;
use crate::{catch_all, earlier, scratch};

/// An app that nginx knows as its site says. Dropped without [`Routed::keep`], what was before comes back.
#[must_use = "a route is undone when it is dropped; `keep` it once nothing can fail any more"]
#[derive(Debug)]
pub struct Routed {
    undo: Option<Undo>,
    parked: Vec<Parked>,
}

#[derive(Debug)]
struct Undo {
    nginx: Nginx,
    done: Change,
    before: Vec<Change>,
}

impl Routed {
    fn unchanged() -> Self {
        Self { undo: None, parked: Vec::new() }
    }

    /// Whether a file changed and nginx was reloaded: old workers may then serve requests for a while.
    pub fn reloaded(&self) -> bool {
        self.undo.is_some()
    }

    /// Files of others that were in the way: a broken one keeps nobody from being routed.
    pub fn parked(&self) -> &[Parked] {
        &self.parked
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
            apply(&self.nginx, &self.before)?;
        }
        Ok(())
    }
}

/// Puts an app's vhost into force; does nothing at all when it is, and then waits for nobody's lock: the text is
/// looked at before the note, so a change under way is seen as its note, and the app itself is its caller's alone.
///
/// The candidate is tested apart, renamed into place, and proven through nginx. After an error, the old file is back
/// and the old text in force.
///
/// Dokuen's own nginx is started where it does not run, or the route fails: an app that nobody can reach is not routed.
pub fn route(nginx: &Nginx, site: &Site) -> Result<Routed, NginxError> {
    let former = site.former.as_ref().is_some_and(|former| nginx.places().vhost(former).exists());
    if !former && is_there(&site_text(nginx, site)?)? && Pending::is_none(nginx.places())? && nginx.has_master() {
        sweep_after_a_killed_one(nginx.places())?;
        return Ok(Routed::unchanged());
    }
    let _lock = lock(nginx, "routing an app")?;
    let mut changes = Vec::from_iter(site_change(nginx, site)?);
    changes.extend(earlier::removed_of(nginx.places(), std::slice::from_ref(site))?);
    let Some(done) = changes.first().cloned() else {
        let parked =
            if nginx.has_master() { settle_what_is_noted(nginx).map(|()| Vec::new()) } else { start(nginx, site) }?;
        return Ok(Routed { undo: None, parked });
    };
    refuse_names_of_others(nginx.places(), &changes)?;
    let of_the_app = changes.len();
    changes.extend(catch_all_change(nginx, Needs::of(site))?);
    let (mut before, parked) = apply_parking(nginx, &changes)?;
    before.truncate(of_the_app);
    Ok(Routed { undo: Some(Undo { nginx: nginx.clone(), done, before }), parked })
}

/// What is on the disk is put there once more, so that the start is proven by the app's own names, and a broken file of
/// somebody else is as little in its way as in that of a change.
fn start(nginx: &Nginx, site: &Site) -> Result<Vec<Parked>, NginxError> {
    let catch_all = catch_all_change(nginx, Needs::of(site))?;
    let changes: Vec<_> = std::iter::once(site_text(nginx, site)?).chain(catch_all).collect();
    apply_parking(nginx, &changes).map(|(_, parked)| parked)
}

/// Whether nginx would accept this app, shown to it apart from all others. Nothing changes.
pub fn test(nginx: &Nginx, site: &Site) -> Result<(), NginxError> {
    let _lock = lock(nginx, "testing a site")?;
    scratch::test_site(nginx, site)
}

/// Makes an app unknown to nginx: its names end at the server for unknown names.
pub fn remove(nginx: &Nginx, app: &AppName) -> Result<(), NginxError> {
    let _lock = lock(nginx, "removing a route")?;
    let mut changes = earlier::removed(nginx.places(), &[app])?;
    changes.extend(Change::gone(nginx.places().vhost(app)));
    if changes.is_empty() {
        return settle_what_is_noted(nginx);
    }
    apply_parking(nginx, &changes).map(drop)
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
    for dir in [&places.dir, &places.cache] {
        fs::make_dirs(dir, fs::PUBLIC_DIR)?;
    }
    let lock = Lock::take(&places.lock, doing)?;
    sweep(places)?;
    Ok(lock)
}

/// What somebody was killed over goes, unless somebody is at work: a deploy that has nothing to say to nginx waits for no lock.
fn sweep_after_a_killed_one(places: &Places) -> Result<(), NginxError> {
    if !Lock::is_signed(&places.lock)? {
        return Ok(());
    }
    match Lock::try_take(&places.lock, "nginx", "sweeping") {
        Ok(_lock) => Ok(sweep(places)?),
        Err(LockError::Busy { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// With the lock held, so that nobody else writes here.
fn sweep(places: &Places) -> Result<(), FsError> {
    for dir in [&places.dir, &places.own, &places.good()] {
        fs::sweep_unfinished(dir)?;
    }
    scratch::sweep(places)
}

/// With the lock held: the server for unknown names is on disk, and nginx runs and answers by it.
pub(crate) fn settle_catch_all(nginx: &Nginx) -> Result<(), NginxError> {
    match catch_all_change(nginx, Needs::default())? {
        Some(change) => apply(nginx, &[change]).map(drop),
        None => settle_if_needed(nginx, &Pending::load(nginx.places())?.and(&nginx.places().catch_all())),
    }
}

/// Apps, each with why nginx does not accept it.
pub(crate) type Refusals = Vec<(AppName, NginxError)>;

/// The changes of many sites, and those that nginx does not accept. Nearly always it accepts all, so they are shown to it
/// together first: one by one, a thousand apps would take a minute and a half.
pub(crate) fn site_changes(nginx: &Nginx, sites: &[Site]) -> Result<(Vec<Change>, Refusals), NginxError> {
    let (mut changed, mut changes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for site in sites {
        match site_text(nginx, site) {
            Ok(change) if is_there(&change)? => {}
            Ok(change) => {
                changed.push(site);
                changes.push(change);
            }
            Err(error) => refused.push((site.app.clone(), error)),
        }
    }
    if changed.len() > 1 && scratch::test_sites(nginx, &changed).is_ok() {
        return Ok((changes, refused));
    }
    let mut good = Vec::new();
    for (site, change) in changed.into_iter().zip(changes) {
        match scratch::test_site(nginx, site) {
            Ok(()) => good.push(change),
            Err(error) => refused.push((site.app.clone(), error)),
        }
    }
    Ok((good, refused))
}

/// `None` when the text on disk is the right one; a new text is tested first.
fn site_change(nginx: &Nginx, site: &Site) -> Result<Option<Change>, NginxError> {
    unless_there(site_text(nginx, site)?, || scratch::test_site(nginx, site))
}

fn site_text(nginx: &Nginx, site: &Site) -> Result<Change, NginxError> {
    let text = template::vhost(site, &nginx.places().door(build_for(nginx, site)?)?)?;
    Ok(Change { file: nginx.places().vhost(&site.app), bytes: Some(text.into_bytes()) })
}

/// A site without a certificate, behind fronts, looks the same to every nginx, so it need not be asked.
fn build_for(nginx: &Nginx, site: &Site) -> Result<Build, NginxError> {
    let same = site.certificates.is_empty() && site.upstream == Upstream::Fronts;
    if same { Ok(Build::default()) } else { nginx.build() }
}

/// Where nginx listens for https or HTTP/3 it goes on to, until all apps are looked at together.
pub(crate) fn catch_all_change(nginx: &Nginx, needs: Needs) -> Result<Option<Change>, NginxError> {
    let text = fs::read_if_there(&nginx.places().catch_all())?.unwrap_or_default();
    catch_all_with(nginx, needs.and(Needs::met_by(&String::from_utf8_lossy(&text))))
}

/// The same, with just these needs.
pub(crate) fn catch_all_with(nginx: &Nginx, needs: Needs) -> Result<Option<Change>, NginxError> {
    let data = catch_all::data(nginx, needs)?;
    let change = Change { file: nginx.places().catch_all(), bytes: Some(template::catch_all(&data)?.into_bytes()) };
    unless_there(change, || scratch::test_catch_all(nginx, data))
}

/// The last word on who has a name, under the lock: two commands may have looked at the same time. The first change is that
/// of the app's file, where that changes at all, and no other among them is somebody else's.
fn refuse_names_of_others(places: &Places, changes: &[Change]) -> Result<(), NginxError> {
    let ours = changes.first().and_then(|change| Seal::of(change.bytes.as_deref()?));
    let Some(ours) = ours else { return Ok(()) };
    for name in fs::names(&places.dir)?.iter().filter(|name| name.ends_with(".conf")) {
        let file = places.dir.join(name);
        if changes.iter().any(|change| change.file == file) || file == places.catch_all() {
            continue;
        }
        let Some(theirs) = fs::read_if_there(&file)?.and_then(|bytes| Seal::of(&bytes)) else { continue };
        if let Some(name) = ours.domains.iter().find(|name| theirs.domains.contains(name)) {
            return Err(NginxError::Taken { name: seal::named(name), file });
        }
    }
    Ok(())
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
