//! What nginx shows in place of an app, and what an admin adds to its configuration.

use std::fs;

use crate::curl::curl;
use crate::host::Host;
use crate::settings::{served, url};

#[test]
fn maintenance_shows_a_page_and_ends() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("maintenance", &[]).ok().stdout_is("off\n");
    app.dokuen("maintenance:on", &[]).ok();
    app.dokuen("maintenance", &[]).ok().stdout_is("on\n");
    let answer = curl(&host, &url(&app, "/"), &[]);
    assert_eq!((answer.status, answer.body.trim()), (503, "hello is in maintenance"));
    assert!(answer.head.contains("retry-after: 60"), "{}", answer.head);
    // A deploy in between changes nothing of it, and is live when it ends.
    app.greeting("two").push().ok();
    host.dokuen(&["boot"]).ok();
    assert_eq!(curl(&host, &url(&app, "/"), &[]).status, 503);
    app.dokuen_given("nginx:set", &["page.maintenance=-"], b"<h1>back at ten</h1>").ok();
    assert_eq!(curl(&host, &url(&app, "/"), &["-H", "Accept: text/html,*/*"]).body, "<h1>back at ten</h1>");
    app.dokuen("maintenance:off", &[]).ok();
    app.serves("two");
}

#[test]
fn an_app_that_is_not_there_is_told_in_the_form_that_is_asked_for() {
    let host = Host::new();
    let app = served(&host);
    app.dokuen("shutdown", &[]).ok();
    let text = curl(&host, &url(&app, "/"), &[]);
    assert_eq!((text.status, text.body.trim()), (502, "hello is not running"));
    let page = curl(&host, &url(&app, "/"), &["-H", "Accept: text/html"]);
    assert!(page.status == 502 && page.body.starts_with("<!doctype html>"), "{page:?}");
    let own = curl(&host, &url(&app, "/.well-known/dokuen/502"), &[]);
    assert_eq!(own.status, 404, "the page itself is no address");
}

#[test]
fn an_admins_snippets_and_template_are_tested_before_they_are_used() {
    let host = Host::new();
    let (app, other) = (served(&host), host.app("other", "python"));
    other.push().ok();
    let snippets = app.dir().join("front/snippets");
    fs::create_dir_all(&snippets).unwrap();
    fs::write(snippets.join("server.conf"), "location = /extra { return 418; }\n").unwrap();
    host.dokuen(&["nginx:rebuild"]).ok();
    assert_eq!(curl(&host, &url(&app, "/extra"), &[]).status, 418);
    fs::write(snippets.join("server.conf"), "locatoin = /extra { return 418; }\n").unwrap();
    app.dokuen("nginx:test", &[]).exits(8).stderr_has("unknown directive \"locatoin\"");
    host.dokuen(&["nginx:rebuild"]).exits(8).stderr_has("locatoin");
    assert_eq!(curl(&host, &url(&app, "/extra"), &[]).status, 418, "the last good one serves on");
    // Nobody else is held up by it.
    other.dokuen("domains:add", &["fine.example"]).ok();
    fs::remove_file(snippets.join("server.conf")).unwrap();

    let template = "{{> upstream}}\nserver {\n{{#each servers}}{{#each listen}}listen {{this}};\n{{/each}}server_name {{#each names}}{{this}} {{/each}};\n{{/each}}location / { return 200 mine; }\n{{> own}}\n}\n";
    fs::write(app.dir().join("front/nginx.conf.hbs"), template).unwrap();
    app.dokuen("nginx:test", &[]).ok();
    host.dokuen(&["nginx:rebuild"]).ok();
    assert_eq!(curl(&host, &url(&app, "/"), &[]).body, "mine");
    fs::remove_file(app.dir().join("front/nginx.conf.hbs")).unwrap();
    host.dokuen(&["nginx:rebuild"]).ok();
    app.serves("Hello from Python, version 1");
}

#[test]
fn somebody_elses_broken_file_is_set_aside_and_told() {
    let host = Host::new();
    let app = served(&host);
    fs::write(host.dir().join("nginx/zz.conf"), "servr x;\n").unwrap();
    app.greeting("two").push().ok().serving("two");
    assert!(host.dir().join("nginx/zz.conf").exists(), "a deploy that changes no name asks nobody");
    app.dokuen("domains:add", &["a.example"]).ok().stderr_has("zz.conf.refused").stderr_has("unknown directive");
    assert_eq!(curl(&host, "http://a.example/", &[]).status, 200);
}
