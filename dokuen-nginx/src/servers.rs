//! Which server blocks an app has: names that share a certificate and a purpose share a block.

use dokuen_core::{Domain, ServerName};

use crate::site::{Certificate, Site};

/// One server block.
#[derive(Debug, PartialEq, Eq)]
pub struct Server<'a> {
    pub names: Vec<ServerName>,
    pub http: bool,
    pub https: Option<&'a Certificate>,
    pub purpose: Purpose,
}

/// What a server block is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To pass requests on to the app.
    App,
    /// To lead from http to https.
    Secure,
    /// To lead to another name.
    Away(Domain),
}

/// The blocks of a site: for each purpose those of each certificate, or none. Without https no certificate counts.
pub fn servers(site: &Site, has_https: bool) -> Vec<Server<'_>> {
    let mut servers = Vec::new();
    for (purpose, names) in purposes(site) {
        for (certificate, names) in by_certificate(site, names, has_https) {
            let apart = certificate.is_some() && site.https_only && purpose == Purpose::App;
            if apart {
                servers.push(Server { names: names.clone(), http: true, https: None, purpose: Purpose::Secure });
            }
            servers.push(Server { names, http: !apart, https: certificate, purpose: purpose.clone() });
        }
    }
    servers
}

fn purposes(site: &Site) -> Vec<(Purpose, Vec<ServerName>)> {
    let mut purposes = vec![(Purpose::App, site.names())];
    for redirect in site.redirects_in_force() {
        let purpose = Purpose::Away(redirect.to.clone());
        match purposes.iter_mut().find(|(other, _)| *other == purpose) {
            Some((_, names)) => names.push(redirect.from.clone()),
            None => purposes.push((purpose, vec![redirect.from.clone()])),
        }
    }
    purposes.retain(|(_, names)| !names.is_empty());
    purposes
}

fn by_certificate(
    site: &Site,
    names: Vec<ServerName>,
    has_https: bool,
) -> Vec<(Option<&Certificate>, Vec<ServerName>)> {
    let mut groups: Vec<(Option<&Certificate>, Vec<ServerName>)> = Vec::new();
    for name in names {
        let certificate = site.certificate(&name).filter(|_| has_https);
        match groups.iter_mut().find(|(other, _)| *other == certificate) {
            Some((_, names)) => names.push(name),
            None => groups.push((certificate, vec![name])),
        }
    }
    groups
}
