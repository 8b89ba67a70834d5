//! The one sudo rule: the account may reload the machine's nginx, and nothing else.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{Host, NginxKind};

use super::{Check, Finding, find_program, setup_again};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "sudo", look, fix: None };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    if host.conf.nginx == NginxKind::Own || nix::unistd::geteuid().is_root() {
        return Ok(vec![Finding::ok("no rule is needed")]);
    }
    let Some(sudo) = find_program(host, "sudo") else {
        return Ok(vec![Finding::problem("there is no sudo, by which nginx is reloaded", "apt-get install sudo")]);
    };
    let Ok(nginx) = dokuen_nginx::find_program(&host.conf.search_path()) else {
        return Ok(vec![Finding::unknown("whether nginx may be reloaded cannot be seen here: there is no nginx")]);
    };
    let may = Cmd::new(sudo, Path::new("/")).env("PATH", host.conf.search_path()).args(["-n", "-l"]).arg(&nginx);
    Ok(vec![match may.args(["-s", "reload"]).run() {
        Ok(_) => Finding::ok(format!("{} may reload nginx", host.conf.app_user)),
        Err(_) => Finding::problem(format!("{} may not reload nginx", host.conf.app_user), setup_again(host)),
    }])
}
