//! Ports to give to processes.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use dokuen_core::{Host, fs};

use super::{Check, Finding};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "ports", look, fix: None };

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let (range, reserved) = (host.conf.ports, fs::names(&host.ports_dir())?);
    let all: Vec<_> = range.from_offset(0).collect();
    let ours = |port: &dokuen_core::Port| reserved.contains(&port.to_string());
    let bound = |port: &dokuen_core::Port| TcpListener::bind((Ipv4Addr::LOCALHOST, port.get())).is_err();
    let others = all.iter().filter(|port| !ours(port) && bound(port)).count();
    let used = all.iter().filter(|port| ours(port)).count();
    let free = all.len() - used - others;
    let says = format!(
        "{free} of the ports {} to {} are free; processes have {used}, other programs {others}",
        range.min(),
        range.max()
    );
    let mend = format!("widen min_port and max_port in '{}'", host.conf_file().display());
    let enough = match free {
        0 => Finding::problem(says, mend),
        // A deploy needs as many again as there are processes.
        _ if free < used => Finding::warning(says, mend),
        _ => Finding::ok(says),
    };
    Ok([enough].into_iter().chain(overlap(host)).collect())
}

fn overlap(host: &Host) -> Option<Finding> {
    let says = outgoing_overlap(host)?;
    let conf = host.conf_file();
    Some(Finding::warning(says, format!("choose others with min_port and max_port in '{}'", conf.display())))
}

/// Linux gives such ports to outgoing connections, one of which may then have the port of an app that is to start.
pub fn outgoing_overlap(host: &Host) -> Option<String> {
    let range = fs::read_text(Path::new("/proc/sys/net/ipv4/ip_local_port_range")).ok()?;
    let ends: Vec<u16> = range.split_ascii_whitespace().filter_map(|end| end.parse().ok()).collect();
    let ([low, high], ports) = (ends[..].try_into().ok()?, host.conf.ports);
    let (min, max) = (ports.min(), ports.max());
    ports
        .overlaps(low, high)
        .then(|| format!("ports {min} to {max} overlap those of outgoing connections, {low} to {high}"))
}
