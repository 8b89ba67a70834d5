//! The texts that nginx reads, and which of their lines depend on what.

mod others;
mod parts;
mod versions;
mod vhost;

use std::path::Path;

use dokuen_core::{AppName, Domain, Protocol, ServerName};

use super::*;
use crate::seal::Seal;
use crate::setting::Settings;
use crate::site::{Certificate, Custom, Files, Redirect, Upstream};
use crate::version::Version;

fn site() -> Site {
    let live = ConfPath::new(Path::new("/run/my dokuen/hello/live")).unwrap();
    let site = Site::new(AppName::parse("hello").unwrap(), Domain::parse("hello.example.com").unwrap(), live);
    Site { slots: 2, ..site }
}

fn listen() -> Listen {
    Listen::only("127.0.0.1:8080".parse().unwrap())
}

fn dir(path: &str) -> ConfPath {
    ConfPath::new(Path::new(path)).unwrap()
}

fn names(names: &[&str]) -> Vec<ServerName> {
    names.iter().map(|name| ServerName::parse(name).unwrap()).collect()
}

fn certificate(names_of: &[&str]) -> Certificate {
    Certificate { names: names(names_of), chain: dir("/c/chain.pem"), key: dir("/c/key.pem") }
}
