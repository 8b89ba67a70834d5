//! How apps are reached: dokuen-nginx with this host's places, and what each app's front door shall be.
//!
//! Names, certificates and settings are about today, so they are no part of a release: `rollback` brings back code and
//! config vars, and with them `ADDITIONAL_DOMAINS`, but takes nobody's name away. See docs/layout.md for who writes what.

pub mod acme;
pub mod certs;
pub mod files;
pub mod names;
mod saved;
pub mod sheets;
mod site;
pub mod statics;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dokuen_core::{
    App, Environment, Formation, Front, Host, LockError, NginxKind, ProcessType, Transcript, fs, ledger, releases,
};
use dokuen_nginx::{Account, Nginx, NginxError, Own, Parked, Places, Routed, Site, System};

use crate::doctor;
use crate::exit::{Exit, Failure};
use crate::walk;
pub use names::check_config as check_names;
pub use saved::Saved;
pub use site::of as site;

/// When nginx hears of an app that goes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// Before it does: what nobody can reach does not go live.
    First,
    /// From whoever tells it of all apps together, as `boot` does: an app comes up whatever keeps nginx from it.
    Apart,
}

/// Makes the app's names and slots known to nginx; nothing at all happens when they are and it runs. `webs` is how many `web`
/// instances there are, `None` for an app without that process type: nginx may not have to know it, and then it is `None`.
pub fn route(
    host: &Host,
    app: &App,
    config: &Environment,
    webs: Option<usize>,
    out: &mut dyn Transcript,
) -> Result<Option<Routed>, Failure> {
    check_names(host, app, config)?;
    let (nginx, site) = (nginx(host)?, site(host, app, config, webs.unwrap_or(1))?);
    if webs.is_none() && !has_front_door(&nginx, app, &site) {
        return Ok(None);
    }
    if dokuen_nginx::listens_elsewhere(&nginx)? {
        rebuild_or_fail(host)?;
    }
    let routed = say_parked(dokuen_nginx::route(&nginx, &site)?, out);
    if let Err(failure) = tend_logs_of(host, &nginx) {
        out.problem(&failure.to_string());
    }
    Ok(Some(routed))
}

fn say_parked(routed: Routed, out: &mut dyn Transcript) -> Routed {
    routed.parked().iter().for_each(|parked| out.problem(&said(parked)));
    routed
}

/// Whether an app without a process type `web` is nginx's business: it has names, or something was ever said about its
/// front door, or nginx knows it from another day. A reload for each app of workers would be for nobody.
fn has_front_door(nginx: &Nginx, app: &App, site: &Site) -> bool {
    let named = !site.aliases.is_empty() || !site.redirects.is_empty();
    named || app.front().dir().exists() || nginx.places().vhost(&app.name).exists()
}

/// Puts what was changed of an app's front door into force; of an app that was never deployed nginx knows nothing.
/// The caller holds the app's lock.
pub fn refresh(host: &Host, app: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    sweep(&app.front())?;
    if ledger::live(app)?.is_none() {
        out.fact("in force from the first deploy on");
        return Ok(());
    }
    statics::show(host, app)?;
    let config = app.env().load()?;
    route(host, app, &config, Some(instances(&config)), out)?.into_iter().for_each(Routed::keep);
    Ok(())
}

/// What a killed command had not finished writing. The lock of its app, or of the names for what is of all apps, must be
/// held: nobody writes here without it.
pub fn sweep(front: &Front) -> Result<(), Failure> {
    Ok([front.dir(), &front.pages_dir()].into_iter().try_for_each(fs::sweep_unfinished)?)
}

/// How many `web` instances the config asks for.
fn instances(config: &Environment) -> usize {
    let web = config.text("DOKUEN_SCALE").and_then(|text| Formation::parse(text).ok());
    web.map_or(1, |formation| usize::from(formation.count(&ProcessType::web())))
}

