//! What a vhost means, compared with what was asked for.

use std::collections::BTreeSet;

use dokuen_core::Protocol;
use dokuen_nginx::{Settings, Site};

use crate::parser::Directive;

/// What nginx reads is what was asked for, and nothing else.
pub fn compare(site: &Site, all: &[Directive], knows_http3: bool) {
    let app = site.app.as_str();
    let get = |name: &str| value(&site.settings, name);
    let count = |name: &str| all.iter().filter(|directive| directive.name() == name).count();
    for directive in all {
        let known = ["upstream", "server", "limit_req_zone", "limit_conn_zone", "proxy_cache_path"];
        assert!(known.contains(&directive.name()), "{app}: {}", directive.line());
    }
    assert_eq!(count("upstream"), 1);
    assert_eq!(count("limit_req_zone"), usize::from(!get("rate-limit").is_empty()));
    assert_eq!(count("limit_conn_zone"), usize::from(!get("connection-limit").is_empty()));
    assert_eq!(count("proxy_cache_path"), usize::from(!get("cache").is_empty()));
    let upstream = all.iter().find(|directive| directive.name() == "upstream").unwrap();
    let slots = upstream.block.as_ref().unwrap().iter().filter(|directive| directive.name() == "server");
    assert_eq!((upstream.line(), slots.count()), (format!("upstream dokuen_{app}"), usize::from(site.slots)));

    let servers: Vec<&[Directive]> =
        all.iter().filter(|d| d.name() == "server").map(|d| d.block.as_deref().unwrap()).collect();
    let http3 = knows_http3 && get("http3") == "on";
    let (mut http, mut https, mut quic) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for server in &servers {
        let one = |name: &str| server.iter().find(|directive| directive.name() == name);
        let names: Vec<_> = one("server_name").unwrap().words[1..].to_vec();
        let tls = one("ssl_certificate").is_some();
        for listen in server.iter().filter(|directive| directive.name() == "listen") {
            let into = match (listen.words[1].as_str(), listen.words.get(2).map(String::as_str)) {
                ("127.0.0.1:1", None) => &mut http,
                (_, Some("quic")) => &mut quic,
                _ => &mut https,
            };
            for name in &names {
                assert!(into.insert(name.clone()), "{app}: {name} is answered twice");
            }
            assert!(listen.words[1] == "127.0.0.1:1" || tls, "{app}: https without a certificate");
        }
        check_server(site, server, tls, http3);
    }
    let wanted: BTreeSet<String> = site.all_names().iter().map(ToString::to_string).collect();
    let certified = site.all_names().into_iter().filter(|name| site.certificate(name).is_some());
    assert_eq!(http, wanted, "{app}");
    assert_eq!(https, certified.map(|name| name.to_string()).collect(), "{app}");
    assert_eq!(quic, if http3 { https } else { BTreeSet::new() }, "{app}");
}

/// What may stand in a server.
const KNOWN: &str = "listen server_name server_tokens client_max_body_size client_body_timeout send_timeout \
    keepalive_timeout access_log gzip gzip_proxied gzip_vary gzip_types gzip_min_length add_header \
    ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers http2 ssl_prefer_server_ciphers \
    ssl_session_cache ssl_session_timeout ssl_session_tickets ssl_stapling location if";

