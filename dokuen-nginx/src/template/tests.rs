//! The four texts as people read them in the nginx directory.

use std::path::Path;

use dokuen_core::{AppName, Domain, Protocol, ServerName};

use super::*;
use crate::seal::Seal;
use crate::setting::Settings;
use crate::site::{Certificate, Custom, Files, Redirect, Upstream};
use crate::version::Version;

fn site() -> Site {
    let live = ConfPath::new(Path::new("/run/my dokuen/hello/live")).unwrap();
    let site = Site::new(AppName::parse("hello").unwrap(), Domain::parse("hello.example.com").unwrap(), live);
    Site { slots: 2, ..site }
}

fn listen() -> Listen {
    Listen::only("127.0.0.1:8080".parse().unwrap())
}

fn dir(path: &str) -> ConfPath {
    ConfPath::new(Path::new(path)).unwrap()
}

#[test]
fn a_vhost() {
    insta::assert_snapshot!(render(&site(), &listen(), Build::default()).unwrap(), @r#"
    # dokuen-route b4a8fd348346a518 hello.example.com
    # Written by Dokuen for hello: what is changed here by hand is lost.

    upstream dokuen_hello {
        server "unix:/run/my dokuen/hello/live/1" max_fails=0;
        server "unix:/run/my dokuen/hello/live/2" max_fails=0;
        keepalive 64;
        keepalive_timeout 10s;
    }

    server {
        listen 127.0.0.1:8080;
        server_name
            hello.example.com
            ;
        server_tokens off;
        client_max_body_size 100m;
        client_body_timeout 60s;
        send_timeout 60s;
        keepalive_timeout 75s;

        location / {
            proxy_pass http://dokuen_hello;
            proxy_set_header Host $host$dokuen_port;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $host$dokuen_port;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header Forwarded "";
            proxy_set_header Proxy "";
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 3;
            proxy_next_upstream_timeout 10s;
            proxy_http_version 1.1;
            proxy_send_timeout 60s;
            proxy_read_timeout 60s;
            proxy_buffering on;
            proxy_request_buffering on;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
            proxy_set_header Connection $dokuen_connection;
            proxy_set_header Upgrade $dokuen_upgrade;
            error_page 502 503 =502 /.well-known/dokuen/502$dokuen_html;
            error_page 504 /.well-known/dokuen/504$dokuen_html;
            error_page 413 /.well-known/dokuen/413$dokuen_html;
        }

        location = /.well-known/dokuen/502 {
            internal;
            default_type text/plain;
            return 502 "hello is not running\n";
        }

        location = /.well-known/dokuen/502.html {
            internal;
            default_type text/html;
            return 502 "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Not running</title><body style='font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em'><h1>Not running</h1><p>hello is not running.</p><p>Please try again in a moment. Whoever runs it finds the cause with: dokuen logs --application hello</p></body></html>\n";
        }

        location = /.well-known/dokuen/504 {
            internal;
            default_type text/plain;
            return 504 "hello did not answer in time\n";
        }

        location = /.well-known/dokuen/504.html {
            internal;
            default_type text/html;
            return 504 "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>No answer</title><body style='font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em'><h1>No answer</h1><p>hello did not answer in time.</p><p>Please try again in a moment. Whoever runs it finds the cause with: dokuen logs --application hello</p></body></html>\n";
        }

        location = /.well-known/dokuen/413 {
            internal;
            default_type text/plain;
            return 413 "hello takes requests of 100m at most\n";
        }

        location = /.well-known/dokuen/413.html {
            internal;
            default_type text/html;
            return 413 "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Too large</title><body style='font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em'><h1>Too large</h1><p>hello takes requests of 100m at most.</p><p>Whoever runs it can allow more with: dokuen nginx:set --application hello client-max-body-size=1g</p></body></html>\n";
        }

        location = /.well-known/dokuen-route {
            access_log off;
            default_type text/plain;
            if ($dokuen_near = "") {
                return 404;
            }
            return 200 "b4a8fd348346a518\n";
        }
    }
    "#);
}

fn names(names: &[&str]) -> Vec<ServerName> {
    names.iter().map(|name| ServerName::parse(name).unwrap()).collect()
}

fn certificate(names_of: &[&str]) -> Certificate {
    Certificate { names: names(names_of), chain: dir("/c/chain.pem"), key: dir("/c/key.pem") }
}

#[test]
fn a_vhost_has_every_name_and_says_by_which_it_can_be_asked() {
    let aliases = names(&["www.example.com", "example.com", "*.example.org"]);
    let text = render(&Site { aliases, ..site() }, &listen(), Build::default()).unwrap();
    let part = "hello.example.com\n        www.example.com\n        example.com\n        *.example.org\n        ;";
    assert!(text.contains(part), "{text}");
    assert_eq!(
        Seal::of(text.as_bytes()).unwrap().domains,
        ["hello.example.com", "www.example.com", "example.com", "dokuen-route.example.org"]
    );
}

#[test]
fn names_with_a_certificate_are_apart_from_those_without() {
    let www = Redirect { from: ServerName::parse("www.a.example").unwrap(), to: Domain::parse("a.example").unwrap() };
    let site = Site {
        aliases: names(&["a.example"]),
        redirects: vec![www],
        certificates: vec![certificate(&["a.example", "www.a.example"])],
        https_only: true,
        ..site()
    };
    let door = listen().and_https(Some("127.0.0.1:8443".parse().unwrap()));
    let text = render(&site, &door, Build::default()).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let wanted = ["listen ", "return 301", "ssl_certificate ", "proxy_pass"];
    let mut seen: Vec<&str> = lines.iter().filter(|line| wanted.iter().any(|w| line.starts_with(w))).copied().collect();
    seen.dedup();
    insta::assert_snapshot!(seen.join("\n"), @r#"
    listen 127.0.0.1:8080;
    proxy_pass http://dokuen_hello;
    listen 127.0.0.1:8080;
    return 301 https://$host:8443$request_uri;
    listen 127.0.0.1:8443 ssl http2;
    ssl_certificate "/c/chain.pem";
    proxy_pass http://dokuen_hello;
    listen 127.0.0.1:8080;
    listen 127.0.0.1:8443 ssl http2;
    ssl_certificate "/c/chain.pem";
    return 301 https://a.example:8443$request_uri;
    "#);
    assert!(
        !render(&site, &listen(), Build::default()).unwrap().contains("ssl"),
        "without an address for https there is none"
    );
    let newer = render(&site, &door, Version(1, 28, 0).into()).unwrap();
    assert!(newer.contains("listen 127.0.0.1:8443 ssl;") && newer.contains("http2 on;"), "{newer}");
}

#[test]
fn http3_is_written_where_it_is_asked_for_and_there() {
    let secure = |on: &str| Site {
        certificates: vec![certificate(&["hello.example.com"])],
        settings: Settings::default().with("http3", on).unwrap(),
        ..site()
    };
    let door = listen().and_https(Some("127.0.0.1:8443".parse().unwrap()));
    let new = Build { version: Some(Version(1, 28, 3)), http3: true };
    let text = render(&secure("on"), &door, new).unwrap();
    assert_eq!(text.matches("listen 127.0.0.1:8443 quic;").count(), 1, "{text}");
    assert!(text.contains("add_header Alt-Svc 'h3=\":8443\"; ma=86400' always;"), "{text}");
    for (site, build) in [(secure("off"), new), (secure("on"), Version(1, 28, 3).into()), (site(), new)] {
        let text = render(&site, &door, build).unwrap();
        assert!(!text.contains("quic") && !text.contains("Alt-Svc"), "{text}");
    }
}

#[test]
fn grpc_is_passed_on_as_such_and_keeps_no_connection() {
    let mut settings = Settings::default();
    for (name, value) in
        [("proxy-read-timeout", "5m"), ("request-header.X-A", "1"), ("header.X-B", "2"), ("cache", "1m")]
    {
        settings.set(name, value).unwrap();
    }
    let text = render(&Site { protocol: Protocol::Grpc, settings, ..site() }, &listen(), Build::default()).unwrap();
    assert!(!text.contains("    proxy_") && !text.contains("    keepalive 64"), "{text}");
    for line in [
        "grpc_pass grpc://dokuen_hello;",
        "grpc_set_header X-Forwarded-For $remote_addr;",
        "grpc_next_upstream error timeout;",
        "grpc_read_timeout 5m;",
        "grpc_set_header X-A \"1\";",
        "grpc_hide_header X-B;",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn settings_stand_where_they_count() {
    let mut settings = Settings::default();
    for (name, value) in [
        ("header.X-Frame-Options", "DENY \"x\\"),
        ("header.X-Powered-By", ""),
        ("request-header.X-Tenant", "a"),
        ("allow", "192.0.2.0/24"),
        ("rate-limit", "10r/s burst=20"),
        ("connection-limit", "5"),
        ("cache", "10m"),
        ("gzip", "on"),
        ("websocket", "off"),
        ("static./assets", "public/assets"),
        ("static-expires", "30d"),
        ("access-log", "json"),
        ("proxy-buffers", "4"),
    ] {
        settings.set(name, value).unwrap();
    }
    let files = Files { release: Some(dir("/d/apps/hello/current")), users: Some(dir("/u")), ..Files::default() };
    let text = render(&Site { settings, files, ..site() }, &listen(), Build::default()).unwrap();
    let plain = render(&site(), &listen(), Build::default()).unwrap();
    let plain: Vec<_> = plain.lines().collect();
    let more: Vec<_> = text.lines().skip(1).filter(|line| !plain.contains(line)).collect();
    insta::assert_snapshot!(more.join("\n"), @r#"
    limit_req_zone $binary_remote_addr zone=dokuen_hello_rate:1m rate=10r/s;
    limit_conn_zone $binary_remote_addr zone=dokuen_hello_conn:1m;
    proxy_cache_path "/var/cache/nginx/hello" levels=1:2 keys_zone=dokuen_hello_cache:1m max_size=256m inactive=1h use_temp_path=off;
        gzip on;
        gzip_proxied any;
        gzip_vary on;
        gzip_types text/css text/plain text/xml text/javascript application/javascript application/json application/xml image/svg+xml;
        gzip_min_length 1024;
        add_header X-Frame-Options "DENY \"x\\" always;
        add_header X-Cache-Status $upstream_cache_status;
            allow 192.0.2.0/24;
            deny all;
            auth_basic hello;
            auth_basic_user_file "/u";
            limit_req zone=dokuen_hello_rate burst=20 nodelay;
            limit_req_status 429;
            limit_conn dokuen_hello_conn 5;
            limit_conn_status 429;
            proxy_buffers 4 16k;
            proxy_set_header Connection "";
            proxy_set_header X-Tenant "a";
            proxy_hide_header X-Frame-Options;
            proxy_hide_header X-Powered-By;
            proxy_cache dokuen_hello_cache;
            proxy_cache_key $scheme$host$request_uri;
            proxy_cache_valid 200 301 308 10m;
            proxy_cache_bypass $http_authorization $http_cookie;
            proxy_no_cache $http_authorization $http_cookie;
            proxy_cache_lock on;
            proxy_cache_use_stale error timeout updating http_502 http_503 http_504;
        location ^~ /assets/ {
            allow 192.0.2.0/24;
            deny all;
            auth_basic hello;
            auth_basic_user_file "/u";
            limit_req zone=dokuen_hello_rate burst=20 nodelay;
            limit_req_status 429;
            limit_conn dokuen_hello_conn 5;
            limit_conn_status 429;
            alias "/d/apps/hello/current/public/assets/";
            disable_symlinks on "from=/d/apps/hello/current";
            expires 30d;
            return 200 "f5ce849cc1c1592b\n";
    "#);
}

#[test]
fn in_maintenance_nobody_is_let_in() {
    let text = render(&Site { maintenance: true, ..site() }, &listen(), Build::default()).unwrap();
    assert!(!text.contains("proxy_pass") && text.contains("hello is in maintenance"), "{text}");
}

#[test]
fn a_template_of_an_admins_own_has_to_let_itself_be_proven() {
    let with = |template: &str| {
        let custom = Custom { template: Some(template.to_owned()), ..Custom::default() };
        render(&Site { custom, ..site() }, &listen(), Build::default())
    };
    let text = with("{{> upstream}}\nserver { server_name x; {{#each servers}}{{#each names}}{{this}} {{/each}}{{/each}}{{> own}} }").unwrap();
    assert!(text.starts_with("# dokuen-route ") && text.contains("hello.example.com"), "{text}");
    assert!(matches!(with("server { }"), Err(NginxError::NoProof)));
    assert!(matches!(with("{{misspelt}}{{> own}}"), Err(NginxError::Template { .. })));
}

#[test]
fn the_sum_tells_two_texts_apart_and_stands_for_one() {
    let sum = |site: &Site| Seal::of(render(site, &listen(), Build::default()).unwrap().as_bytes()).unwrap().sum;
    assert_eq!(sum(&site()), sum(&site()));
    assert_ne!(sum(&site()), sum(&Site { slots: 3, ..site() }));
}

#[test]
fn the_server_for_unknown_names() {
    let listen = vec!["0.0.0.0:80".to_owned(), "[::]:80".to_owned()];
    let near = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
    let text = catch_all(&CatchAll {
        listen,
        https: vec!["0.0.0.0:443 default_server ssl http2".to_owned()],
        http2: false,
        quic: Vec::new(),
        stand_in: None,
        near,
        keepalive_min_timeout: true,
    })
    .unwrap();
    insta::assert_snapshot!(text, @r#"
    # dokuen-route ba4dd54d193088ef dokuen.invalid
    # Written by Dokuen: what is changed here by hand is lost. Names that no app has end here.

    server_names_hash_bucket_size 512;
    server_names_hash_max_size 65536;
    keepalive_min_timeout 3s;

    map $http_upgrade $dokuen_upgrade {
        default "";
        "~*^websocket$" websocket;
    }

    map $dokuen_upgrade $dokuen_connection {
        default "";
        websocket upgrade;
    }

    map $http_host $dokuen_port {
        default "";
        "~^[^:]+(?<dokuen_port_digits>:[0-9]{1,5})$" $dokuen_port_digits;
    }

    map $http_accept $dokuen_html {
        default "";
        "~*text/html" .html;
    }

    map "$status:$upstream_status" $dokuen_again {
        default "";
        "503:" 60;
    }

    log_format dokuen_json escape=json '{"time":"$time_iso8601","host":"$host","method":"$request_method","uri":"$request_uri",'
        '"status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,"app_seconds":"$upstream_response_time",'
        '"address":"$remote_addr","protocol":"$server_protocol","scheme":"$scheme","referer":"$http_referer",'
        '"agent":"$http_user_agent","id":"$request_id"}';

    map $remote_addr $dokuen_near {
        default "";
        "127.0.0.1" 1;
        "::1" 1;
    }

    server {
        listen 0.0.0.0:80 default_server;
        listen [::]:80 default_server;
        server_name _;
        server_tokens off;

        location / {
            default_type text/plain;
            return 404 "no app has this name\n";
        }

        location = /.well-known/dokuen-route {
            access_log off;
            default_type text/plain;
            if ($dokuen_near = "") {
                return 404;
            }
            return 200 "ba4dd54d193088ef\n";
        }
    }

    server {
        listen 0.0.0.0:443 default_server ssl http2;
        server_name _;
        server_tokens off;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:dokuen:10m;
        ssl_session_timeout 1d;
        ssl_session_tickets off;
        ssl_reject_handshake on;

        location / {
            default_type text/plain;
            return 404 "no app has this name\n";
        }
    }
    "#);
}

#[test]
fn the_main_conf_of_an_own_nginx() {
    let (dir, include) = (dir("/srv/a b/nginx/own"), dir("/srv/a b/nginx"));
    let text = main(&Main { account: None, open_files: Some(8192), dir: &dir, include: &include }).unwrap();
    insta::assert_snapshot!(text, @r#"
    # Written by Dokuen: what is changed here by hand is lost.
    daemon on;
    worker_processes auto;
    worker_rlimit_nofile 8192;
    worker_shutdown_timeout 60s;
    pid "/srv/a b/nginx/own/nginx.pid";
    error_log "/srv/a b/nginx/own/error.log" warn;

    events {
        worker_connections 4096;
    }

    http {
        log_format dokuen '$time_iso8601 $server_name $remote_addr - $remote_user "$request" $status $body_bytes_sent'
            ' "$http_referer" "$http_user_agent" $request_time';
        access_log "/srv/a b/nginx/own/access.log" dokuen;
        client_body_temp_path "/srv/a b/nginx/own/client_body";
        proxy_temp_path "/srv/a b/nginx/own/proxy";
        fastcgi_temp_path "/srv/a b/nginx/own/fastcgi";
        uwsgi_temp_path "/srv/a b/nginx/own/uwsgi";
        scgi_temp_path "/srv/a b/nginx/own/scgi";
        server_tokens off;
        default_type application/octet-stream;
        types {
            text/html html htm;
            text/css css;
            text/plain txt;
            text/xml xml;
            text/javascript js mjs;
            application/json json map;
            application/manifest+json webmanifest;
            application/pdf pdf;
            application/wasm wasm;
            application/zip zip;
            font/woff woff;
            font/woff2 woff2;
            font/ttf ttf;
            image/avif avif;
            image/gif gif;
            image/jpeg jpeg jpg;
            image/png png;
            image/svg+xml svg;
            image/webp webp;
            image/x-icon ico;
            audio/mpeg mp3;
            audio/ogg ogg;
            video/mp4 mp4;
            video/webm webm;
        }
        include "/srv/a b/nginx/*.conf";
    }
    "#);
}

#[test]
fn the_conf_that_only_carries_signals() {
    insta::assert_snapshot!(signal(&dir("/srv/a b/nginx/own")).unwrap(), @r#"
    # Written by Dokuen: enough to stop this nginx, whatever state the vhosts are in.
    pid "/srv/a b/nginx/own/nginx.pid";
    error_log "/srv/a b/nginx/own/error.log" warn;
    events {
    }
    "#);
}

#[test]
fn connections_to_apps_themselves_are_given_up_soon_or_not_kept() {
    let kept = |upstream, build| {
        let text = render(&Site { upstream, ..site() }, &listen(), build).unwrap();
        let upstream = text.split("\nserver {").next().unwrap();
        upstream.lines().map(str::trim).filter(|l| l.starts_with("keepalive")).collect::<Vec<_>>().join(" ")
    };
    let (none, old, new) = (Build::default(), Build::from(Version(1, 18, 0)), Build::from(Version(1, 22, 1)));
    for build in [none, old, new] {
        assert_eq!(kept(Upstream::Fronts, build), "keepalive 64; keepalive_timeout 10s;");
    }
    assert_eq!(kept(Upstream::Apps, new), "keepalive 64; keepalive_timeout 1s; keepalive_time 1s;");
    assert_eq!((kept(Upstream::Apps, old), kept(Upstream::Apps, none)), (String::new(), String::new()));
}