/// What happened to somebody else's file.
fn said(parked: &Parked) -> String {
    let file = parked.file.display();
    let causes = std::iter::successors(Some(&parked.error as &dyn std::error::Error), |error| error.source());
    let error = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let then =
        if parked.restored { "and the copy that nginx accepted before is back in its place" } else { "and left out" };
    format!("{error}: {file} was renamed to {file}.refused {then}")
}

/// Puts the app's vhost in the place of the one that it has as `other`, as it is called otherwise while it is renamed.
pub fn renamed(host: &Host, app: &App, other: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    let nginx = nginx(host)?;
    statics::show(host, app)?;
    match site_on_disk(host, &nginx, app)? {
        Some(site) => say_parked(dokuen_nginx::route(&nginx, &site)?, out).keep(),
        None => dokuen_nginx::remove(&nginx, &other.name)?,
    }
    Ok(())
}

/// Takes the app out of nginx.
pub fn remove(host: &Host, app: &App) -> Result<(), Failure> {
    dokuen_nginx::remove(&nginx(host)?, &app.name)?;
    forget(host, app)
}

/// Removes what nginx has shown and written of an app that it knows no more.
pub fn forget(host: &Host, app: &App) -> Result<(), Failure> {
    statics::forget(host, app)?;
    match nginx(host)? {
        Nginx::Own(own) => Ok(own.remove_log(&app.name)?),
        Nginx::System(_) => Ok(()),
    }
}

/// Keeps the logs of Dokuen's own nginx from filling the disk; the machine's has a logrotate of its own.
pub fn tend_logs(host: &Host) -> Result<(), Failure> {
    tend_logs_of(host, &nginx(host)?)
}

fn tend_logs_of(host: &Host, nginx: &Nginx) -> Result<(), Failure> {
    match nginx {
        Nginx::Own(own) => Ok(own.tend_logs(host.conf.log_bytes)?),
        Nginx::System(_) => Ok(()),
    }
}

/// Starts Dokuen's own nginx; the machine's is started by the machine.
pub fn start(host: &Host) -> Result<(), Failure> {
    match nginx(host)? {
        Nginx::Own(own) => Ok(own.start()?),
        Nginx::System(_) => Ok(()),
    }
}

/// Starts Dokuen's own nginx again where it has gone and is still wanted; what there is to say of that, or `None`.
pub fn revive(host: &Host, is_wanted: impl FnOnce() -> bool) -> Result<Option<Vec<String>>, Failure> {
    match nginx(host)? {
        Nginx::Own(own) => Ok(own.revive(is_wanted)?.map(|parked| parked.iter().map(said).collect())),
        Nginx::System(_) => Ok(None),
    }
}

/// Stops Dokuen's own nginx.
pub fn stop(host: &Host) -> Result<(), Failure> {
    match nginx(host)? {
        Nginx::Own(own) => Ok(own.stop(Duration::from_secs(10))?),
        Nginx::System(_) => Ok(()),
    }
}

/// Puts every app's vhost into force with one reload, and says which could not be. It holds no app: a `boot` that is at
/// work on each of them shows their files itself.
pub fn rebuild(host: &Host) -> Result<Vec<(String, String)>, Failure> {
    let (mut sites, mut problems, nginx) = (Vec::new(), Vec::new(), nginx(host)?);
    for app in host.apps()? {
        match site_on_disk(host, &nginx, &app) {
            Ok(site) => sites.extend(site),
            Err(failure) => problems.push((app.name.to_string(), failure.to_string())),
        }
    }
    let moves = dokuen_nginx::listens_elsewhere(&nginx)?;
    let rebuilt = dokuen_nginx::rebuild(&nginx, &sites).map_err(|e| match moves {
        true => Failure::from(e).hint(BY_ANOTHER_PORT),
        false => e.into(),
    })?;
    problems.extend(rebuilt.set_aside.iter().map(|parked| ("nginx".to_owned(), said(parked))));
    problems.extend(rebuilt.refused.into_iter().map(|(app, e)| (app.to_string(), Failure::from(e).to_string())));
    files::sweep(host, &sites)?;
    Ok(problems)
}

