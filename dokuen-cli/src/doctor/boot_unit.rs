//! What starts everything again after a reboot: installed, as `setup` wrote it, and enabled.

use std::path::{Path, PathBuf};

use dokuen_core::cmd::Cmd;
use dokuen_core::{Host, NginxKind, fs};

use super::{Check, Finding};
use crate::exit::Failure;
use crate::setup::{LAUNCHD_PLIST, SYSTEMD_UNIT, boot_unit};

pub const CHECK: Check = Check { about: "boot", look, fix: None };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    Ok(vec![if cfg!(target_os = "macos") { launchd(host) } else { systemd(host)? }])
}

fn launchd(host: &Host) -> Finding {
    if Path::new(LAUNCHD_PLIST).exists() {
        return Finding::ok("launchd starts everything at boot");
    }
    let plist = host.boot_dir().join("dokuen.plist");
    let mend = format!("sudo cp '{}' {LAUNCHD_PLIST} && sudo launchctl load -w {LAUNCHD_PLIST}", plist.display());
    Finding::warning("nothing starts the apps at boot", mend)
}

fn systemd(host: &Host) -> Result<Finding, Failure> {
    let unit = boot_unit(host);
    let user = host.user_unit();
    let places = [(PathBuf::from(SYSTEMD_UNIT), ""), (user, "--user ")];
    let installed = places.iter().find(|(path, _)| is_of(path, host));
    if !Path::new("/run/systemd/system").is_dir() {
        let says = "this machine is not run by systemd, so what starts the apps at boot cannot be seen here";
        return Ok(Finding::unknown(says));
    }
    let Some((path, user)) = installed else {
        let mend = match host.conf.nginx {
            NginxKind::System => super::setup_again(host),
            NginxKind::Own if nix::unistd::geteuid().is_root() => {
                format!("cp '{}' {SYSTEMD_UNIT} && systemctl enable dokuen.service", unit.display())
            }
            NginxKind::Own => format!(
                "mkdir -p ~/.config/systemd/user && cp '{}' ~/.config/systemd/user/ && systemctl --user enable dokuen && loginctl enable-linger",
                unit.display()
            ),
        };
        return Ok(Finding::warning("nothing starts the apps at boot", mend));
    };
    if fs::read_if_there(path)? != fs::read_if_there(&unit)? {
        let says = format!("`{}` is not what setup wrote into `{}`", path.display(), unit.display());
        return Ok(Finding::warning(
            says,
            format!("cp '{}' '{}' && systemctl {user}daemon-reload", unit.display(), path.display()),
        ));
    }
    let enabled = Cmd::new("systemctl", Path::new("/")).env("PATH", host.conf.search_path());
    let enabled = enabled.args(user.split_ascii_whitespace()).args(["is-enabled", "--quiet", "dokuen.service"]);
    Ok(match enabled.run() {
        Ok(_) => Finding::ok("systemd starts everything at boot"),
        Err(_) if !user.is_empty() => Finding::unknown("whether the user's unit is enabled cannot be seen from here"),
        Err(_) => Finding::problem("the boot unit is not enabled", "sudo systemctl enable dokuen.service"),
    })
}

/// Another host on this machine may have its unit there.
fn is_of(unit: &Path, host: &Host) -> bool {
    let text = fs::read_text(unit).unwrap_or_default();
    text.contains(&host.program().display().to_string())
}
