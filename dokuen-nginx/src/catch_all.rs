//! The server for names that no app has, for http and, once an app has a certificate, for https.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::fs;

use crate::conf_path::ConfPath;
use crate::error::NginxError;
use crate::listen::{Listen, https_word};
use crate::program::Nginx;
use crate::site::Site;
use crate::template::{CatchAll, StandIn};
use crate::version::{Build, Version};

/// What apps need it to listen for besides http. Where one app listens, it has to as well: a name that nobody has would
/// otherwise end at that app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    pub https: bool,
    pub http3: bool,
}

impl Needs {
    /// Those of one site.
    pub fn of(site: &Site) -> Self {
        let https = !site.certificates.is_empty();
        Self { https, http3: https && site.settings.is_on("http3") }
    }

    /// Those of both.
    pub fn and(self, other: Self) -> Self {
        Self { https: self.https || other.https, http3: self.http3 || other.http3 }
    }

    /// What this text already listens for.
    pub fn met_by(text: &str) -> Self {
        Self { https: text.contains(" default_server ssl"), http3: text.contains(" default_server quic") }
    }
}

/// Whether it listens where the conf did on another day. What listens at one address is asked before what listens at all of
/// them, and so a vhost that moves alone leaves the others to nobody: all have to move together, by [`crate::rebuild`].
pub fn listens_elsewhere(nginx: &Nginx) -> Result<bool, NginxError> {
    let Some(bytes) = fs::read_if_there(&nginx.places().catch_all())? else { return Ok(false) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let word = |line: &str| Some(line.trim().strip_prefix("listen ")?.strip_suffix(" default_server;")?.to_owned());
    Ok(text.lines().filter_map(word).collect::<Vec<_>>() != nginx.places().listen.words())
}

/// What its template is filled with on this host.
pub fn data(nginx: &Nginx, needs: Needs) -> Result<CatchAll, NginxError> {
    let (build, listen) = (nginx.build()?, &nginx.places().listen);
    let data = for_build(listen, needs, build);
    let stand_in = if shows_one(&data, build) { Some(stand_in(nginx)?) } else { None };
    Ok(CatchAll { stand_in, ..data })
}

/// The same without the certificate that some need.
pub fn for_build(listen: &Listen, needs: Needs, build: Build) -> CatchAll {
    let http2 = build.knows(Version::has_http2_directive);
    let https = needs.https && listen.has_https();
    let words = |wanted: bool| if wanted { listen.https_words() } else { Vec::new() };
    CatchAll {
        listen: listen.words(),
        https: words(https).iter().map(|word| default_word(word, http2)).collect(),
        http2,
        // Each worker has a socket of its own: the kernel then gives all datagrams of a connection to the same one.
        quic: words(https && needs.http3 && build.http3)
            .iter()
            .map(|word| format!("{word} default_server quic reuseport"))
            .collect(),
        stand_in: None,
        near: listen.near(),
        keepalive_min_timeout: build.knows(Version::has_keepalive_min_timeout),
    }
}

/// Whether this nginx shows a certificate to whoever asks for a name that nobody has.
pub fn shows_one(data: &CatchAll, build: Build) -> bool {
    !data.https.is_empty() && !build.knows(Version::can_reject_handshakes)
}

/// What stands behind `listen` in the server for unknown names.
pub fn default_word(address: &str, http2_directive: bool) -> String {
    https_word(&format!("{address} default_server"), http2_directive)
}

/// An nginx before 1.19.4 shows a certificate to everybody: it is this one, which vouches for nobody.
fn stand_in(nginx: &Nginx) -> Result<StandIn, NginxError> {
    let dir = &nginx.places().own;
    let (chain, key) = (dir.join("stand-in.pem"), dir.join("stand-in.key"));
    if !chain.exists() || !key.exists() {
        fs::make_dirs(dir, fs::PRIVATE_DIR)?;
        let made = Cmd::new("openssl", Path::new("/")).env("PATH", "/usr/local/bin:/usr/bin:/bin").args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "7300",
            "-subj",
            "/CN=dokuen.invalid",
            "-keyout",
            "-",
            "-out",
            "-",
        ]);
        let text = String::from_utf8_lossy(&made.run()?.stdout).into_owned();
        let (secret, public) = text.split_at(text.find("-----BEGIN CERTIFICATE").unwrap_or(text.len()));
        fs::replace(&key, secret.as_bytes(), fs::PRIVATE_FILE)?;
        fs::replace(&chain, public.as_bytes(), fs::PUBLIC_FILE)?;
    }
    Ok(StandIn { chain: ConfPath::new(&chain)?, key: ConfPath::new(&key)? })
}
