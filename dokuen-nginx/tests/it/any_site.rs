//! Whatever is accepted, nginx accepts, and it means exactly that: sites made at random, their vhosts tested by nginx in
//! batches, and what `nginx -T` repeats of them read by a parser of its own and compared with what was asked for.
//!
//! `DOKUEN_ANY_SITES=100000` makes as many of them; a run prints its seed, and `DOKUEN_SEED` repeats it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Domain, Protocol, ServerName, fs, slots_for};
use dokuen_nginx::{
    Certificate, ConfPath, Files, Listen, Page, Redirect, SETTINGS, Settings, Site, ensure_default, render,
};

use crate::parser::{Directive, parse};
use crate::stage::{Stage, nginx_program};

const BATCH: usize = 100;

#[test]
fn whatever_is_accepted_nginx_accepts_and_it_means_exactly_that() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("DOKUEN_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    let wanted = number("DOKUEN_ANY_SITES").unwrap_or(300) as usize;
    println!("DOKUEN_SEED={seed}");
    let stage = Stage::new();
    ensure_default(&stage.nginx).unwrap();
    let mut dice = Dice(seed | 1);
    let certificate = certificate(&stage);
    for batch in 0..wanted.div_ceil(BATCH) {
        let sites: Vec<Site> = (0..BATCH).map(|n| site(&mut dice, batch * BATCH + n, &certificate)).collect();
        check(&stage, &sites);
    }
}

fn check(stage: &Stage, sites: &[Site]) {
    let dir = stage.root.join("any");
    fs::remove_tree(&dir).unwrap();
    fs::make_dirs(&dir.join("sites"), fs::PUBLIC_DIR).unwrap();
    fs::make_dirs(&dir.join("cache"), fs::PUBLIC_DIR).unwrap();
    let listen = Listen::only("127.0.0.1:1".parse().unwrap()).and_https(Some("127.0.0.1:2".parse().unwrap()));
    let build = stage.nginx.build().unwrap();
    let maps = fs::read_text(&stage.places().dir.join("00-default.conf")).unwrap();
    fs::replace_report(&dir.join("sites/00-default.conf"), maps.as_bytes(), fs::PUBLIC_FILE).unwrap();
    for site in sites {
        let text = render(site, &listen, build).unwrap();
        let text = text.replace("/var/cache/nginx", &dir.join("cache").display().to_string());
        let file = dir.join("sites").join(format!("{}.conf", site.app));
        fs::replace_report(&file, text.as_bytes(), fs::PUBLIC_FILE).unwrap();
    }
    let main = format!(
        "pid {0}/pid; error_log {0}/log; events {{ }} http {{ access_log off; include {0}/sites/*.conf; }}",
        dir.display()
    );
    fs::replace_report(&dir.join("nginx.conf"), main.as_bytes(), fs::PUBLIC_FILE).unwrap();
    let nginx =
        Cmd::new(nginx_program(), &dir).args(["-T", "-q", "-p"]).arg(&dir).arg("-c").arg(dir.join("nginx.conf"));
    let said = nginx.run().unwrap_or_else(|e| panic!("{e}"));
    let warned = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!warned.contains("[warn]") || warned.lines().all(|line| line.contains("ssl_stapling")), "{warned}");
    let files = files(&String::from_utf8_lossy(&said.stdout));
    for site in sites {
        let file = format!("{}/sites/{}.conf", dir.display(), site.app);
        compare(site, &parse(&files[&file]), build.http3);
    }
}

/// `nginx -T` repeats each file behind a line that names it.
fn files(said: &str) -> BTreeMap<String, String> {
    let parts = said.split("# configuration file ").skip(1);
    parts.map(|part| part.split_once(":\n").map(|(file, text)| (file.to_owned(), text.to_owned())).unwrap()).collect()
}

fn compare(site: &Site, all: &[Directive], knows_http3: bool) {
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
    let known = [
        "listen",
        "server_name",
        "server_tokens",
        "client_max_body_size",
        "client_body_timeout",
        "send_timeout",
        "keepalive_timeout",
        "access_log",
        "gzip",
        "gzip_proxied",
        "gzip_vary",
        "gzip_types",
        "gzip_min_length",
        "add_header",
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_protocols",
        "ssl_ciphers",
        "http2",
        "ssl_prefer_server_ciphers",
        "ssl_session_cache",
        "ssl_session_timeout",
        "ssl_session_tickets",
        "ssl_stapling",
        "location",
    ];
    for directive in server {
        assert!(known.contains(&directive.name()), "{app}: {}", directive.line());
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
        (true, _) => 9,
        (false, true) => 11,
        (false, false) => 10,
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

/// Numbers that look like chance and are not (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn text(&mut self, of: &str, most: usize) -> String {
        let of: Vec<char> = of.chars().collect();
        (0..1 + self.below(most)).map(|_| of[self.below(of.len())]).collect()
    }
}

