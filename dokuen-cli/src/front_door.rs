//! How apps are reached: dokuen-nginx with this host's places and the names each app asks for.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dokuen_core::{App, Environment, Formation, Host, NginxKind, ProcessType, ledger};
use dokuen_nginx::{Account, ConfPath, Nginx, NginxError, Own, Places, Routed, Site, System};

use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Makes the app's names and slots known to nginx; nothing at all happens when they are.
pub fn route(host: &Host, app: &App, config: &Environment, instances: usize) -> Result<Routed, Failure> {
    check_names(host, app, config)?;
    Ok(dokuen_nginx::route(&nginx(host)?, &site(host, app, config, instances)?)?)
}

/// Takes the app out of nginx.
pub fn remove(host: &Host, app: &App) -> Result<(), Failure> {
    Ok(dokuen_nginx::remove(&nginx(host)?, &app.name)?)
}

/// Starts Dokuen's own nginx; the machine's is started by the machine.
pub fn start(host: &Host) -> Result<(), Failure> {
    match nginx(host)? {
        Nginx::Own(own) => Ok(own.start()?),
        Nginx::System(_) => Ok(()),
    }
}

/// Stops Dokuen's own nginx.
pub fn stop(host: &Host) -> Result<(), Failure> {
    match nginx(host)? {
        Nginx::Own(own) => Ok(own.stop(Duration::from_secs(10))?),
        Nginx::System(_) => Ok(()),
    }
}

/// Puts every app's vhost into force with one reload, and says which could not be.
pub fn rebuild(host: &Host) -> Result<Vec<(String, String)>, Failure> {
    let (mut sites, mut problems) = (Vec::new(), Vec::new());
    for app in host.apps()? {
        if ledger::live(&app)?.is_none() {
            continue;
        }
        let config = app.env().load()?;
        let web = config.text("DOKUEN_SCALE").and_then(|text| Formation::parse(text).ok());
        let instances = web.map_or(1, |formation| usize::from(formation.count(&ProcessType::web())));
        match site(host, &app, &config, instances) {
            Ok(site) => sites.push(site),
            Err(failure) => problems.push((app.name.to_string(), failure.to_string())),
        }
    }
    let rebuilt = dokuen_nginx::rebuild(&nginx(host)?, &sites)?;
    problems.extend(
        rebuilt
            .refused
            .iter()
            .map(|(app, e)| (app.to_string(), Failure::new(Exit::NginxRefused, e.to_string()).to_string())),
    );
    problems.extend(rebuilt.set_aside.iter().map(|(file, e)| (file.display().to_string(), format!("set aside: {e}"))));
    Ok(problems)
}

/// A name belongs to the app that had it first; nginx itself would only warn, and serve whichever file comes first.
pub fn check_names(host: &Host, app: &App, config: &Environment) -> Result<(), Failure> {
    let wanted = Settings::read(host, config)?.domains;
    let base = &host.conf.base_domain;
    for name in &wanted {
        let own = format!(".{base}");
        let taken = name == base || (name.as_str().ends_with(&own) && *name != app.domain(&host.conf)?);
        if taken {
            return Err(Failure::usage(format!("{name}: the names under {base} belong to the apps of these names")));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    for other in host.apps()?.into_iter().filter(|other| other.name != app.name) {
        let theirs = Settings::read(host, &other.env().load()?)?.domains;
        if let Some(name) = wanted.iter().find(|name| theirs.contains(name)) {
            return Err(Failure::new(Exit::Failed, format!("{name} is a name of the app {} already", other.name)));
        }
    }
    Ok(())
}

/// Where people find the app.
pub fn url(host: &Host, app: &App) -> Result<String, Failure> {
    let domain = app.domain(&host.conf)?;
    let port = host.conf.listen.port();
    Ok(if port == 80 { format!("http://{domain}/") } else { format!("http://{domain}:{port}/") })
}

/// An address at which nginx answers from this machine.
pub fn near(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], listen.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], listen.port())),
        _ => listen,
    }
}

fn site(host: &Host, app: &App, config: &Environment, instances: usize) -> Result<Site, Failure> {
    let live = ConfPath::new(&app.live_route()).map_err(|e| Failure::new(Exit::HostNotReady, e))?;
    let site = Site::new(app.name.clone(), app.domain(&host.conf)?, live);
    let slots = dokuen_core::slots_for(u16::try_from(instances).unwrap_or(u16::MAX));
    Ok(Site { aliases: Settings::read(host, config)?.domains, slots, ..site })
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
            NginxError::NotInstalled { .. } => Exit::HostNotReady,
            _ => Exit::NginxRefused,
        };
        Self::new(exit, cause)
    }
}
