//! A vhost as people read it in the nginx directory.

use super::*;

#[test]
fn a_vhost() {
    insta::assert_snapshot!(render(&site(), &listen(), Build::default()).unwrap(), @r#"
    # dokuen-route c868084fb000c46b hello.example.com
    # Written by Dokuen for hello: what is changed here by hand is lost.

    upstream dokuen_hello {
        server "unix:/run/my dokuen/hello/live/1" max_fails=0;
        server "unix:/run/my dokuen/hello/live/2" max_fails=0;
        keepalive 256;
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

        if ($dokuen_two_hosts) {
            return 400;
        }

        location / {
            proxy_pass http://dokuen_hello;
            proxy_set_header Host $host$dokuen_port;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $host$dokuen_port;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header X-Forwarded-Ssl "";
            proxy_set_header X-Forwarded-Scheme "";
            proxy_set_header X-Forwarded-Protocol "";
            proxy_set_header X-Forwarded-Prefix "";
            proxy_set_header X-Forwarded-Server "";
            proxy_set_header Forwarded "";
            proxy_set_header Proxy "";
            proxy_next_upstream error;
            proxy_next_upstream_tries 2;
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
            return 200 "c868084fb000c46b\n";
        }
    }
    "#);
}
