//! A certificate authority of one's own: Debian's pebble, the test server of Let's Encrypt, and its DNS.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::curl::try_curl;
use crate::host::{Host, eventually};
use crate::outcome::run;

/// Ended with the test.
pub struct Authority {
    host: Host,
    children: Vec<Child>,
    directory: SocketAddr,
    management: SocketAddr,
    dns_control: SocketAddr,
    /// The certificate that its own https is believed by.
    pub root: PathBuf,
    dir: PathBuf,
}

/// What makes it stubborn.
#[derive(Default)]
pub struct Whims {
    /// Only customers with this key may open an account: its name and the key.
    pub external: Option<(&'static str, &'static str)>,
    /// It believes everything without a look.
    pub credulous: bool,
}

impl Authority {
    pub fn new(host: &Host, whims: &Whims) -> Self {
        let ports: Vec<SocketAddr> = free(5);
        let dir = host.temp().join("authority");
        fs::create_dir_all(&dir).unwrap();
        let pem = crate::pem::Pem::of(host, "authority/own", &["localhost"]);
        let external = match whims.external {
            Some((id, key)) => {
                format!(r#""externalAccountBindingRequired": true, "externalAccountMACKeys": {{"{id}": "{key}"}},"#)
            }
            None => r#""externalAccountBindingRequired": false,"#.to_owned(),
        };
        let conf = format!(
            r#"{{"pebble": {{"listenAddress": "{}", "managementListenAddress": "{}", "certificate": "{}", "privateKey": "{}",
            "httpPort": {}, "tlsPort": {}, {external} "ocspResponderURL": ""}}}}"#,
            ports[0],
            ports[1],
            pem.cert.display(),
            pem.key.display(),
            host.listen().port(),
            host.https().port(),
        );
        fs::write(dir.join("conf.json"), conf).unwrap();
        let mut authority = Self {
            host: host.clone(),
            children: Vec::new(),
            directory: ports[0],
            management: ports[1],
            dns_control: ports[3],
            root: pem.cert,
            dir,
        };
        authority.dns(&ports);
        authority.start(whims);
        authority
    }

    /// Its DNS: every name leads to this machine, and records can be made.
    fn dns(&mut self, ports: &[SocketAddr]) {
        let mut dns = Command::new("pebble-challtestsrv");
        dns.args(["-dns01", &ports[2].to_string(), "-management", &ports[3].to_string()]);
        dns.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        self.spawn(dns, ports[3]);
        fs::write(self.dir.join("dns"), ports[2].to_string()).unwrap();
    }

    pub fn start(&mut self, whims: &Whims) {
        let mut pebble = Command::new("pebble");
        pebble.arg("-config").arg(self.dir.join("conf.json")).arg("-strict");
        pebble.args(["-dnsserver", &fs::read_to_string(self.dir.join("dns")).unwrap()]);
        // No random pauses, and no nonces that are refused at random: the client's own retries have tests of their own.
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0").env("PEBBLE_AUTHZREUSE", "0");
        if whims.credulous {
            pebble.env("PEBBLE_VA_ALWAYS_VALID", "1");
        }
        self.spawn(pebble, self.directory);
    }

    fn spawn(&mut self, mut command: Command, at: SocketAddr) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.children.push(child.expect("these tests need pebble and pebble-challtestsrv"));
        eventually("the authority listens", || TcpStream::connect(at).is_ok());
    }

    /// It is gone until it is started again, and has forgotten everything.
    pub fn stop(&mut self) {
        let mut pebble = self.children.pop().unwrap();
        pebble.kill().unwrap();
        pebble.wait().unwrap();
    }

    pub fn port(&self) -> u16 {
        self.directory.port()
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.directory.port())
    }

    /// `--directory` and `--root`, as they are typed.
    pub fn flags(&self) -> Vec<String> {
        vec![format!("--directory={}", self.url()), format!("--root={}", self.root.display())]
    }

    /// The root certificate that those who trust it have.
    pub fn issuer(&self) -> PathBuf {
        let path = self.dir.join("issuer.pem");
        let out = self.ask(&format!("https://localhost:{}/roots/0", self.management.port()), &[]);
        fs::write(&path, out).unwrap();
        path
    }

    /// What it says of a certificate: `Valid` or `Revoked`.
    pub fn status(&self, cert: &std::path::Path) -> String {
        let mut openssl = self.host.command("openssl");
        let serial = run(openssl.args(["x509", "-noout", "-serial", "-in"]).arg(cert), b"", None).ok().out();
        let serial = serial.trim().trim_start_matches("serial=").to_ascii_lowercase();
        let out = self.ask(
            &format!(
                "https://localhost:{}/cert-status-by-serial/{}",
                self.management.port(),
                serial.trim_start_matches('0')
            ),
            &[],
        );
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        json["Status"].as_str().unwrap().to_owned()
    }

    /// A hook that makes records in its DNS.
    pub fn hook(&self) -> PathBuf {
        let path = self.dir.join("hook");
        let at = self.dns_control;
        let script = format!(
            "#!/bin/sh\necho \"$1 $2\" >> {log}\ncase $1 in\n\
             add) curl -sS -f -d \"{{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$3\\\"}}\" http://{at}/set-txt ;;\n\
             remove) curl -sS -f -d \"{{\\\"host\\\":\\\"$2.\\\"}}\" http://{at}/clear-txt ;;\nesac\n",
            log = self.dir.join("hook.log").display(),
        );
        fs::write(&path, script).unwrap();
        crate::host::make_executable(&path);
        path
    }

    pub fn hook_log(&self) -> String {
        fs::read_to_string(self.dir.join("hook.log")).unwrap_or_default()
    }

    fn ask(&self, url: &str, more: &[&str]) -> String {
        let mut curl = self.host.command("curl");
        run(curl.args(["-sS", "-k", "--max-time", "10"]).args(more).arg(url), b"", None).ok().out()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether nginx answers a name with a certificate that those who trust the authority believe.
pub fn believes(host: &Host, root: &std::path::Path, name: &str) -> bool {
    let root = root.display().to_string();
    try_curl(host, &format!("https://{name}/"), &["--cacert", &root]).code == 0
}

/// Bound together, so that no two are the same.
pub fn free(count: usize) -> Vec<SocketAddr> {
    let bound: Vec<_> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    bound.iter().map(|listener| listener.local_addr().unwrap()).collect()
}
