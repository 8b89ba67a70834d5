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

/// A certificate of a small authority of one's own: a root that people believe, one below it, and the certificate.
pub struct Chain {
    pub root: PathBuf,
    pub issuer: PathBuf,
    pub issuer_key: PathBuf,
    pub leaf: PathBuf,
    /// The certificate and the one that vouches for it.
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Chain {
    /// For this name; it says that this responder knows whether it was revoked.
    pub fn of(host: &Host, name: &str, responder: &str) -> Self {
        let at = |file: &str| host.temp().join(format!("chain-{file}"));
        let openssl = |words: &[&str]| {
            let mut openssl = host.command("openssl");
            run(openssl.current_dir(host.temp()).args(words), b"", None).ok()
        };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let root = ["req", "-x509", "-days", "60", "-subj", "/CN=test root", "-keyout", "chain-root.key"];
        openssl(&[&root[..], &key, &["-out", "chain-root.pem"]].concat());
        let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n";
        let leaf = format!("subjectAltName=DNS:{name}\nauthorityInfoAccess=OCSP;URI:{responder}\n");
        for (file, subject, by, extensions) in [
            ("issuer", "/CN=test issuer", "root", ca.to_owned()),
            ("leaf", "/CN=test", "issuer", format!("basicConstraints=critical,CA:FALSE\n{leaf}")),
        ] {
            fs::write(at(&format!("{file}.ext")), extensions).unwrap();
            let [file_key, csr] = ["key", "csr"].map(|kind| format!("chain-{file}.{kind}"));
            openssl(&[&["req", "-subj", subject, "-keyout", &file_key, "-out", &csr][..], &key].concat());
            let (by_pem, by_key) = (format!("chain-{by}.pem"), format!("chain-{by}.key"));
            let (ext, out) = (format!("chain-{file}.ext"), format!("chain-{file}.pem"));
            let sign = ["x509", "-req", "-in", &csr, "-CA", &by_pem, "-CAkey", &by_key, "-CAcreateserial"];
            openssl(&[&sign[..], &["-days", "60", "-extfile", &ext, "-out", &out]].concat());
        }
        let chain = [at("leaf.pem"), at("issuer.pem")].map(|path| fs::read(path).unwrap()).concat();
        fs::write(at("chain.pem"), chain).unwrap();
        Self {
            root: at("root.pem"),
            issuer: at("issuer.pem"),
            issuer_key: at("issuer.key"),
            leaf: at("leaf.pem"),
            chain: at("chain.pem"),
            key: at("leaf.key"),
        }
    }

    pub fn paths(&self) -> [String; 2] {
        [&self.chain, &self.key].map(|path| path.display().to_string())
    }
}
