//! Certificates of one's own, made on the spot.

use std::fs;
use std::path::PathBuf;

use crate::host::Host;
use crate::outcome::run;

/// A self-signed certificate for these names and its key, as files beside the host.
pub struct Pem {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Pem {
    pub fn of(host: &Host, label: &str, names: &[&str]) -> Self {
        let (cert, key) = (host.temp().join(format!("{label}.pem")), host.temp().join(format!("{label}.key")));
        let names: Vec<_> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let mut openssl = host.command("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60"]);
        openssl.args(["-subj", "/CN=test", "-addext", &format!("subjectAltName={}", names.join(","))]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        run(openssl.arg("-keyout").arg(&key).arg("-out").arg(&cert), b"", None).ok();
        Self { cert, key }
    }

    /// Both in one text, as they come on standard input.
    pub fn text(&self) -> Vec<u8> {
        [fs::read(&self.cert).unwrap(), fs::read(&self.key).unwrap()].concat()
    }

    pub fn paths(&self) -> [String; 2] {
        [&self.cert, &self.key].map(|path| path.display().to_string())
    }
}
