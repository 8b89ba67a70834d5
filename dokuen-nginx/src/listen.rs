//! Where nginx listens, and where it is asked whether a change is in force.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// The addresses that all of Dokuen's vhosts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    addrs: Vec<SocketAddr>,
}

impl Listen {
    /// This address and no other.
    pub fn only(addr: SocketAddr) -> Self {
        Self { addrs: vec![addr] }
    }

    /// As the conf means it on this machine: `0.0.0.0` is every address, so `[::]` too where there is IPv6.
    pub fn on(addr: SocketAddr) -> Self {
        let mut listen = Self::only(addr);
        if addr.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) && has_ipv6() {
            listen.addrs.push(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), addr.port()));
        }
        listen
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
