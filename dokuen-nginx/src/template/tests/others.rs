//! The texts besides vhosts, as people read them in the nginx directory.

use super::*;

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
    # dokuen-route 06643f22a98c3161 dokuen.invalid
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

    map "$http_host $host" $dokuen_two_hosts {
        default 1;
        "~^ " "";
        "~*^(?<dokuen_host>[^ :]+?)\.?(?::[0-9]*)? \k<dokuen_host>$" "";
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
            return 200 "06643f22a98c3161\n";
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
