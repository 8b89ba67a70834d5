//! Names: given, taken, led elsewhere, and whose they are.

use std::thread;

use crate::curl::curl;
use crate::host::Host;
use crate::unchanged_but;

#[test]
fn a_name_answers_when_the_command_ends_and_no_longer_when_it_is_taken_away() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.dokuen("domains:add", &["early.example"]).ok().stdout_has("from the first deploy on");
    app.push().ok().serving("Hello from Python, version 1");
    assert_eq!(curl(&host, "http://early.example/", &[]).status, 200);

    app.dokuen("domains:add", &["www.hello.example", "WWW.Hello.example,b\u{fc}cher.example"])
        .ok()
        .stdout_has("b\u{fc}cher.example is xn--bcher-kva.example");
    for name in ["www.hello.example", "xn--bcher-kva.example", "early.example"] {
        assert_eq!(curl(&host, &format!("http://{name}/"), &[]).status, 200, "{name}");
    }
    app.dokuen("domains", &[]).ok().stdout_is(
        "NAME                   FROM   LEADS TO  CERTIFICATE UNTIL\n\
         hello.dokuen.test      own    -         -\n\
         early.example          added  -         -\n\
         www.hello.example      added  -         -\n\
         xn--bcher-kva.example  added  -         -\n",
    );
    let json: serde_json::Value = serde_json::from_slice(&app.dokuen("domains", &["--json"]).ok().out).unwrap();
    assert_eq!((&json[3]["name"], &json[3]["from"]), (&"xn--bcher-kva.example".into(), &"added".into()));

    app.dokuen("domains:remove", &["nobody.example"]).exits(3).stderr_has("no name that was added");
    app.dokuen("domains:remove", &["early.example"]).ok();
    assert_eq!(curl(&host, "http://early.example/", &[]).status, 404);
    app.dokuen("domains:set", &["only.example"]).ok();
    let statuses =
        ["only.example", "www.hello.example"].map(|name| curl(&host, &format!("http://{name}/"), &[]).status);
    assert_eq!(statuses, [200, 404]);
    app.dokuen("domains:clear", &[]).ok();
    assert_eq!(curl(&host, "http://only.example/", &[]).status, 404);
    app.serves("Hello from Python, version 1");
}

#[test]
fn a_rollback_keeps_the_names_of_today() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    app.greeting("two").push().ok();
    app.dokuen("domains:add", &["today.example"]).ok();
    app.dokuen("rollback", &[]).ok();
    assert_eq!(curl(&host, "http://today.example/", &[]).body.trim(), "Hello from Python, version 1");
}

#[test]
fn a_name_that_leads_elsewhere_keeps_the_path() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    let port = host.listen().port();
    app.dokuen("domains:add", &["www.a.example", "--redirect-to", "a.example"])
        .exits(3)
        .stderr_has("no name that hello");
    app.dokuen("domains:add", &["a.example"]).ok();
    app.dokuen("domains:add", &["www.a.example", "--redirect-to", "a.example"]).ok();
    let answer = curl(&host, "http://www.a.example/x/y?z=1", &[]);
    assert_eq!(answer.status, 301);
    assert!(answer.head.contains(&format!("location: http://a.example:{port}/x/y?z=1\r\n")), "{}", answer.head);
    app.dokuen("domains:remove", &["a.example"])
        .exits(1)
        .stderr_has("www.a.example leads to a name that would be gone");
    // The app's own name can be the one that leads elsewhere.
    app.dokuen("domains:add", &[&app.domain(), "--redirect-to", "a.example"]).ok();
    assert_eq!(app.get("/").status, 301);
    app.dokuen("domains:remove", &["www.a.example", "a.example", &app.domain()]).ok();
    app.serves("Hello from Python, version 1");
}

#[test]
fn a_name_has_one_owner_and_nobody_takes_it() {
    let host = Host::new();
    let (one, two) = (host.app("one", "python"), host.app("two", "python"));
    one.push().ok();
    one.dokuen("domains:add", &["taken.example"]).ok();
    one.dokuen("config_set", &["ADDITIONAL_DOMAINS=listed.example"]).ok();
    let before = host.snapshot();
    for name in ["taken.example", "listed.example"] {
        two.dokuen("domains:add", &["free.example", name])
            .exits(1)
            .stderr_has(&format!("{name} is a name of the app one already"));
        two.dokuen("config_set", &[&format!("ADDITIONAL_DOMAINS={name}")])
            .exits(1)
            .stderr_has("of the app one already");
    }
    for (name, code, words) in [
        ("one.dokuen.test", 2, "belong to the apps of these names"),
        ("dokuen.test", 2, "belong to the apps of these names"),
        ("*.example", 2, "at least two labels"),
        ("*.taken.example", 0, ""),
        ("a;b.example", 2, "domain"),
        ("~^.*$", 2, "domain"),
        ("_", 2, "domain"),
        ("127.0.0.1", 2, "domain"),
    ] {
        let outcome = two.dokuen("domains:add", &["--", name]).exits(code);
        if code == 0 {
            two.dokuen("domains:remove", &[name]).ok();
        } else {
            outcome.stderr_has(words);
        }
    }
    unchanged_but(&before, &host, &["events", "apps/two/lock", "apps/two/front"]);
}

#[test]
fn of_two_who_want_a_name_at_the_same_time_one_gets_it() {
    let host = Host::new();
    let apps: Vec<_> = ["one", "two", "three"].iter().map(|name| host.app(name, "python")).collect();
    for round in 0..4 {
        let name = format!("race{round}.example");
        let codes: Vec<i32> = thread::scope(|scope| {
            let tries: Vec<_> =
                apps.iter().map(|app| scope.spawn(|| app.dokuen("domains:add", &[&name]).code)).collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    }
}

#[test]
fn a_wildcard_answers_for_all_names_below_and_keeps_others_out() {
    let host = Host::new();
    let (one, two) = (host.app("one", "python"), host.app("two", "python"));
    one.push().ok();
    one.dokuen("domains:add", &["*.shop.example"]).ok();
    for name in ["a.shop.example", "b.c.shop.example"] {
        assert_eq!(curl(&host, &format!("http://{name}/"), &[]).status, 200);
    }
    assert_eq!(curl(&host, "http://shop.example/", &[]).status, 404);
    two.dokuen("domains:add", &["x.shop.example"]).exits(1).stderr_has("the app one has *.shop.example");
    two.dokuen("domains:add", &["shop.example"]).ok();
}

#[test]
fn a_name_that_nginx_cannot_have_is_taken_back() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    app.dokuen("domains:add", &["kept.example"]).ok();
    // Somebody's own file of the nginx directory has the name: nginx goes on serving that.
    let sealed =
        "# dokuen-route 0123456789abcdef squat.example\nserver { listen 127.0.0.1:1; server_name squat.example; }\n";
    std::fs::write(host.dir().join("nginx/zz.conf"), sealed).unwrap();
    app.dokuen("domains:add", &["squat.example"]).exits(1).stderr_has("squat.example belongs to another app");
    app.dokuen("domains", &[]).ok().stdout_has("kept.example");
    assert!(!app.dokuen("domains", &[]).ok().out().contains("squat"));
    assert_eq!(curl(&host, "http://kept.example/", &[]).status, 200);
}
