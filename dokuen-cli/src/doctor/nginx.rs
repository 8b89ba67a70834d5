//! nginx: there, new enough, with a conf it accepts, and running what Dokuen has written.

use std::sync::OnceLock;

use dokuen_core::{Host, NginxKind};
use dokuen_nginx::{Nginx, Version};
use nix::unistd::geteuid;

use super::{Check, Finding, setup_again};
use crate::exit::Failure;
use crate::front_door;

pub const CHECK: Check = Check { about: "nginx", look, fix: Some(fix) };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let nginx = match front_door::nginx(host) {
        Ok(nginx) => nginx,
        Err(failure) => return Ok(vec![Finding::problem(failure.to_string(), super::install("nginx"))]),
    };
    let mut found = vec![version(&nginx)?];
    found.extend(AS_ROOT.get().cloned().unwrap_or_else(|| next_start(host, &nginx)));
    found.extend(in_force(host, &nginx)?);
    if !dokuen_nginx::is_settled(&nginx)? {
        let says = "a command that was killed left a change of nginx half-done";
        found.push(Finding::warning(says, "dokuen boot"));
    }
    Ok(found)
}

fn version(nginx: &Nginx) -> Result<Finding, Failure> {
    let Some(version) = nginx.build()?.version else {
        return Ok(Finding::unknown("this nginx is a fork that numbers its releases its own way"));
    };
    let Version(major, minor, patch) = version;
    if version < Version::OLDEST {
        let Version(needs, at, least) = Version::OLDEST;
        let says = format!("nginx {major}.{minor}.{patch} is too old: {needs}.{at}.{least} or later is needed");
        return Ok(Finding::problem(says, super::install("nginx")));
    }
    let note = if version.has_keepalive_min_timeout() {
        ""
    } else {
        "; from 1.27.4 on no request is lost when names or certificates change (deploys lose none with any)"
    };
    Ok(Finding::ok(format!("nginx {major}.{minor}.{patch}{note}")))
}

/// What was found while this process was root still, who can read all that nginx reads.
static AS_ROOT: OnceLock<Option<Finding>> = OnceLock::new();

/// For whoever becomes the account after it.
pub fn ask_as_root(host: &Host) {
    let becomes_another = geteuid().is_root() && host.conf.app_user != "root";
    if let (NginxKind::System, true, Ok(nginx)) = (host.conf.nginx, becomes_another, front_door::nginx(host)) {
        AS_ROOT.get_or_init(|| next_start(host, &nginx));
    }
}

/// What it would make of its configuration if it were started now.
fn next_start(host: &Host, nginx: &Nginx) -> Option<Finding> {
    match (dokuen_nginx::accepts_its_conf(nginx), nginx) {
        (Ok(Some(())), Nginx::Own(_)) => None,
        (Ok(Some(())), Nginx::System(_)) => Some(Finding::ok("it would start again with what it is to read now")),
        (Ok(None), _) => {
            Some(Finding::unknown("whether nginx would start again cannot be seen by this account: sudo nginx -t"))
        }
        (Err(error), Nginx::Own(_)) => {
            let mend = format!("mend or remove the file, then: {}", boot(host));
            Some(Finding::problem(Failure::from(error).to_string(), mend))
        }
        (Err(error), Nginx::System(_)) => {
            let says = format!("nginx would not start again as it runs now: {}", Failure::from(error));
            Some(Finding::problem(says, "mend that, then: sudo nginx -t"))
        }
    }
}

/// The proof that nginx includes Dokuen's files, too: it repeats what stands in them.
fn in_force(host: &Host, nginx: &Nginx) -> Result<Vec<Finding>, Failure> {
    let here = front_door::near(host.conf.listen);
    let wrong = dokuen_nginx::not_in_force(nginx)?;
    if wrong.is_empty() {
        let says = format!("it answers at {here} for every app as Dokuen has written");
        let deaf = || format!("{says}, but it has no master that could be told of a change");
        let found = if nginx.has_master() { Finding::ok(says) } else { Finding::problem(deaf(), boot(host)) };
        return Ok(vec![found]);
    }
    let mend = match host.conf.nginx {
        NginxKind::Own => boot(host),
        NginxKind::System => format!("sudo nginx -t && {}", setup_again(host)),
    };
    if std::net::TcpStream::connect(here).is_err() {
        return Ok(vec![Finding::problem(format!("nginx does not answer at {here}"), mend)]);
    }
    let finding = |file: std::path::PathBuf| {
        Finding::problem(format!("nginx does not run `{}` as it stands there", file.display()), mend.clone())
    };
    Ok(wrong.into_iter().map(finding).collect())
}

fn boot(host: &Host) -> String {
    format!("'{}' boot", host.program().display())
}

/// As at boot: started, every vhost written anew and proven.
fn fix(host: &Host) -> Result<(), Failure> {
    front_door::start(host)?;
    front_door::rebuild_with_files(host).map(drop)
}