/// Every directive of a server is one that was asked for, as it was asked for.
fn check_server(site: &Site, server: &[Directive], tls: bool, http3: bool) {
    let app = site.app.as_str();
    let location = |words: &[&str]| server.iter().find(|d| d.name() == "location" && d.words[1..] == *words);
    let root = location(&["/"]).unwrap().block.as_deref().unwrap();
    let leads = root.len() == 1 && root[0].words[..2] == ["return", "301"];
    let mut expected = vec!["server_tokens off".to_owned()];
    if tls {
        let modern = value(&site.settings, "tls") == "modern";
        expected.push(format!("ssl_protocols {}", if modern { "TLSv1.3" } else { "TLSv1.2 TLSv1.3" }));
    }
    let ifs = server.iter().filter(|d| d.name() == "if").map(Directive::line).collect::<Vec<_>>();
    assert_eq!(ifs, if leads { Vec::new() } else { vec!["if ($dokuen_two_hosts)".to_owned()] }, "{app}");
    if !leads {
        expected.push(format!("client_max_body_size {}", value(&site.settings, "client-max-body-size")));
        for (name, text) in site.settings.family("header.").filter(|(_, text)| !text.is_empty()) {
            expected.push(format!("add_header {name} {text} always"));
        }
    }
    let lines: Vec<String> = server.iter().map(Directive::line).collect();
    for line in expected {
        assert!(lines.contains(&line), "{app} lacks {line:?}: {lines:#?}");
    }
    for directive in server {
        assert!(KNOWN.split_whitespace().any(|known| known == directive.name()), "{app}: {}", directive.line());
    }
    let headers = lines.iter().filter(|line| line.starts_with("add_header ")).count();
    let asked = site.settings.family("header.").filter(|(_, text)| !text.is_empty()).count();
    let more = usize::from(tls && value(&site.settings, "hsts") != "off")
        + usize::from(tls && http3)
        + if leads {
            0
        } else {
            usize::from(!value(&site.settings, "cache").is_empty()) + usize::from(site.maintenance)
        };
    assert_eq!(headers, more + if leads { 0 } else { asked }, "{app}: {lines:#?}");
    if !leads {
        check_app(site, root, server);
    }
    let proof = location(&["=", "/.well-known/dokuen-route"]).unwrap();
    assert_eq!(proof.block.as_ref().unwrap().len(), 4, "{app}");
}

fn check_app(site: &Site, root: &[Directive], server: &[Directive]) {
    let app = site.app.as_str();
    let lines: Vec<String> = root.iter().map(Directive::line).collect();
    let statics = server.iter().filter(|d| d.name() == "location" && d.words[1] == "^~");
    let wanted = site.settings.family("static.").count();
    if site.maintenance {
        assert_eq!((lines[0].as_str(), lines.len(), statics.count()), ("return 503", 2, 0), "{app}");
        return;
    }
    assert_eq!(statics.count(), wanted, "{app}");
    let grpc = site.protocol == Protocol::Grpc;
    let (way, pass) = if grpc { ("grpc", "grpc") } else { ("proxy", "http") };
    let mut expected = vec![format!("{way}_pass {pass}://dokuen_{app}")];
    for name in ["read-timeout", "send-timeout", "buffer-size"] {
        expected.push(format!("{way}_{} {}", name.replace('-', "_"), value(&site.settings, &format!("proxy-{name}"))));
    }
    if !grpc {
        expected.push(format!("proxy_buffering {}", value(&site.settings, "proxy-buffering")));
    }
    for (name, text) in site.settings.family("request-header.") {
        expected.push(format!("{way}_set_header {name} {text}"));
    }
    for line in &expected {
        assert_eq!(lines.iter().filter(|other| *other == line).count(), 1, "{app} {line:?}: {lines:#?}");
    }
    let list = |name: &str| value(&site.settings, name).split(',').filter(|n| !n.is_empty()).count();
    let starting = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!(starting("allow "), list("allow"), "{app}");
    assert_eq!(starting("deny "), list("deny") + usize::from(list("allow") > 0), "{app}");
    let ours = match (grpc, value(&site.settings, "websocket") == "on") {
        (true, _) => 14,
        (false, true) => 16,
        (false, false) => 15,
    };
    assert_eq!(
        starting(&format!("{way}_set_header ")),
        ours + site.settings.family("request-header.").count(),
        "{app}: {lines:#?}"
    );
}

fn value(settings: &Settings, name: &str) -> String {
    settings.in_force().into_iter().find(|row| row.0 == name).map(|row| row.1).unwrap_or_default()
}
