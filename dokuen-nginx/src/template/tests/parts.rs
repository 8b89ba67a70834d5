//! What a vhost has for which site.

use super::*;

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
fn grpc_is_passed_on_as_such_and_keeps_no_connection() {
    let mut settings = Settings::default();
    for (name, value) in
        [("proxy-read-timeout", "5m"), ("request-header.X-A", "1"), ("header.X-B", "2"), ("cache", "1m")]
    {
        settings.set(name, value).unwrap();
    }
    let text = render(&Site { protocol: Protocol::Grpc, settings, ..site() }, &listen(), Build::default()).unwrap();
    assert!(!text.contains("    proxy_") && !text.contains("    keepalive "), "{text}");
    for line in [
        "grpc_pass grpc://dokuen_hello;",
        "grpc_set_header X-Forwarded-For $remote_addr;",
        "grpc_next_upstream error;",
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
            auth_basic "app hello";
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
            proxy_cache_key $scheme$host$dokuen_port$request_uri;
            proxy_cache_valid 200 301 308 10m;
            proxy_cache_bypass $http_authorization $http_cookie;
            proxy_no_cache $http_authorization $http_cookie;
            proxy_cache_lock on;
            proxy_cache_use_stale error timeout updating http_502 http_503 http_504;
        location ^~ /assets/ {
            allow 192.0.2.0/24;
            deny all;
            auth_basic "app hello";
            auth_basic_user_file "/u";
            limit_req zone=dokuen_hello_rate burst=20 nodelay;
            limit_req_status 429;
            limit_conn dokuen_hello_conn 5;
            limit_conn_status 429;
            alias "/d/apps/hello/current/public/assets/";
            disable_symlinks on "from=/d/apps/hello/current";
            expires 30d;
            return 200 "7a69da548a0858a8\n";
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
    assert!(matches!(with("{{> own"), Err(NginxError::Template { .. })));
    // One that never ends is no end of the program.
    let endless = "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}{{> own}}";
    assert!(matches!(with(endless), Err(NginxError::Template { .. })));
}

#[test]
fn the_sum_tells_two_texts_apart_and_stands_for_one() {
    let sum = |site: &Site| Seal::of(render(site, &listen(), Build::default()).unwrap().as_bytes()).unwrap().sum;
    assert_eq!(sum(&site()), sum(&site()));
    assert_ne!(sum(&site()), sum(&Site { slots: 3, ..site() }));
}
