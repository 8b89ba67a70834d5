//! The server for names that no app has, for http and, once an app has a certificate, for https.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::fs;

use crate::conf_path::ConfPath;
use crate::error::NginxError;
use crate::listen::https_word;
use crate::program::Nginx;
use crate::template::{CatchAll, StandIn};
use crate::version::Version;

/// What its template is filled with on this host.
pub fn data(nginx: &Nginx, https: bool) -> Result<CatchAll, NginxError> {
    let (version, listen) = (nginx.version()?, &nginx.places().listen);
    let knows = |what: fn(Version) -> bool| version.is_some_and(what);
    let http2 = knows(Version::has_http2_directive);
    let stand_in = if https && !knows(Version::can_reject_handshakes) { Some(stand_in(nginx)?) } else { None };
    Ok(CatchAll {
        listen: listen.words(),
        https: if https {
            listen.https_words().iter().map(|word| default_word(word, http2)).collect()
        } else {
            Vec::new()
        },
        http2,
        stand_in,
        near: listen.near(),
        keepalive_min_timeout: knows(Version::has_keepalive_min_timeout),
    })
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
