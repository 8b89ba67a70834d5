//! Settings as directives, by the place they stand in. Every value passed its check when it was set.

use dokuen_core::AppName;

use super::Settings;
use super::value::{quoted, seconds};
use crate::conf_path::ConfPath;

impl Settings {
    /// Before the servers: what belongs to the whole http block carries the app's name.
    pub(crate) fn http_lines(&self, app: &AppName, cache: &ConfPath) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some((rate, _)) = self.rate() {
            lines.push(format!("limit_req_zone $binary_remote_addr zone=dokuen_{app}_rate:1m rate={rate};"));
        }
        if !self.get("connection-limit").is_empty() {
            lines.push(format!("limit_conn_zone $binary_remote_addr zone=dokuen_{app}_conn:1m;"));
        }
        if !self.get("cache").is_empty() {
            lines.push(format!(
                "proxy_cache_path \"{cache}/{app}\" levels=1:2 keys_zone=dokuen_{app}_cache:1m max_size=256m \
                 inactive=1h use_temp_path=off;"
            ));
        }
        lines
    }

    /// At the top of each server of the app; `log` is where a log of its own would be.
    pub(crate) fn server_lines(&self, log: Option<&ConfPath>) -> Vec<String> {
        let mut lines: Vec<String> =
            ["client-max-body-size", "client-body-timeout", "send-timeout", "keepalive-timeout"]
                .map(|name| format!("{} {};", name.replace('-', "_"), self.get(name)))
                .into();
        lines.extend(self.log_line(log));
        if self.is_on("gzip") {
            lines.extend(["gzip on;", "gzip_proxied any;", "gzip_vary on;"].map(str::to_owned));
            lines.push(format!("gzip_types {};", self.get("gzip-types")));
            lines.push(format!("gzip_min_length {};", self.get("gzip-min-length")));
        }
        for (name, value) in self.family("header.").filter(|(_, value)| !value.is_empty()) {
            lines.push(format!("add_header {name} {} always;", quoted(value)));
        }
        if !self.get("cache").is_empty() {
            lines.push("add_header X-Cache-Status $upstream_cache_status;".to_owned());
        }
        lines
    }

    fn log_line(&self, log: Option<&ConfPath>) -> Option<String> {
        match (self.get("access-log"), log) {
            ("off", _) => Some("access_log off;".to_owned()),
            ("combined", Some(path)) => Some(format!("access_log \"{path}\" combined;")),
            ("json", Some(path)) => Some(format!("access_log \"{path}\" dokuen_json;")),
            _ => None,
        }
    }

    /// Only where the connection is encrypted; the port is the one where HTTP/3 is spoken too.
    pub(crate) fn tls_lines(&self, http3_port: Option<u16>) -> Vec<String> {
        let modern = self.get("tls") == "modern";
        let mut lines = vec![format!("ssl_protocols {};", if modern { "TLSv1.3" } else { "TLSv1.2 TLSv1.3" })];
        lines.push(format!("ssl_ciphers {};", if modern { NO_CIPHER } else { CIPHERS }));
        for line in [
            "ssl_prefer_server_ciphers off;",
            "ssl_session_cache shared:dokuen:10m;",
            "ssl_session_timeout 1d;",
            "ssl_session_tickets off;",
        ] {
            lines.push(line.to_owned());
        }
        if self.is_on("ocsp-stapling") {
            lines.push("ssl_stapling on;".to_owned());
        }
        lines.extend(self.hsts_line());
        // A day: whoever was told so and finds nobody there takes the usual way again.
        lines.extend(http3_port.map(|port| format!("add_header Alt-Svc 'h3=\":{port}\"; ma=86400' always;")));
        lines
    }

    fn hsts_line(&self) -> Option<String> {
        let mut words = self.get("hsts").split(' ');
        let age = seconds(words.next()?)? as u64;
        let flag = |word| match word {
            "include-subdomains" => "; includeSubDomains",
            _ => "; preload",
        };
        let flags: String = words.map(flag).collect();
        Some(format!("add_header Strict-Transport-Security \"max-age={age}{flags}\" always;"))
    }

    /// Who may come in, in every place that shows something of the app.
    pub(crate) fn gate_lines(&self, app: &AppName, users: Option<&ConfPath>) -> Vec<String> {
        let list = |name| self.get(name).split(',').filter(|network| !network.is_empty());
        let mut lines: Vec<String> = list("deny").map(|network| format!("deny {network};")).collect();
        if !self.get("allow").is_empty() {
            lines.extend(list("allow").map(|network| format!("allow {network};")));
            lines.push("deny all;".to_owned());
        }
        if let Some(users) = users {
            // More than the name: of an app called `off`, nginx would ask nobody for a password.
            lines.push(format!("auth_basic \"app {app}\";"));
            lines.push(format!("auth_basic_user_file \"{users}\";"));
        }
        if let Some((_, burst)) = self.rate() {
            let burst = if burst.is_empty() { String::new() } else { format!(" {burst} nodelay") };
            lines.push(format!("limit_req zone=dokuen_{app}_rate{burst};"));
            lines.push("limit_req_status 429;".to_owned());
        }
        if !self.get("connection-limit").is_empty() {
            lines.push(format!("limit_conn dokuen_{app}_conn {};", self.get("connection-limit")));
            lines.push("limit_conn_status 429;".to_owned());
        }
        lines
    }

    /// Where gRPC is passed on: it is never collected or kept, and upgrades to nothing.
    pub(crate) fn grpc_lines(&self) -> Vec<String> {
        let said = |name: &str| format!("grpc_{} {};", name.replace('-', "_"), self.get(&format!("proxy-{name}")));
        let mut lines: Vec<String> = ["send-timeout", "read-timeout", "buffer-size"].map(said).into();
        lines.extend(self.header_lines("grpc"));
        lines
    }

    /// What the app sees on every request, and which of its own headers are replaced.
    fn header_lines(&self, way: &str) -> Vec<String> {
        let sets =
            self.family("request-header.").map(|(name, value)| format!("{way}_set_header {name} {};", quoted(value)));
        let hides = self.family("header.").map(|(name, _)| format!("{way}_hide_header {name};"));
        sets.chain(hides).collect()
    }

    /// Where requests are passed on.
    pub(crate) fn proxy_lines(&self, app: &AppName) -> Vec<String> {
        let mut lines: Vec<String> = [
            "proxy-send-timeout",
            "proxy-read-timeout",
            "proxy-buffering",
            "proxy-request-buffering",
            "proxy-buffer-size",
        ]
        .map(|name| format!("{} {};", name.replace('-', "_"), self.get(name)))
        .into();
        lines.insert(0, "proxy_http_version 1.1;".to_owned());
        // A buffer of another size than the first would only make the bounds between them break.
        let size = self.get("proxy-buffer-size");
        lines.push(format!("proxy_buffers {} {size};", self.get("proxy-buffers")));
        if self.is_on("websocket") {
            lines.push("proxy_set_header Connection $dokuen_connection;".to_owned());
            lines.push("proxy_set_header Upgrade $dokuen_upgrade;".to_owned());
        } else {
            lines.push("proxy_set_header Connection \"\";".to_owned());
        }
        lines.extend(self.header_lines("proxy"));
        if !self.get("cache").is_empty() {
            lines.extend(self.cache_lines(app));
        }
        lines
    }

    /// What one person may see is nobody else's: a request with a cookie or a password is never answered from here.
    fn cache_lines(&self, app: &AppName) -> Vec<String> {
        vec![
            format!("proxy_cache dokuen_{app}_cache;"),
            // All of the address that the app is told of: it may write the port into what is kept for others.
            "proxy_cache_key $scheme$host$dokuen_port$request_uri;".to_owned(),
            format!("proxy_cache_valid 200 301 308 {};", self.get("cache")),
            "proxy_cache_bypass $http_authorization $http_cookie;".to_owned(),
            "proxy_no_cache $http_authorization $http_cookie;".to_owned(),
            "proxy_cache_lock on;".to_owned(),
            "proxy_cache_use_stale error timeout updating http_502 http_503 http_504;".to_owned(),
        ]
    }

    /// The rate and `burst=N`, which may be empty.
    fn rate(&self) -> Option<(&str, &str)> {
        let value = self.get("rate-limit");
        (!value.is_empty()).then(|| value.split_once(' ').unwrap_or((value, "")))
    }
}

/// For whoever speaks TLS 1.3 alone, whose ciphers are not named here. All names share an address, and OpenSSL has settled
/// on a version by what the address's default server allows before it hears the name. So a client of TLS 1.2 is refused by
/// the ciphers, which come after the name: this one needs a secret that was shared before, and there is none.
const NO_CIPHER: &str = "PSK-AES256-GCM-SHA384";

/// What browsers of the last ten years have, without anything that is thought weak (Mozilla's intermediate list).
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