/// nginx takes an address before it gives the ones up that it has.
const BY_ANOTHER_PORT: &str = "between all addresses of a port and one of them nginx moves by another port only: set `listen` \
                               to that first, and run setup; then to this one, and run it again";

/// As [`rebuild`], after what may have changed which files of releases nginx shows.
pub fn rebuild_with_files(host: &Host) -> Result<Vec<(String, String)>, Failure> {
    let mut problems = Vec::new();
    for app in host.apps()? {
        let shown = show_files(host, &app);
        problems.extend(shown.err().map(|failure| (app.name.to_string(), failure.to_string())));
    }
    problems.extend(rebuild(host)?);
    Ok(problems)
}

/// Whoever holds the app at this moment shows its files.
fn show_files(host: &Host, app: &App) -> Result<(), Failure> {
    if !statics::concern(host, app)? {
        return Ok(());
    }
    match app.lock("showing its files") {
        Ok(_lock) => statics::show(host, app),
        Err(LockError::Busy { .. } | LockError::Gone { .. }) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// As its config on the disk says; `None` before the first deploy, and where nginx need not know it.
fn site_on_disk(host: &Host, nginx: &Nginx, app: &App) -> Result<Option<Site>, Failure> {
    if ledger::live(app)?.is_none() {
        return Ok(None);
    }
    let config = app.env().load()?;
    let site = site(host, app, &config, instances(&config))?;
    Ok(Some(site).filter(|site| serves_web(app) || has_front_door(nginx, app, site)))
}

/// Whether the live release has a process type `web`; where that cannot be told, yes.
fn serves_web(app: &App) -> bool {
    let current = releases::current(app).ok().flatten();
    let procfile = current.and_then(|tree| walk::procfile_of(&tree).ok());
    procfile.is_none_or(|procfile| procfile.command(&ProcessType::web()).is_some())
}

/// As [`rebuild_with_files`], for a change that is for all: an app that cannot have it is why nobody gets it.
pub fn rebuild_or_fail(host: &Host) -> Result<(), Failure> {
    match rebuild_with_files(host)?.into_iter().find(|(app, _)| app != "nginx") {
        None => Ok(()),
        Some((app, problem)) => Err(Failure::new(Exit::NginxRefused, format!("{app}: {problem}"))),
    }
}

/// Where people find the app.
pub fn url(host: &Host, app: &App) -> Result<String, Failure> {
    let domain = app.domain(&host.conf)?;
    let secure = host.conf.listen_https.filter(|_| certs::of_name(host, app, &domain.clone().into()).is_some());
    let (scheme, usual, port) = match secure {
        Some(address) => ("https", 443, address.port()),
        None => ("http", 80, host.conf.listen.port()),
    };
    Ok(if port == usual { format!("{scheme}://{domain}/") } else { format!("{scheme}://{domain}:{port}/") })
}

/// An address at which nginx answers from this machine.
pub fn near(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], listen.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], listen.port())),
        _ => listen,
    }
}

/// The nginx that the conf names.
pub fn nginx(host: &Host) -> Result<Nginx, Failure> {
    let places = Places::of(host);
    let program = dokuen_nginx::find_program(&host.conf.search_path())?;
    Ok(match host.conf.nginx {
        NginxKind::Own => Nginx::Own(Own::new(places, program, Account::for_workers(&host.conf.app_user)?)?),
        NginxKind::System if nix::unistd::geteuid().is_root() => Nginx::System(System::direct(places, program)),
        NginxKind::System => Nginx::System(System::through_sudo(places, program)),
    })
}

impl From<NginxError> for Failure {
    fn from(cause: NginxError) -> Self {
        let exit = match cause {
            NginxError::NotInstalled { .. } => {
                return Self::new(Exit::HostNotReady, cause).hint(doctor::install("nginx"));
            }
            NginxError::Taken { .. } => Exit::Failed,
            _ => Exit::NginxRefused,
        };
        Self::new(exit, cause)
    }
}
