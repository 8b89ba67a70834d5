//! Where nginx listens, and where it is asked whether a change is in force.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::conf_path::ConfPath;
use crate::version::{Build, Version};

/// The addresses that all of Dokuen's vhosts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    addrs: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
}

impl Listen {
    /// This address and no other.
    pub fn only(addr: SocketAddr) -> Self {
        Self { addrs: vec![addr], https: Vec::new() }
    }

    /// As the conf means it on this machine: `0.0.0.0` is every address, so `[::]` too where there is IPv6.
    pub fn on(addr: SocketAddr) -> Self {
        Self { addrs: both(addr), https: Vec::new() }
    }

    /// And for https here, once there is a certificate; meant as in [`Listen::on`].
    pub fn and_https(self, addr: Option<SocketAddr>) -> Self {
        Self { https: addr.map(both).unwrap_or_default(), ..self }
    }

    /// Whether there can be https at all.
    pub fn has_https(&self) -> bool {
        !self.https.is_empty()
    }

    pub(crate) fn https_words(&self) -> Vec<String> {
        self.https.iter().map(ToString::to_string).collect()
    }

    /// What stands behind `listen`. nginx itself keeps `[::]` to IPv6, so both lines have their own socket.
    pub(crate) fn words(&self) -> Vec<String> {
        self.addrs.iter().map(ToString::to_string).collect()
    }

    /// Where this machine reaches nginx.
    pub(crate) fn here(&self) -> SocketAddr {
        let addr = self.addrs[0];
        let ip = match addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, addr.port())
    }

    /// Who may ask for the sum of a vhost: this machine. A connection to a certain address comes from that address.
    pub(crate) fn near(&self) -> Vec<String> {
        let mut ips: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for ip in self.addrs.iter().map(SocketAddr::ip) {
            if !ip.is_unspecified() && !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        ips.iter().map(ToString::to_string).collect()
    }
}

fn both(addr: SocketAddr) -> Vec<SocketAddr> {
    let every = addr.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) && has_ipv6();
    let ipv6 = every.then(|| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), addr.port()));
    std::iter::once(addr).chain(ipv6).collect()
}

/// The door an app's vhost stands behind: what is the same for all apps of a host, in nginx's words.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub http: Vec<String>,
    pub https: Vec<String>,
    /// For HTTP/3; nothing where this nginx does not have it.
    pub quic: Vec<String>,
    pub http3: bool,
    pub http2_directive: bool,
    pub keepalive_time: bool,
    pub challenges: Option<ConfPath>,
    pub logs: Option<ConfPath>,
    pub cache: ConfPath,
    pub ports: (u16, u16),
}

impl Door {
    /// Nothing but the addresses: no challenges, no logs.
    pub fn of(listen: &Listen, build: Build) -> Self {
        let http2_directive = build.knows(Version::has_http2_directive);
        let keepalive_time = build.knows(Version::has_keepalive_time);
        let quic = listen.https_words().iter().filter(|_| build.http3).map(|word| format!("{word} quic")).collect();
        let https = listen.https_words().iter().map(|word| https_word(word, http2_directive)).collect();
        let ports = (listen.addrs[0].port(), listen.https.first().map_or(443, SocketAddr::port));
        let cache = ConfPath::new(Path::new("/var/cache/nginx")).expect("a plain path");
        Self {
            http: listen.words(),
            https,
            quic,
            http3: build.http3,
            http2_directive,
            keepalive_time,
            challenges: None,
            logs: None,
            cache,
            ports,
        }
    }

    /// The same behind these sockets, for a test that needs no right to a port. Datagrams have no such place.
    pub fn behind(self, http: &str, https: &str) -> Self {
        let https = vec![https_word(https, self.http2_directive)];
        Self { http: vec![http.to_owned()], https, quic: Vec::new(), ..self }
    }

    /// `:8080`, or nothing where that is understood.
    pub fn http_port(&self) -> String {
        if self.ports.0 == 80 { String::new() } else { format!(":{}", self.ports.0) }
    }

    /// The same of https.
    pub fn https_port(&self) -> String {
        if self.ports.1 == 443 { String::new() } else { format!(":{}", self.ports.1) }
    }
}

pub(crate) fn https_word(address: &str, http2_directive: bool) -> String {
    format!("{address} ssl{}", if http2_directive { "" } else { " http2" })
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_reaches_every_kind_of_address() {
        for (addr, here, near) in [
            ("0.0.0.0:80", "127.0.0.1:80", "127.0.0.1 ::1"),
            ("[::]:80", "[::1]:80", "127.0.0.1 ::1"),
            ("127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1 ::1"),
            ("192.0.2.7:80", "192.0.2.7:80", "127.0.0.1 ::1 192.0.2.7"),
        ] {
            let listen = Listen::only(addr.parse().unwrap());
            assert_eq!((listen.here().to_string().as_str(), listen.near().join(" ").as_str()), (here, near));
        }
    }

    #[test]
    fn every_address_is_ipv6_too_where_there_is_ipv6() {
        let words = Listen::on("0.0.0.0:80".parse().unwrap()).words();
        assert_eq!(words, if has_ipv6() { vec!["0.0.0.0:80", "[::]:80"] } else { vec!["0.0.0.0:80"] });
        assert_eq!(Listen::on("127.0.0.1:80".parse().unwrap()).words(), ["127.0.0.1:80"]);
    }
}