/// Most of what is thrown is refused, and that is fine: what passes is what counts.
fn site(dice: &mut Dice, number: usize, certificate: &Certificate) -> Site {
    let app = AppName::parse(&format!("{}-{number}", dice.text("abcdefghijklmnopqrstuvwxyz0123456789", 40))).unwrap();
    let domain = Domain::parse(&format!("{app}.apps.example")).unwrap();
    let live = ConfPath::new(Path::new("/run/a b/live")).unwrap();
    let mut name = |star: &str| {
        let label = dice.text("abc-019", 60);
        ServerName::parse(&format!("{star}{label}.{number}.{}", dice.one(&["example", "a.example", "b-c.example"])))
    };
    let aliases: Vec<ServerName> = [name(""), name(""), name("*.")].into_iter().filter_map(Result::ok).collect();
    let redirects = [name("").ok(), name("").ok()].into_iter().flatten();
    let redirects = redirects.map(|from| Redirect { from, to: domain.clone() }).collect();
    let base = Site::new(app, domain, live);
    let mut site = Site { aliases, redirects, ..base };
    site.aliases.retain(|alias| site.redirects.iter().all(|redirect| redirect.from != *alias));
    site.redirects.sort_by(|a: &Redirect, b| a.from.cmp(&b.from));
    site.redirects.dedup();
    site.slots = slots_for(dice.below(30) as u16);
    site.https_only = dice.below(2) == 0;
    site.protocol = if dice.below(4) == 0 { Protocol::Grpc } else { Protocol::Http };
    site.maintenance = dice.below(8) == 0;
    if dice.below(2) == 0 {
        let some = site.all_names().into_iter().filter(|_| dice.below(2) == 0).collect();
        site.certificates.push(Certificate { names: some, ..certificate.clone() });
    }
    let path = |path: &str| ConfPath::new(Path::new(path)).unwrap();
    site.files = Files { release: Some(path("/d d/current")), ..Files::default() };
    if dice.below(3) == 0 {
        site.files.users = Some(path("/u u/x.users"));
        site.files.pages.insert(Page::Down, path("/p p/x.html"));
    }
    for _ in 0..dice.below(14) {
        let setting = &SETTINGS[dice.below(SETTINGS.len())];
        let name = match setting.name {
            "static." => format!("static./{}", dice.text("abz.-_/", 8)),
            family if setting.is_family() => family.to_owned() + &dice.text("abXY-", 6),
            plain => plain.to_owned(),
        };
        let value = match dice.below(3) {
            0 => dice.text("abz019 ;{}\"'\\#$%/.,:-_~*\n", 30),
            1 => dice.text(" ;{}\"\\#'x", 12),
            _ => dice
                .one(&[
                    "on",
                    "off",
                    "0",
                    "1k",
                    "64k",
                    "1024k",
                    "20m",
                    "7g",
                    "1ms",
                    "30s",
                    "12h",
                    "30d",
                    "3",
                    "256",
                    "10r/s",
                    "7r/m burst=9",
                    "192.0.2.7/24",
                    "::/0,10.0.0.1",
                    "text/css text/html a/b+c",
                    "365d include-subdomains preload",
                    "json",
                    "combined",
                    "modern",
                    "public",
                    "a/b.c",
                    "",
                ])
                .to_owned(),
        };
        // As commands do it: refused is refused.
        let _ = site.settings.set(&name, &value);
    }
    site
}

fn certificate(stage: &Stage) -> Certificate {
    let (chain, key) = (stage.root.join("c.pem"), stage.root.join("k.pem"));
    let openssl = Cmd::new("openssl", &stage.root).env("PATH", "/usr/bin:/bin").args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=x",
    ]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&chain).run().unwrap();
    let path = |path: &Path| ConfPath::new(path).unwrap();
    Certificate { names: Vec::new(), chain: path(&chain), key: path(&key) }
}
