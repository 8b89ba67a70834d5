//! The four texts as people read them in the nginx directory.

use std::path::Path;

use dokuen_core::{AppName, Domain};

use super::*;
use crate::seal::Seal;

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
    insta::assert_snapshot!(render(&site(), &listen()).unwrap(), @r#"
    # dokuen-route 80128fac2d0bdb75 hello.example.com
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

        location / {
            proxy_pass http://dokuen_hello;
            proxy_http_version 1.1;
            proxy_set_header Host $host$dokuen_port;
            proxy_set_header Connection $dokuen_connection;
            proxy_set_header Upgrade $dokuen_upgrade;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $host$dokuen_port;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header Forwarded "";
            proxy_set_header Proxy "";
            proxy_connect_timeout 5s;
            proxy_send_timeout 60s;
            proxy_read_timeout 60s;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 3;
            proxy_next_upstream_timeout 10s;
            proxy_buffering on;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
            error_page 502 503 @dokuen_down;
            error_page 504 @dokuen_late;
        }

        location @dokuen_down {
            default_type text/plain;
            return 502 "hello is not running\n";
        }

        location @dokuen_late {
            default_type text/plain;
            return 504 "hello did not answer in time\n";
        }

        location = /.well-known/dokuen-route {
            access_log off;
            default_type text/plain;
            if ($dokuen_near = "") {
                return 404;
            }
            return 200 "80128fac2d0bdb75\n";
        }
    }
    "#);
}

#[test]
fn a_vhost_has_every_name_and_its_own_logs() {
    let aliases = ["www.example.com", "example.com"].map(|d| Domain::parse(d).unwrap()).to_vec();
    let text =
        render(&Site { aliases, access_log: Log::Off, error_log: Log::File(dir("/l l/e")), ..site() }, &listen());
    let text = text.unwrap();
    for part in [
        "hello.example.com\n        www.example.com\n        example.com\n        ;",
        "access_log off;",
        "error_log \"/l l/e\";",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(Seal::of(text.as_bytes()).unwrap().domains, ["hello.example.com", "www.example.com", "example.com"]);
}

#[test]
fn the_sum_tells_two_texts_apart_and_stands_for_one() {
    let sum = |site: &Site| Seal::of(render(site, &listen()).unwrap().as_bytes()).unwrap().sum;
    assert_eq!(sum(&site()), sum(&site()));
    assert_ne!(sum(&site()), sum(&Site { slots: 3, ..site() }));
}

#[test]
fn the_server_for_unknown_names() {
    let listen = vec!["0.0.0.0:80".to_owned(), "[::]:80".to_owned()];
    let near = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
    let text = catch_all(&CatchAll { listen, near, keepalive_min_timeout: true }).unwrap();
    insta::assert_snapshot!(text, @r#"
    # dokuen-route cc08e7b0a12c5b04 dokuen.invalid
    # Written by Dokuen: what is changed here by hand is lost. Names that no app has end here.

    server_names_hash_bucket_size 512;
    server_names_hash_max_size 8192;
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
            return 200 "cc08e7b0a12c5b04\n";
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
        access_log "/srv/a b/nginx/own/access.log";
        client_body_temp_path "/srv/a b/nginx/own/client_body";
        proxy_temp_path "/srv/a b/nginx/own/proxy";
        fastcgi_temp_path "/srv/a b/nginx/own/fastcgi";
        uwsgi_temp_path "/srv/a b/nginx/own/uwsgi";
        scgi_temp_path "/srv/a b/nginx/own/scgi";
        server_tokens off;
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
